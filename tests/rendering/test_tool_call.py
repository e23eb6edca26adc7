"""Protocol `tool_call`: one JSON call in tags, or a final answer."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rendering.real_tokenizers import renderer, tokenizer
from rendering.strategies import answer_step, code_step, make_trajectory, steps, texts

from deepcoder.rendering import Salvage, get_protocol, render_trajectory
from deepcoder.rendering.control import ControlGuard
from deepcoder.rendering.protocols import BREAK, action_text
from deepcoder.rendering.tool_call import calls_text
from deepcoder.spans import align
from deepcoder.types import KINDS, Action, Completion, Observation, SpanKind, Step

PROTOCOL = get_protocol("tool_call")
THINK = "<think>\nwhy\n</think>\n\n"
CALL = '<tool_call>\n{"name": "python", "arguments": {"code": "x = 1"}}\n</tool_call>'


def written(step: Step) -> str:
    return "".join(piece.text for piece in PROTOCOL.write(step))


def read(text: str, **kwargs) -> Step:
    return PROTOCOL.parse(Completion(text=text, **kwargs))


def test_canonical_text_and_its_kinds() -> None:
    step = code_step("why", "x = 1")
    assert written(step) == THINK + CALL
    assert [(piece.text, piece.kind.value) for piece in PROTOCOL.write(step)] == [
        ("<think>\n", "format.reason"),
        ("why", "reason"),
        ("\n</think>\n\n", "format.reason"),
        ('<tool_call>\n{"name": "', "format.act"),
        ("python", "act.name"),
        ('", "arguments":', "format.act"),
        (' {"code": "x = 1"}', "act.arguments"),
        ("}\n</tool_call>", "format.act"),
    ]
    assert written(answer_step("why", "42")) == f"{THINK}42"
    assert PROTOCOL.write(answer_step("", "42"))[0].kind is SpanKind.ACT_ANSWER


arguments = st.dictionaries(
    texts, st.one_of(texts, st.integers(), st.booleans(), st.none(), st.lists(texts, max_size=2))
)


@settings(max_examples=300, deadline=None)
@given(reason=texts, tool=texts.filter(lambda t: t and t != "finish"), arguments=arguments)
def test_a_call_is_read_back_exactly(reason: str, tool: str, arguments: dict) -> None:
    action = Action.model_construct(tool=tool, arguments=arguments)
    text = written(Step.model_construct(reason=reason, action=action))
    back = PROTOCOL.parse(Completion.model_construct(text=text))
    assert (back.action.tool, back.action.arguments) == (tool, arguments)
    assert back.raw is None
    assert back.reason == reason.replace("</think>", f"<{BREAK}/think>")
    assert set(back.salvaged) <= {Salvage.MISSING_THINK}


@settings(max_examples=300, deadline=None)
@given(step=steps())
def test_an_answer_is_read_back_but_for_broken_tags(step: Step) -> None:
    if step.action is None or step.action.tool != "finish" or not action_text(step.action).strip():
        return
    back = read(written(step))
    if back.salvaged and Salvage.UNTAGGED_CALL in back.salvaged:
        return
    assert back.action.tool == "finish"
    given = action_text(step.action)
    if not step.reason:
        given = given.lstrip()
    assert action_text(back.action).replace(BREAK, "") == given.replace(BREAK, "")
    assert back.raw is None


@pytest.mark.parametrize(
    ("text", "reason", "salvaged"),
    [
        (THINK + CALL, "why", []),
        ("<think>why</think>\n" + CALL + "\n", "why", []),
        (CALL, "", [Salvage.MISSING_THINK]),
        ("why\n" + CALL, "why", [Salvage.MISSING_THINK]),
        ("why\n</think>\n\n" + CALL, "why", [Salvage.UNOPENED_THINK]),
        ("<think>\nwhy\n" + CALL, "why", [Salvage.UNCLOSED_THINK]),
        (THINK + "So:\n" + CALL, "why\nSo:", [Salvage.TEXT_BEFORE_ACTION]),
        (THINK + CALL + "\nThat sets x.", "why", [Salvage.TEXT_AFTER_ACTION]),
        (THINK + CALL + "\n" + CALL, "why", [Salvage.SEVERAL_ACTIONS]),
        (THINK + CALL.removesuffix("</tool_call>"), "why", [Salvage.UNCLOSED_ACTION]),
        (THINK + CALL.replace("}}", "}"), "why", [Salvage.REPAIRED_JSON]),
        (THINK + CALL.replace("}}", "}}}"), "why", [Salvage.REPAIRED_JSON]),
        (THINK + CALL.replace("}}", "},}"), "why", [Salvage.REPAIRED_JSON]),
        (THINK + CALL.replace('"', "'"), "why", [Salvage.REPAIRED_JSON]),
        (THINK + CALL.replace("arguments", "parameters"), "why", [Salvage.REPAIRED_JSON]),
        (
            THINK + CALL.replace('{"code": "x = 1"}', json.dumps('{"code": "x = 1"}')),
            "why",
            [Salvage.REPAIRED_JSON],
        ),
        (THINK + CALL[12:-13], "why", [Salvage.UNTAGGED_CALL]),
        (f"{THINK}```json\n{CALL[12:-13]}\n```", "why", [Salvage.UNTAGGED_CALL]),
    ],
)
def test_what_models_make_of_it(text: str, reason: str, salvaged: list[Salvage]) -> None:
    step = read(text)
    assert step.action == Action(tool="python", arguments={"code": "x = 1"})
    assert (step.reason, list(step.salvaged)) == (reason, salvaged)
    assert step.raw == (None if written(step) == text else text)


def test_raw_newlines_in_code_are_repaired() -> None:
    step = read('<tool_call>{"name": "python", "arguments": {"code": "a\nb"}}</tool_call>')
    assert step.action == Action(tool="python", arguments={"code": "a\nb"})
    assert Salvage.REPAIRED_JSON in step.salvaged


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "<think>",
        "<think>\nwhy",
        THINK,
        THINK + "<tool_call>\nnothing\n</tool_call>",
        THINK + '<tool_call>\n{"name": 3}\n</tool_call>',
        THINK + '<tool_call>\n{"name": "a", "arguments": [1]}\n</tool_call>',
    ],
)
def test_what_cannot_be_read_keeps_the_text(text: str) -> None:
    step = read(text)
    assert (step.action, step.raw) == (None, text)


def test_half_a_message_is_neither_a_call_nor_an_answer() -> None:
    assert read(THINK + CALL[:40], finish="length").action is None
    assert read(THINK + "The answer is 4", finish="length").action is None
    assert read(THINK + CALL, finish="length").action is not None


def test_reasoning_in_its_own_field() -> None:
    step = read(CALL, reasoning="why")
    assert (step.reason, step.raw) == ("why", None)
    assert read("4", reasoning="a </think> b").reason == f"a <{BREAK}/think> b"
    assert read("4", reasoning="why").action == Action(tool="finish", arguments={"answer": "4"})


def test_tags_in_code_survive_and_tags_in_an_answer_are_broken() -> None:
    code = "s = '<tool_call>x</tool_call>'"
    text = written(code_step("", code))
    assert text.count("<tool_call>") == 1
    assert read(text).action.arguments == {"code": code}
    answer = written(answer_step("", "<think>a</think> <tool_call>"))
    assert answer == f"<{BREAK}think>a<{BREAK}/think> <{BREAK}tool_call>"


def test_instructions_name_tools_and_arguments() -> None:
    text = PROTOCOL.instructions(["python", "retrieve", "finish"])
    assert "python: code" in text
    assert "retrieve: query" in text
    assert "final answer" in text
    assert "final answer" not in PROTOCOL.instructions(["python"]).splitlines()[-1]


def test_the_tags_are_the_students_own_tokens() -> None:
    """Qwen has tokens for them: they must survive where the protocol wrote them, and only there."""
    seen = "ok </tool_response> <tool_call>"
    steps_ = [code_step("why </tool_call>", "x = 1", seen), answer_step("done", "4")]
    rendered = render_trajectory(make_trajectory(steps_, protocol="tool_call"), renderer("qwen3"))
    ids = align([rendered], tokenizer("qwen3"))[0].input_ids.tolist()
    vocabulary = tokenizer("qwen3").get_vocab()
    for tag in ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"):
        assert ids.count(vocabulary[tag]) == 1, tag
    assert ids.count(vocabulary["<think>"]) == 2


def test_the_guard_lets_only_whole_calls_at_the_end_through() -> None:
    guard = ControlGuard(["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"])
    several = f"{CALL}\n{CALL}"
    for text in (CALL, THINK + CALL, several):
        assert guard.protect(text, assistant=True) == text
        assert guard.protect(text) != text
    for text in (f"{CALL} and more", f"x{CALL}", "<tool_call>\nno json\n</tool_call>"):
        assert "<tool_call>" not in guard.protect(text, assistant=True)
    wrapped = PROTOCOL.observe(Observation(content="3")).content
    assert wrapped == "<tool_response>\n3\n</tool_response>"
    assert guard.protect(wrapped) == wrapped
    assert guard.protect(wrapped, assistant=True) != wrapped


def test_spans_equal_a_reading_of_the_text() -> None:
    """Labels found in the text by its form alone, without the renderer's help."""
    trajectory = make_trajectory(
        [code_step("A\nB", 'print("<x>")', "9"), answer_step("C", "d\n\ne")], protocol="tool_call"
    )
    rendered = render_trajectory(trajectory, renderer("qwen2.5"))
    text = rendered.text
    for segment in rendered.segments:
        found = text[segment.start : segment.end]
        before, after = text[: segment.start], text[segment.end :]
        if segment.kind is SpanKind.REASON:
            assert before.endswith("<think>\n")
            assert after.startswith("\n</think>\n\n")
        elif segment.kind is SpanKind.ACT_ARGUMENTS:
            assert json.loads(found) == {"code": 'print("<x>")'}
        elif segment.kind is SpanKind.ACT_NAME:
            assert found == "python"
        elif segment.kind is SpanKind.ACT_ANSWER:
            assert found == "d\n\ne"
            assert before.endswith("</think>\n\n")
    kinds = {segment.kind for segment in rendered.segments}
    assert kinds == set(KINDS)


def test_a_message_of_several_calls_is_text() -> None:
    actions = [Action(tool="a", arguments={"x": 1}), Action(tool="b")]
    assert calls_text("why", actions) == (
        f'{THINK}<tool_call>\n{{"name": "a", "arguments": {{"x": 1}}}}\n</tool_call>\n'
        '<tool_call>\n{"name": "b", "arguments": {}}\n</tool_call>'
    )
