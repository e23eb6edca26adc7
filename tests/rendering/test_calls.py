"""Calls in other forms than the protocol's own: read and marked, never mistaken for an answer."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepcoder.rendering import Salvage, get_protocol
from deepcoder.rendering.calls import foreign_call
from deepcoder.types import Action, Completion, Step

THINK = "<think>\nwhy\n</think>\n"
ACTION = Action(tool="python", arguments={"code": 'print("x")'})
JSON = json.dumps({"name": "python", "arguments": ACTION.arguments})
DEEPSEEK = (
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>python\n```json\n"
    + json.dumps(ACTION.arguments)
    + "\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
)
HARMONY = (
    "<|channel|>commentary to=functions.python <|constrain|>json<|message|>"
    + json.dumps(ACTION.arguments)
    + "<|call|>"
)
FUNCTION = f"<function=python>{json.dumps(ACTION.arguments)}</function>"
XML = '<function=python>\n<parameter=code>\nprint("x")\n</parameter>\n</function>'
FORMS = [
    (JSON, [Salvage.UNTAGGED_CALL]),
    (f"```json\n{JSON}\n```", [Salvage.UNTAGGED_CALL]),
    (f"[{JSON}]", [Salvage.UNTAGGED_CALL, Salvage.REPAIRED_JSON]),
    (
        f"[{JSON}, {JSON}]",
        [Salvage.UNTAGGED_CALL, Salvage.REPAIRED_JSON, Salvage.SEVERAL_ACTIONS],
    ),
    (
        json.dumps({"type": "function", "function": json.loads(JSON)}),
        [Salvage.UNTAGGED_CALL, Salvage.REPAIRED_JSON],
    ),
    (
        json.dumps({"name": "python", "arguments": json.dumps(ACTION.arguments)}),
        [Salvage.UNTAGGED_CALL, Salvage.REPAIRED_JSON],
    ),
    (
        '{"name": "python", "arguments": {"code": "print("x")"}}',
        [Salvage.UNTAGGED_CALL, Salvage.REPAIRED_JSON],
    ),
    (FUNCTION, [Salvage.FOREIGN_CALL]),
    (FUNCTION.replace("=python>", "=python").replace("</function>", ""), [Salvage.FOREIGN_CALL]),
    (f"{FUNCTION}\n{FUNCTION}", [Salvage.FOREIGN_CALL, Salvage.SEVERAL_ACTIONS]),
    (XML, [Salvage.FOREIGN_CALL]),
    (XML.replace("</parameter>\n</function>", ""), [Salvage.FOREIGN_CALL]),
    (DEEPSEEK, [Salvage.FOREIGN_CALL]),
    (HARMONY, [Salvage.FOREIGN_CALL]),
]


def read(text: str, protocol: str, **kwargs) -> Step:
    return get_protocol(protocol).parse(Completion(text=text, **kwargs))


@pytest.mark.parametrize("protocol", ["codeact", "tool_call"])
@pytest.mark.parametrize(("text", "salvaged"), FORMS)
def test_every_form_is_read_and_marked(text: str, salvaged: list, protocol: str) -> None:
    """What Groq hands back as `failed_generation` comes in these forms."""
    step = read(THINK + text, protocol, finish="tool_use_failed")
    assert step.action == ACTION
    assert step.reason == "why"
    assert step.raw == THINK + text
    kept = [mark for mark in step.salvaged if mark is not Salvage.MISSING_THINK]
    assert kept == salvaged


def test_codeact_reads_a_tagged_call_too() -> None:
    assert read(f"{THINK}<tool_call>\n{XML}\n</tool_call>", "codeact").action == ACTION
    step = read(f"{THINK}Let me run it.\n<tool_call>\n{JSON}\n</tool_call>", "codeact")
    assert (step.action, step.reason) == (ACTION, "why\nLet me run it.")
    assert Salvage.FOREIGN_CALL in step.salvaged


def test_another_form_inside_the_tags() -> None:
    step = read(f"{THINK}<tool_call>\n{XML}\n</tool_call>", "tool_call")
    assert step.action == ACTION
    assert Salvage.FOREIGN_CALL in step.salvaged


def test_a_block_of_the_protocol_goes_before_a_foreign_call() -> None:
    step = read(f"{THINK}```python\nprint(1)\n```\n{FUNCTION}", "codeact")
    assert step.action == Action(tool="python", arguments={"code": "print(1)"})
    assert step.salvaged == (Salvage.TEXT_AFTER_ACTION,)


@pytest.mark.parametrize(
    "answer",
    [
        f"text = '''{FUNCTION}'''\nprint(text)",
        f"# see\n{FUNCTION}\nprint(1)",
        'config = {"name": "python", "arguments": {}}',
        '{"nam": 1}',
        "[1, 2]",
    ],
)
def test_an_answer_that_speaks_of_calls_stays_an_answer(answer: str) -> None:
    step = read(f"<think>\nwhy\n</think>\n\n{answer}", "tool_call")
    assert step.action == Action(tool="finish", arguments={"answer": answer})


def test_half_a_call_is_not_run() -> None:
    half = FUNCTION[: -len('")"}</function>')]
    assert read(THINK + half, "codeact", finish="length").action is None
    assert read(THINK + half, "tool_call", finish="length").action is None


@pytest.mark.parametrize(
    ("name", "tool"), [("Answer", "finish"), ("final_answer", "finish"), ("py", "python")]
)
def test_other_spellings_of_a_block_are_marked(name: str, tool: str) -> None:
    step = read(f"{THINK}```{name}\nx = 1\n```", "codeact")
    assert step.action is not None
    assert step.action.tool == tool
    assert step.salvaged == (Salvage.TOOL_ALIAS,)


MARKS = st.sampled_from(
    ["<function=python>", "</function>", "<parameter=code>", "<｜tool▁sep｜>", "<|message|>", "{",
     '{"name": "', "python", '"arguments": ', "}", "]", "[", '"', "\\", "```json\n", "\n```", "to=",
     "functions.", "<|channel|>", "<tool_call>", "</tool_call>", "<think>", "</think>", "\n", "x"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(text=st.lists(MARKS, max_size=24).map("".join))
def test_no_text_breaks_a_reader(text: str) -> None:
    foreign_call(text)
    for protocol in ("codeact", "react", "tool_call"):
        for finish in ("stop", "length"):
            step = read(text, protocol, finish=finish)
            assert step.action is not None or step.raw == text


HOSTILE = [
    "<function=a>{" * 60_000,
    '{"name":' * 90_000,
    "[" * 500_000,
    "<｜tool▁sep｜>" * 60_000,
    "to=functions.a " * 60_000,
    "<|channel|>" * 90_000,
    '{"name": "a", "arguments": {"c": "' + '"' * 500_000,
    "```json\n{" * 90_000 + "```",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:20])
def test_hostile_texts_take_no_time_and_make_no_call(text: str) -> None:
    """Quadratic reading would run into the time limit of the tests. Nothing in these is a call."""
    answer = read(text, "tool_call")
    assert answer.action == Action(tool="finish", arguments={"answer": text})
    assert answer.salvaged == (Salvage.MISSING_THINK,)
    step = read(text, "codeact")
    assert step.raw == text
    # A fence that never closes is code under codeact; nothing else of these is an action.
    assert (step.action is None) is not text.startswith("```")
