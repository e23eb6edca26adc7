"""Protocol `react`: one line of labels, as in the ReAct paper (arXiv 2210.03629).

    Thought: I need the year it was founded.
    Action: search[Acme Corporation]

`finish[…]` ends the episode. A thought may have several lines, an argument too; the action ends
with the last bracket of the message. Observations are `Observation: …` in a user message.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from deepcoder.rendering.protocols import (
    BREAK,
    FINISH,
    Piece,
    Salvage,
    action_text,
    make_action,
    observed,
    pieces,
    settle,
    text_kind,
    unreadable,
)
from deepcoder.types import Completion, Message, Observation, SpanKind, Step

__all__ = ["React"]

_STRICT = re.compile(r"Thought: (?P<reason>.*?)\nAction: (?P<tool>[\w.-]+)\[(?P<text>.*)\]", re.S)
_WITHOUT_REASON = re.compile(r"Action: (?P<tool>[\w.-]+)\[(?P<text>.*)\]", re.S)
_LABEL = re.compile(
    r"^[ \t]*\**(thought|action|observation)\**[ \t]*\d*[ \t]*:\**[ \t]*", re.I | re.M
)
_CALL = re.compile(r"(?P<tool>[\w.-]+)[ \t]*\[(?P<text>.*)", re.S)
_LATER = re.compile(r"\n(Thought|Action|Observation):")


class React:
    """See the module's text. Stateless."""

    name = "react"

    def instructions(self, tools: Sequence[str]) -> str:
        lines = [
            "Each of your messages has two parts and nothing else:",
            "Thought: your reasoning",
            "Action: tool[argument]",
            f"The tools are {', '.join(tools)}. You are then shown an observation.",
        ]
        if FINISH in tools:
            lines.append("finish[answer] gives your final answer and ends the conversation.")
        return "\n".join(lines)

    def write(self, step: Step) -> tuple[Piece, ...]:
        if step.action is None:
            raise ValueError("a step without an action has no canonical text")
        tool, text = step.action.tool, action_text(step.action)
        # A label inside a thought would be read as the next part.
        reason = _LATER.sub(lambda m: m[0][:2] + BREAK + m[0][2:], step.reason)
        # Tokenizers join a space to the word after it, so it has the kind of that word: otherwise
        # nearly every name of a tool would be one token that begins in the label.
        thinking: tuple[Piece, ...] = ()
        if reason:
            thinking = pieces(
                ("Thought:", SpanKind.FORMAT_REASON),
                (f" {reason}", SpanKind.REASON),
                ("\n", SpanKind.FORMAT_REASON),
            )
        return thinking + pieces(
            ("Action:", SpanKind.FORMAT_ACT),
            (f" {tool}", SpanKind.ACT_NAME),
            ("[", SpanKind.FORMAT_ACT),
            (text, text_kind(tool)),
            ("]", SpanKind.FORMAT_ACT),
        )

    def parse(self, completion: Completion) -> Step:
        sampled = completion.text
        salvaged: list[Salvage] = []
        if completion.reasoning:
            sampled = f"Thought: {completion.reasoning}\n{sampled}"
            salvaged.append(Salvage.REASONING_FIELD)
        exact = _exact(sampled)
        if exact is not None:
            reason, tool, text = exact
            if not reason:
                salvaged.append(Salvage.MISSING_THINK)
        else:
            read = _tolerant(sampled, cut_off=completion.finish == "length")
            if read is None:
                return unreadable(sampled, completion)
            reason, tool, text, repairs = read
            salvaged += repairs
        step = Step(
            reason=reason,
            action=make_action(tool, text),
            salvaged=tuple(salvaged),
            token_ids=completion.token_ids,
            logprobs=completion.logprobs,
        )
        if exact is not None and (reason or sampled.startswith("Action:")):
            return step  # what the expression took apart is what `write` puts together
        return settle(self, step, sampled)

    def observe(self, observation: Observation) -> Message:
        return observed("Observation: ", observation)


def _exact(text: str) -> tuple[str, str, str] | None:
    """(reason, tool, argument) of a canonical message, or None."""
    match = _STRICT.fullmatch(text) or _WITHOUT_REASON.fullmatch(text)
    if match is None or _LATER.search(match["text"]):
        return None
    reason = match.groupdict().get("reason") or ""
    return None if _LATER.search(reason) else (reason, match["tool"], match["text"])


def _tolerant(text: str, *, cut_off: bool) -> tuple[str, str, str, list[Salvage]] | None:
    """(reason, tool, argument, repairs) of the first action that can be found, or None."""
    labels = list(_LABEL.finditer(text))
    first = next((i for i, label in enumerate(labels) if label[1].lower() == "action"), None)
    if first is None:
        return None
    action = labels[first]
    after = labels[first + 1 :]
    end = after[0].start() if after else len(text)
    call = _CALL.match(text[action.end() : end].strip())
    if call is None:
        return None
    argument, bracket, trailing = call["text"].rpartition("]")
    repairs: list[Salvage] = []
    if not bracket:
        if cut_off and not after:
            return None  # half an action is not an action
        argument, trailing = call["text"], ""
        repairs.append(Salvage.UNCLOSED_ACTION)
    thought = next((label for label in labels[:first] if label[1].lower() == "thought"), None)
    reason = text[thought.end() if thought else 0 : action.start()].strip()
    if thought is None:
        repairs.append(Salvage.MISSING_THINK)
    elif text[: thought.start()].strip():
        repairs.append(Salvage.TEXT_BEFORE_ACTION)
    if any(label[1].lower() == "action" for label in after):
        repairs.append(Salvage.SEVERAL_ACTIONS)
    elif after or trailing.strip():
        repairs.append(Salvage.TEXT_AFTER_ACTION)
    if any(label[0].strip() not in ("Thought:", "Action:") for label in labels[: first + 1]):
        repairs.append(Salvage.LABELS)
    return reason, call["tool"], argument, repairs
