"""Trajectories of others: read whole, told apart by their form, or refused with the reason."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from rendering.real_tokenizers import renderer, tokenizer

from deepcoder.config import TrajectoryFormat
from deepcoder.errors import DataError
from deepcoder.rendering import get_protocol, render_trajectory
from deepcoder.spans import align
from deepcoder.trajectories.importers import UnreadableRecord
from deepcoder.trajectories.reading import (
    IMPORTERS,
    ReadFailure,
    Rejection,
    count_lines,
    read_placed,
    read_trajectories,
)
from deepcoder.types import Action, SpanKind, Step, StopReason, Trajectory, WeightGroup

ADD = {"a": 1, "b": 2}
TOOLS = [{"type": "function", "function": {"name": "add", "parameters": {}}}]
HERMES = '<tool_call>\n{"name": "add", "arguments": {"a": 1, "b": 2}}\n</tool_call>'
FENCE = "```mswea_bash_command\n%s\n```"


def says(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def calls(*found: tuple[str, Any]) -> list[dict[str, Any]]:
    return [
        {"id": f"c{i}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for i, (name, arguments) in enumerate(found)
    ]


R1 = {
    "prompt": "What is 1 + 2?",
    "response": "<think>\nOne and two.\n</think>\n\n3 🌕",
    "model": "r",
}
OPENAI = {
    "messages": [
        says("system", "Be brief."),
        says("user", "Add 1 and 2."),
        says("assistant", "I add.", tool_calls=calls(("add", json.dumps(ADD)))),
        says("tool", [{"type": "text", "text": "3"}], tool_call_id="c0"),
        says("assistant", "It is 3.", reasoning_content="Done."),
    ],
    "tools": TOOLS,
}
SHAREGPT = {
    "conversations": [
        {"from": "system", "value": "Be brief."},
        {"from": "human", "value": "Add 1 and 2."},
        {"from": "gpt", "value": f"<think>\nI add.\n</think>\n\n{HERMES}"},
        {"from": "tool", "value": "<tool_response>\n3\n</tool_response>"},
        {"from": "gpt", "value": "It is 3."},
    ]
}
MINI = {
    "info": {
        "exit_status": "Submitted",
        "submission": "diff",
        "config": {"model": {"model_name": "m"}},
    },
    "messages": [
        says("system", "One command in a fence."),
        says("user", "Fix it."),
        says("assistant", "THOUGHT: look.\n\n" + FENCE % "ls -la\ncat x"),
        says("user", "<returncode>0</returncode>"),
        says("assistant", "Two:\n" + FENCE % "a" + "\n" + FENCE % "b"),
        says("user", "One command, please."),
        says("assistant", FENCE % "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"),
        says("exit", "diff"),
    ],
    "trajectory_format": "mini-swe-agent-1",
}
MINI_CALLS = {
    **MINI,
    "messages": [
        *MINI["messages"][:2],
        says("assistant", "Look.", tool_calls=calls(("bash", '{"command": "ls"}'))),
        says("tool", "x.py", tool_call_id="c0"),
        says("assistant", None, tool_calls=calls(("bash", "{}"), ("bash", "{}"))),
        says("tool", "1", tool_call_id="c0"),
        says("tool", "2", tool_call_id="c1"),
        says("assistant", "No call here."),
        says("user", "Every answer needs a call."),
        says("assistant", "", tool_calls=calls(("bash", '{"command": "submit"}'))),
        says("exit", "diff"),
    ],
    "trajectory_format": "mini-swe-agent-1.1",
}
SWE = {
    "environment": "main",
    "trajectory": [
        {
            "thought": "Look.\n",
            "action": "ls\n",
            "observation": "x.py",
            "response": "Look.\n```\nls\n```",
        },
        {"thought": "?", "action": "", "observation": "No action.", "response": "?"},
        {"thought": "Done.", "action": "submit\n", "observation": "diff", "response": "…"},
    ],
    "history": [
        says("system", "You are an agent."),
        says("user", "A demonstration.", is_demo=True),
        says("user", "Fix it."),
        says("assistant", "Look.\n```\nls\n```", thought="Look.", action="ls\n"),
    ],
    "info": {"exit_status": "submitted", "submission": "diff"},
}
SWE_CALLS = {
    **SWE,
    "history": [
        *SWE["history"][:3],
        says("assistant", "Look.", tool_calls=calls(("bash", '{"command": "ls"}'))),
        says("tool", [{"type": "text", "text": "x.py"}], tool_call_ids=["c0"]),
        says("assistant", "Done.", tool_calls=calls(("submit", "{}"))),
        says("tool", "diff"),
    ],
}
ATIF = {
    "schema_version": "ATIF-v1.7",
    "session_id": "s",
    "agent": {"name": "a", "version": "1", "model_name": "m", "tool_definitions": TOOLS},
    "steps": [
        {"step_id": 1, "source": "system", "message": "Be brief."},
        {"step_id": 2, "source": "user", "message": "Add 1 and 2."},
        {
            "step_id": 3,
            "source": "agent",
            "message": "I add.",
            "reasoning_content": "Numbers.",
            "tool_calls": [{"tool_call_id": "c", "function_name": "add", "arguments": ADD}],
            "observation": {"results": [{"source_call_id": "c", "content": "3"}]},
        },
        {"step_id": 4, "source": "agent", "message": "No model wrote this.", "llm_call_count": 0},
        {"step_id": 5, "source": "system", "message": "Context was summarised."},
        {"step_id": 6, "source": "agent", "message": [{"type": "text", "text": "It is 3."}]},
    ],
    "final_metrics": {},
}
SAMPLES: dict[str, tuple[str, dict[str, Any]]] = {
    "r1": ("r1", R1),
    "openai": ("openai", OPENAI),
    "sharegpt": ("sharegpt", SHAREGPT),
    "mini": ("mini_swe_agent", MINI),
    "mini with calls": ("mini_swe_agent", MINI_CALLS),
    "swe": ("swe_agent", SWE),
    "swe with calls": ("swe_agent", SWE_CALLS),
    "atif": ("atif", ATIF),
}


def record(name: str) -> Trajectory:
    format, value = SAMPLES[name]
    return IMPORTERS[format](value)


def acts(trajectory: Trajectory) -> list[tuple[str, Action | None, str | None]]:
    return [
        (step.reason, step.action, step.observation.content if step.observation else None)
        for step in trajectory.steps
    ]


def finish(answer: str) -> Action:
    return Action(tool="finish", arguments={"answer": answer})


def bash(**arguments: str) -> Action:
    return Action(tool="bash", arguments=arguments)


def test_every_format_has_an_importer() -> None:
    assert {*IMPORTERS, "auto", "deepcoder"} == {format.value for format in TrajectoryFormat}


def test_r1() -> None:
    read = record("r1")
    assert acts(read) == [("One and two.", finish("3 🌕"), None)]
    assert (read.answer, read.stop, read.teacher.model) == ("3 🌕", StopReason.FINISHED, "r")
    text = render_trajectory(read, renderer("qwen2.5")).text
    assert text.endswith(f"<|im_start|>assistant\n{R1['response']}<|im_end|>")
    apart = IMPORTERS["r1"]({"question": "?", "reasoning": "Hm.", "output": "3"})
    assert acts(apart) == [("Hm.", finish("3"), None)]
    chat = IMPORTERS["r1"]({**R1, "prompt": [says("system", "s"), says("user", "t")]})
    assert (chat.system_prompt, chat.task) == ("s", "t")


def test_openai_messages() -> None:
    read = record("openai")
    assert acts(read) == [
        ("I add.", Action(tool="add", arguments=ADD), "3"),
        ("Done.", finish("It is 3."), None),
    ]
    assert read.system_prompt.startswith("Be brief.\n\nTools")
    assert '"name": "add"' in read.system_prompt
    assert (read.answer, read.tools) == ("It is 3.", ("add", "finish"))
    same = json.loads(json.dumps(OPENAI))
    same["messages"][2]["tool_calls"][0]["function"]["arguments"] = ADD
    assert IMPORTERS["openai"](same) == read
    old = json.loads(json.dumps(OPENAI))
    old["messages"][2] = says(
        "assistant", "I add.", function_call={"name": "add", "arguments": ADD}
    )
    old["messages"][3]["role"] = "function"
    assert IMPORTERS["openai"](old).steps == read.steps


def test_sharegpt() -> None:
    read = record("sharegpt")
    assert acts(read) == [
        ("I add.", Action(tool="add", arguments=ADD), "3"),
        ("", finish("It is 3."), None),
    ]
    value = json.loads(json.dumps(SHAREGPT))
    turn = {"from": "function_call", "value": json.dumps({"name": "add", "arguments": ADD})}
    value["conversations"][2:4] = [turn, {"from": "observation", "value": "3"}]
    assert acts(IMPORTERS["sharegpt"](value))[0] == ("", Action(tool="add", arguments=ADD), "3")


def test_mini_swe_agent_in_fences() -> None:
    read = record("mini")
    tool = "mswea_bash_command"
    assert acts(read) == [
        (
            "THOUGHT: look.",
            Action(tool=tool, arguments={"query": "ls -la\ncat x"}),
            "<returncode>0</returncode>",
        ),
        ("", None, "One command, please."),
        (
            "",
            Action(tool=tool, arguments={"query": "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"}),
            "diff",
        ),
    ]
    assert read.steps[1].raw == MINI["messages"][4]["content"]
    assert (read.protocol, read.answer, read.stop) == ("codeact", "diff", StopReason.FINISHED)
    assert read.teacher.model == "m"
    stopped = {**MINI, "info": {"exit_status": "LimitsExceeded", "submission": ""}}
    assert IMPORTERS["mini_swe_agent"](stopped).stop is StopReason.MAX_TURNS


def test_mini_swe_agent_with_calls() -> None:
    read = record("mini with calls")
    assert acts(read) == [
        ("Look.", bash(command="ls"), "x.py"),
        ("", None, "1\n2"),
        ("", None, "Every answer needs a call."),
        ("", bash(command="submit"), "diff"),
    ]
    assert read.steps[1].raw.count("<tool_call>") == 2
    assert read.steps[2].raw == "No call here."
    assert (read.protocol, read.answer) == ("tool_call", "diff")


def test_the_oldest_mini_swe_agent_files_are_lists(tmp_path: Path) -> None:
    path = tmp_path / "a.traj.json"
    messages = [*MINI["messages"][:-1], says("user", "diff")]
    path.write_text(json.dumps(messages, indent=2), encoding="utf-8")
    (read,) = read_trajectories(path)
    assert read.steps == record("mini").steps
    assert (read.answer, read.stop) == ("diff", StopReason.FINISHED)


def test_swe_agent() -> None:
    read = record("swe")
    assert acts(read) == [
        ("Look.", bash(query="ls"), "x.py"),
        ("", None, "No action."),
        ("Done.", bash(query="submit"), "diff"),
    ]
    assert (read.system_prompt, read.task) == ("You are an agent.", "A demonstration.\n\nFix it.")
    assert (read.protocol, read.answer) == ("codeact", "diff")
    with_calls = record("swe with calls")
    assert acts(with_calls) == [
        ("Look.", bash(command="ls"), "x.py"),
        ("Done.", Action(tool="submit"), "diff"),
    ]
    assert (with_calls.protocol, with_calls.task) == ("tool_call", read.task)


def test_atif() -> None:
    read = record("atif")
    assert acts(read) == [
        ("Numbers.\nI add.", Action(tool="add", arguments=ADD), "3"),
        ("", None, "Context was summarised."),
        ("", finish("It is 3."), None),
    ]
    assert read.steps[1].raw == "No model wrote this."
    assert (read.system_prompt or "").startswith("Be brief.\n\nTools")


@pytest.mark.parametrize("name", SAMPLES)
def test_the_form_is_told_by_the_first_record(name: str, tmp_path: Path) -> None:
    format, value = SAMPLES[name]
    path = tmp_path / "x.jsonl"
    path.write_text(f"{json.dumps(value)}\n{json.dumps(value)}\n", encoding="utf-8")
    expected = record(name)
    assert list(read_trajectories(path)) == [expected, expected]
    assert list(read_trajectories(path, format)) == [expected, expected]
    pretty = tmp_path / "x.json"
    pretty.write_text(json.dumps(value, indent=1), encoding="utf-8")
    assert list(read_trajectories(pretty)) == [expected]
    for listed in (json.dumps([value, value]), json.dumps([value, value], indent=1)):
        pretty.write_text(listed, encoding="utf-8")
        assert [(place.line, item) for place, item in read_placed(pretty)] == [
            (1, expected),
            (2, expected),
        ]
        assert count_lines(pretty) == 2


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("student", ["smollm2", "qwen3"])
def test_every_character_is_owned_and_only_answers_are_trained(name: str, student: str) -> None:
    read = record(name)
    rendered = render_trajectory(read, renderer(student))
    position = 0
    for segment in rendered.segments:
        assert segment.start == position < segment.end
        position = segment.end
    assert position == len(rendered.text)
    trained = {s.step for s in rendered.segments if s.kind.group is not WeightGroup.NONE}
    assert trained == {i for i, step in enumerate(read.steps) if step.action is not None}
    aligned = align([rendered], tokenizer(student))[0]
    assert aligned.weighted.any()


def check_against_the_record(read: Trajectory, rendered: Any) -> int:
    """Compares reason and act segments with the steps; returns how many there were.

    Only the joined text per step is compared: it needs no knowledge of segment borders.
    """
    texts: dict[tuple[int | None, SpanKind], str] = {}
    for segment in rendered.segments:
        key = (segment.step, segment.kind)
        texts[key] = texts.get(key, "") + rendered.text[segment.start : segment.end]
    spans = 0
    for index, step in enumerate(read.steps):
        if step.action is None:
            continue
        # In protocol react the space after a label belongs to the word that follows it.
        reason = texts.get((index, SpanKind.REASON), "").replace("\u200b", "")
        assert reason.removeprefix(" ") == step.reason.removeprefix(" ")
        assert texts[index, SpanKind.ACT_NAME].strip() == step.action.tool
        spans += 2 + bool(step.reason)
        shown = texts.get((index, SpanKind.ACT_ARGUMENTS), "").replace("\u200b", "")
        if read.protocol == "tool_call":
            assert json.loads(shown) == step.action.arguments
        else:
            assert shown == next(iter(step.action.arguments.values()))
    return spans


def messages(*said: dict[str, Any]) -> dict[str, Any]:
    return {"messages": list(said)}


TASK, ANSWER = says("user", "t"), says("assistant", "a")


@pytest.mark.parametrize(
    ("format", "value", "complaint"),
    [
        ("r1", {"prompt": "t"}, "no text in response"),
        ("r1", {"response": "a"}, "no text or list of messages in prompt"),
        ("r1", {"prompt": "t", "response": "<think>on and on"}, "thinking .* does not end"),
        ("r1", {"prompt": "t", "response": "<think>\na\n</think>\n"}, "no message of the model"),
        ("r1", {"prompt": [TASK, ANSWER], "response": "a"}, "goes on after the user's task"),
        ("openai", {"messages": []}, "no list of messages"),
        ("openai", messages(ANSWER), "does not begin with a user's task"),
        ("openai", messages(TASK), "no message of the model"),
        ("openai", messages(TASK, ANSWER, ANSWER), "and so is the one before it"),
        ("openai", messages(TASK, ANSWER, TASK, ANSWER), "a further task of the user"),
        ("openai", messages(TASK, says("alien", "x")), "message 3 has the role 'alien'"),
        ("openai", messages(TASK, says("tool", "x")), "message 1 .* is not the model's"),
        ("openai", messages(TASK, says("assistant", 5)), "message 3 has int as content"),
        (
            "openai",
            messages(TASK, says("assistant", [{"type": "image_url"}])),
            "a part of type 'image_url', not text",
        ),
        (
            "openai",
            messages(TASK, says("assistant", "", tool_calls=[{"function": {}}])),
            "a tool call without a name",
        ),
        (
            "openai",
            messages(TASK, says("assistant", "", tool_calls=calls(("f", "{oops")))),
            "no message of the model",
        ),
        ("sharegpt", {"conversations": "x"}, "no list `conversations`"),
        ("sharegpt", {"conversations": [{"from": "gpt", "value": "x"}]}, "human's task"),
        (
            "sharegpt",
            {"conversations": [{"from": "human", "value": "t"}, {"from": "cat", "value": "x"}]},
            "from 'cat'",
        ),
        (
            "sharegpt",
            {
                "conversations": [
                    {"from": "human", "value": "t"},
                    {"from": "function_call", "value": "f(1)"},
                ]
            },
            "no JSON call",
        ),
        ("mini_swe_agent", {"messages": MINI["messages"][:2]}, "no message of the model"),
        ("mini_swe_agent", {"info": {}}, "no list of messages"),
        ("swe_agent", {"trajectory": []}, "no list `history`"),
        ("swe_agent", {"history": [TASK, ANSWER]}, "no list `trajectory`"),
        ("swe_agent", {"history": SWE["history"], "trajectory": []}, "no list `trajectory`"),
        ("swe_agent", {"history": SWE["history"][:3]}, "no answer of the model"),
        ("atif", {**ATIF, "schema_version": "ATIF-v1.3"}, "version 'ATIF-v1.3'"),
        ("atif", {**ATIF, "schema_version": "ATIF-v2.0"}, "version 'ATIF-v2.0'"),
        ("atif", {**ATIF, "steps": []}, "no list `steps`"),
        ("atif", {**ATIF, "steps": ATIF["steps"][:2]}, "no message of the model"),
        ("atif", {**ATIF, "steps": ATIF["steps"][2:]}, "no step of the user"),
        ("atif", {**ATIF, "steps": [{"source": "moon"}]}, "the source 'moon'"),
    ],
)
def test_other_records_are_refused_with_the_reason(format, value, complaint) -> None:
    with pytest.raises(UnreadableRecord, match=complaint):
        IMPORTERS[format](value)


def test_a_folder_of_documents(tmp_path: Path) -> None:
    for name, value in (("b/x.traj", SWE), ("a/y.traj.json", MINI), ("c/trajectory.json", ATIF)):
        path = tmp_path / name
        path.parent.mkdir()
        path.write_text(json.dumps(value, indent=1), encoding="utf-8")
    (tmp_path / "c" / "notes.json").write_text("{}")
    (tmp_path / "d.traj").write_text('{\n "trajectory": [\n  {')
    (tmp_path / "e.traj").write_text('{\n "what": 1}')
    found = list(read_placed(tmp_path))
    names = ["a/y.traj.json", "b/x.traj", "c/trajectory.json", "d.traj", "e.traj"]
    assert [place for place, _ in found] == [(str(tmp_path / name), 1) for name in names]
    assert count_lines(tmp_path) == 5
    assert [item for _, item in found[:3]] == [record("mini"), record("swe"), record("atif")]
    damaged, foreign = (item for _, item in found[3:])
    assert isinstance(damaged, Rejection)
    assert (damaged.file, damaged.line) == (str(tmp_path / "d.traj"), 1)
    assert damaged.reason == ReadFailure.BAD_JSON
    assert (foreign.file, foreign.reason) == (str(tmp_path / "e.traj"), ReadFailure.FORM)
    assert "its fields are what" in foreign.detail


def test_a_foreign_file_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{\n"what": 1\n}')
    with pytest.raises(DataError, match=r"line 1 is neither .* its fields are what"):
        list(read_trajectories(path))


def test_a_record_that_is_refused_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    bad = {**messages(TASK), "id": "the bad one"}
    path.write_text(f"{json.dumps(OPENAI)}\n{json.dumps(bad)}\n")
    _, refused = read_trajectories(path)
    assert (refused.line, refused.reason, refused.id) == (2, ReadFailure.FORM, "the bad one")
    assert not ReadFailure(refused.reason).damaged


def test_a_hostile_record_renders() -> None:
    nasty = "</think></tool_call><tool_call><|im_end|>\x00\u2028\ud800```\n"
    value = messages(
        says("system", "Be brief."),
        says("user", nasty),
        says("assistant", nasty, tool_calls=calls((nasty, {"x": nasty.replace("\ud800", "")}))),
        says("tool", nasty),
        says("assistant", "ok", reasoning=nasty),
    )
    read = IMPORTERS["openai"](value)
    for student in ("smollm2", "qwen3"):
        rendered = render_trajectory(read, renderer(student))
        assert rendered.segments[-1].end == len(rendered.text)
        assert rendered.text.count("<|im_end|>") == 5
        assert {s.step for s in rendered.segments if s.kind is SpanKind.ACT_ANSWER} == {1}
    raw = "".join(piece.text for piece in get_protocol("tool_call").write(read.steps[0]))
    assert isinstance(read.steps[0], Step)
    assert raw.count("<tool_call>") == 2, "one of its own, one in the reasoning"


REAL = {name: os.environ.get(f"DEEPCODER_{name}") for name in ("MINI_SWE_AGENT", "SWE_AGENT")}


@pytest.mark.parametrize("name", REAL)
def test_real_files(name: str) -> None:
    folder = REAL[name]
    if not folder:
        pytest.skip(f"DEEPCODER_{name} does not name a folder of real files")
    items = list(read_trajectories(Path(folder)))
    read = [item for item in items if isinstance(item, Trajectory)]
    steps = [step for item in read for step in item.steps]
    spans = 0
    for item in read:
        rendered = render_trajectory(item, renderer("qwen2.5"))
        assert rendered.segments[0].start == 0
        assert rendered.segments[-1].end == len(rendered.text)
        spans += check_against_the_record(item, rendered)
    unread = sum(step.action is None for step in steps)
    print(f"\n{len(read)} of {len(items)} read, {len(steps)} steps, {unread} unread, {spans} spans")
    for item in items:
        if isinstance(item, Rejection):
            print(item)
    assert len(read) >= 0.9 * len(items)
    assert unread <= 0.05 * len(steps)
