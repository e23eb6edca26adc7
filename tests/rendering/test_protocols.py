"""A step is written one way and read back from many."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from rendering.strategies import answer_step, code_step, steps

from deepcoder.errors import ConfigError
from deepcoder.rendering import Salvage, get_protocol
from deepcoder.rendering.protocols import BREAK, action_text
from deepcoder.types import Action, Completion, Observation, SpanKind, Step, WeightGroup

CODEACT = get_protocol("codeact")
REACT = get_protocol("react")


def written(protocol, step: Step) -> str:
    return "".join(piece.text for piece in protocol.write(step))


def read(text: str, protocol=CODEACT, **kwargs) -> Step:
    return protocol.parse(Completion(text=text, **kwargs))


def test_canonical_codeact_text() -> None:
    step = code_step("Sum it.\nThen print.", "print(sum([1, 2]))")
    assert written(CODEACT, step) == (
        "<think>\nSum it.\nThen print.\n</think>\n```python\nprint(sum([1, 2]))\n```"
    )
    assert (
        written(CODEACT, answer_step("Done.", "3")) == "<think>\nDone.\n</think>\n```answer\n3\n```"
    )


def test_canonical_react_text() -> None:
    step = Step(reason="Look.", action=Action(tool="search", arguments={"query": "a [b] c"}))
    assert written(REACT, step) == "Thought: Look.\nAction: search[a [b] c]"
    kinds = [(piece.text, piece.kind.value) for piece in REACT.write(step)]
    assert kinds == [
        ("Thought:", "format.reason"),
        (" Look.", "reason"),
        ("\n", "format.reason"),
        ("Action:", "format.act"),
        (" search", "act.name"),
        ("[", "format.act"),
        ("a [b] c", "act.arguments"),
        ("]", "format.act"),
    ]


@pytest.mark.parametrize("protocol", [CODEACT, REACT], ids=lambda p: p.name)
def test_the_kind_of_each_part(protocol) -> None:
    by_kind = {p.kind: p.text.strip() for p in protocol.write(code_step("why", "code"))}
    assert by_kind[SpanKind.REASON] == "why"
    assert by_kind[SpanKind.ACT_NAME] == "python"
    assert by_kind[SpanKind.ACT_ARGUMENTS] == "code"
    answer = {piece.kind: piece.text for piece in protocol.write(answer_step("why", "42"))}
    assert answer[SpanKind.ACT_ANSWER] == "42"
    assert SpanKind.ACT_ARGUMENTS not in answer


@settings(max_examples=300, deadline=None)
@given(step=steps())
def test_codeact_reads_back_exactly_what_it_wrote(step: Step) -> None:
    if step.action is None:
        return
    text = written(CODEACT, step)
    assert read(text) == Step(
        reason=step.reason.replace("</think>", f"<{BREAK}/think>"),
        action=step.action,
        salvaged=() if step.reason else (Salvage.MISSING_THINK,),
    )


@settings(max_examples=300, deadline=None)
@given(step=steps())
def test_react_reads_back_what_it_wrote_unless_an_argument_looks_like_a_label(step: Step) -> None:
    if step.action is None:
        return
    back = read(written(REACT, step), REACT)
    assert back.action is not None
    assert back.action.tool == step.action.tool
    if not re.search(r"\n(Thought|Action|Observation):", action_text(step.action)):
        assert back.action == step.action
        assert back.raw is None
        assert back.reason.replace(BREAK, "") == step.reason.replace(BREAK, "")


@settings(max_examples=300, deadline=None)
@given(step=steps())
def test_pieces_never_hold_prompt_kinds_and_never_are_empty(step: Step) -> None:
    if step.action is None:
        return
    for protocol in (CODEACT, REACT):
        for piece in protocol.write(step):
            assert piece.text
            assert piece.kind.group is not WeightGroup.NONE


THINK = "<think>\nwhy\n</think>\n"
CODE = "```python\nx = 1\n```"


@pytest.mark.parametrize(
    ("text", "reason", "code", "salvaged"),
    [
        (THINK + CODE, "why", "x = 1", []),
        ("<think>why</think>\n\n" + CODE + "\n", "why", "x = 1", []),
        (THINK + "```python\nx = 1", "why", "x = 1", [Salvage.UNCLOSED_ACTION]),
        ("<think>\nwhy\n" + CODE, "why", "x = 1", [Salvage.UNCLOSED_THINK]),
        ("why\n</think>\n" + CODE, "why", "x = 1", [Salvage.UNOPENED_THINK]),
        ("why\n" + CODE, "why", "x = 1", [Salvage.MISSING_THINK]),
        (CODE, "", "x = 1", [Salvage.MISSING_THINK]),
        (THINK + CODE + "\nso\n```python\ny\n```", "why", "x = 1", [Salvage.SEVERAL_ACTIONS]),
        (THINK + CODE + "\nThis sets x.", "why", "x = 1", [Salvage.TEXT_AFTER_ACTION]),
        (THINK + "Now:\n" + CODE, "why\nNow:", "x = 1", [Salvage.TEXT_BEFORE_ACTION]),
        (THINK + "```py\nx = 1\n```", "why", "x = 1", [Salvage.TOOL_ALIAS]),
        (THINK + "```\nx = 1\n```", "why", "x = 1", [Salvage.TOOL_ALIAS]),
        (THINK + "````python\n```\n````", "why", "```", []),
        (THINK + "```python\ns = '</think>'\n```", "why", "s = '</think>'", []),
        ("```python\ns = '</think>'\n```", "", "s = '</think>'", [Salvage.MISSING_THINK]),
        ("<think>\r\nwhy\r\n</think>\r\n```python\r\nx = 1\r\n```", "why", "x = 1\r", []),
    ],
)
def test_codeact_reads_what_models_make_of_it(text, reason, code, salvaged) -> None:
    step = read(text)
    assert step.action == Action(tool="python", arguments={"code": code})
    assert step.reason == reason
    assert list(step.salvaged) == salvaged
    assert step.raw == (None if written(CODEACT, step) == text else text)


@pytest.mark.parametrize(
    "text",
    ["", "<think>", "I do not know.", "<think>\nwhy\n</think>\n", "`python` is nice", "```"[:2]],
)
@pytest.mark.parametrize("protocol", [CODEACT, REACT], ids=lambda p: p.name)
def test_what_cannot_be_read_keeps_the_text(protocol, text: str) -> None:
    step = read(text, protocol)
    assert step.action is None
    assert step.raw == text


def test_an_action_cut_by_the_token_limit_is_not_run() -> None:
    half = THINK + "```python\nimport shutil; shutil.rmtree(ho"
    assert read(half, finish="length").action is None
    assert read(THINK + CODE, finish="length").action is not None
    assert read("Thought: a\nAction: search[half", REACT, finish="length").action is None


def test_reasoning_in_its_own_field() -> None:
    step = read(CODE, reasoning="why")
    assert (step.reason, step.salvaged) == ("why", (Salvage.REASONING_FIELD,))
    assert step.action == Action(tool="python", arguments={"code": "x = 1"})
    assert step.raw is None
    broken = read("no block", reasoning="why")
    assert broken.raw == "<think>\nwhy\n</think>\nno block"
    react = read("Action: finish[1]", REACT, reasoning="why")
    assert (react.reason, react.raw) == ("why", None)


def test_ids_of_the_backend_are_kept() -> None:
    step = read(THINK + CODE, token_ids=(1, 2), logprobs=(-0.1, -0.2))
    assert step.token_ids == (1, 2)
    assert step.logprobs == (-0.1, -0.2)


def test_codeact_breaks_a_closing_tag_in_reasoning() -> None:
    step = code_step("a </think> b", "x")
    back = read(written(CODEACT, step))
    assert back.reason == f"a <{BREAK}/think> b"
    assert back.action == step.action


def test_other_tools_are_called_by_their_name() -> None:
    step = read("<think>\nwhy\n</think>\n```retrieve\nbisect\n```")
    assert step.action == Action(tool="retrieve", arguments={"query": "bisect"})
    assert step.raw is None


@pytest.mark.parametrize(
    ("text", "reason", "argument", "salvaged"),
    [
        ("Thought: a\nAction: search[b]", "a", "b", []),
        ("Thought: a\nb\n\nc\nAction: search[d\ne]", "a\nb\n\nc", "d\ne", []),
        ("Thought: a\nAction: search[x[0] and [y]]", "a", "x[0] and [y]", []),
        ("Thought 2: a\nAction 2: search[b]", "a", "b", [Salvage.LABELS]),
        ("Action: search[b]", "", "b", [Salvage.MISSING_THINK]),
        ("because\nAction: search[b]", "because", "b", [Salvage.MISSING_THINK]),
        ("Thought: a\nAction: search[b", "a", "b", [Salvage.UNCLOSED_ACTION]),
        ("Thought: a\nAction: search[b]\nObservation: c", "a", "b", [Salvage.TEXT_AFTER_ACTION]),
        (
            "Thought: a\nAction: search[b]\nObservation: c\nThought: d\nAction: finish[e]",
            "a",
            "b",
            [Salvage.SEVERAL_ACTIONS],
        ),
        ("Sure!\nThought: a\nAction: search[b]", "a", "b", [Salvage.TEXT_BEFORE_ACTION]),
    ],
)
def test_react_reads_what_models_make_of_it(text, reason, argument, salvaged) -> None:
    step = read(text, REACT)
    assert step.action == Action(tool="search", arguments={"query": argument})
    assert step.reason == reason
    assert list(step.salvaged) == salvaged
    assert step.raw == (None if written(REACT, step) == text else text)


def test_observations_say_what_was_cut() -> None:
    cut = Observation(content="3", truncated=True, omitted=7)
    assert CODEACT.observe(cut).content == "Observation:\n3\n[7 characters omitted]"
    assert REACT.observe(Observation(content="3")).content == "Observation: 3"


@pytest.mark.parametrize("protocol", [CODEACT, REACT], ids=lambda p: p.name)
def test_instructions_name_every_tool(protocol) -> None:
    text = protocol.instructions(["python", "retrieve", "finish"])
    assert "python" in text
    assert "retrieve" in text
    assert "finish" in text or "```answer" in text


def test_the_example_in_the_instructions_is_readable() -> None:
    example = CODEACT.instructions(["python", "finish"]).partition("For example:\n")[2]
    assert read(example).raw is None


def test_an_unknown_protocol_is_named() -> None:
    with pytest.raises(ConfigError, match=r"'telepathy'.*codeact, react"):
        get_protocol("telepathy")


def test_several_arguments_become_json() -> None:
    step = Step(reason="r", action=Action(tool="find", arguments={"a": 1, "b": "ü"}))
    assert '{"a": 1, "b": "ü"}' in written(CODEACT, step)
    assert written(REACT, Step(reason="r", action=Action(tool="list"))).endswith("Action: list[]")


def test_a_step_without_an_action_has_no_canonical_text() -> None:
    for protocol in (CODEACT, REACT):
        with pytest.raises(ValueError, match="without an action"):
            protocol.write(Step(reason="lost"))
