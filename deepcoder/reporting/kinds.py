"""How a span kind is shown: its name in words, its colour, and text that hides nothing.

The one home for all pages; the colours stand in `kinds.css.j2`, which they include.

    css_class(SpanKind.ACT_NAME)      # 'k-act-name'
    legend()[0]["text"]
"""

from __future__ import annotations

from deepcoder.types import KINDS, SpanKind, WeightGroup

__all__ = ["KIND_TEXT", "css_class", "legend", "visible"]

KIND_TEXT = {
    SpanKind.PROMPT: "given, or not readable as a step: never trained on",
    SpanKind.OBSERVATION: "what the environment said: never trained on",
    SpanKind.REASON: "the student's thinking",
    SpanKind.ACT_NAME: "name of the tool",
    SpanKind.ACT_ARGUMENTS: "what the tool is called with",
    SpanKind.ACT_ANSWER: "final answer",
    SpanKind.FORMAT_REASON: "marks around reasoning",
    SpanKind.FORMAT_ACT: "marks around actions",
}


def css_class(kind: SpanKind) -> str:
    """`act.name` as the class `k-act-name`."""
    return "k-" + str(kind).replace(".", "-")


def legend() -> list[dict[str, str]]:
    """The kinds in their order, with what carries loss."""
    return [
        {
            "kind": str(kind),
            "css": css_class(kind),
            "text": KIND_TEXT[kind],
            "group": "" if kind.group is WeightGroup.NONE else f"{kind.group} loss",
        }
        for kind in KINDS
    ]


def visible(text: str) -> str:
    """Characters that HTML cannot carry or that hide are shown as what they are."""
    return "".join(
        char
        if char in "\n\t" or (char.isprintable() and not 0xD800 <= ord(char) < 0xE000)
        else f"\\u{ord(char):04x}"
        for char in text
    )
