"""What real files of others look like: names, tags, labels, encodings and damage of every kind."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from deepcoder import decoding
from deepcoder.trajectories.reading import (
    ReadFailure,
    Rejection,
    count_lines,
    read_placed,
    read_trajectories,
)
from deepcoder.types import Action, StopReason, Trajectory


def read(folder: Path, *records: Any) -> list[Trajectory | Rejection]:
    path = folder / "x.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return list(read_trajectories(path))


def one(folder: Path, record: Any) -> Trajectory:
    (found,) = read(folder, record)
    assert isinstance(found, Trajectory), found
    return found


def acts(trajectory: Trajectory) -> list[tuple[str, str, Any]]:
    return [
        (step.reason, step.action.tool, next(iter(step.action.arguments.values()), None))
        if step.action
        else ("", "", None)
        for step in trajectory.steps
    ]


# ------------------------------------------------------------------- reasoning in one turn

THOUGHT = "<think>\nTwo and two.\n</think>\n\n4"
SKY = (
    "<|begin_of_thought|>\n\nTwo and two.\n\n<|end_of_thought|>\n\n"
    "<|begin_of_solution|>\n\n4\n\n<|end_of_solution|>"
)


@pytest.mark.parametrize(
    "record",
    [
        {"problem": "2+2?", "generations": [THOUGHT]},  # OpenR1
        {"problem": "2+2?", "solution": "4 it is", "answer": "4", "generation": THOUGHT},
        {"input": "2+2?", "output": THOUGHT, "solution": "4"},  # OpenCodeReasoning
        {"problem": "2+2?", "deepseek_reasoning": "Two and two.", "deepseek_solution": "4"},
        {"question": "2+2?", "answer": THOUGHT},
        {"question": "2+2?", "reasoning": "Two and two.", "answer": "4"},
        {"instruction": "2+2?", "reasoning_content": "Two and two.", "content": "4"},
        {"prompt": "2+2?", "response": "Two and two.\n</think>\n\n4"},  # the template opened it
        {"prompt": "2+2?", "response": "<think>Two and two.</think>4"},
        {"prompt": "2+2?", "response": "<thinking>Two and two.</thinking>\n4"},
        {"prompt": "2+2?", "response": "[THINK]Two and two.[/THINK]4"},
        {"prompt": "2+2?", "response": "◁think▷Two and two.◁/think▷4"},
        {"prompt": "2+2?", "response": SKY},
        {
            "prompt": [{"role": "user", "content": "2+2?"}],
            "completion": [{"role": "assistant", "content": THOUGHT}],
        },
        {"messages": [{"role": "user", "content": "2+2?"}], "reasoning": "Two and two.",
         "answer": "4"},  # dolphin-r1
        {"messages": [{"role": "user", "content": "2+2?"},
                      {"role": "assistant", "content": THOUGHT, "info": {"think_content": "x"}}]},
        {"messages": json.dumps([{"role": "user", "content": "2+2?"},
                                 {"role": "assistant", "content": THOUGHT}])},
        {"system": "Think.", "conversations": [{"from": "user", "value": "2+2?"},
                                               {"from": "assistant", "value": SKY}]},
        {"conversations": [{"role": "human", "content": "2+2?"},
                           {"role": "gpt", "content": THOUGHT}]},
    ],
)  # fmt: skip
def test_reasoning_models_in_every_dress(record: dict[str, Any], tmp_path: Path) -> None:
    found = one(tmp_path, record)
    assert acts(found) == [("Two and two.", "finish", "4")]
    assert found.task == "2+2?"
    assert found.answer == "4"
    assert found.system_prompt == record.get("system")


def test_every_generation_is_a_trajectory_or_a_rejection(tmp_path: Path) -> None:
    cut_off = "<think>\nTwo and"
    found = read(tmp_path, {"id": "a", "problem": "?", "generations": [THOUGHT, cut_off, THOUGHT]})
    assert [isinstance(item, Trajectory) for item in found] == [True, False, True]
    assert isinstance(found[1], Rejection)
    assert (found[1].line, found[1].id) == (1, "a")
    assert "does not end" in found[1].detail


@pytest.mark.parametrize("opened", ["<think>", "<|begin_of_thought|>", "<thinking>", "[THINK]"])
def test_thinking_that_does_not_end_is_refused(opened: str, tmp_path: Path) -> None:
    (refused,) = read(tmp_path, {"prompt": "?", "response": f"{opened} on and on"})
    assert isinstance(refused, Rejection)
    assert "does not end" in refused.detail


def test_an_empty_thought_is_no_reasoning(tmp_path: Path) -> None:
    found = one(tmp_path, {"prompt": "?", "response": "<think>\n\n</think>\n\n4"})
    assert acts(found) == [("", "finish", "4")]


def test_reasoning_about_actions_is_not_react(tmp_path: Path) -> None:
    said = "<think>\nThe user wants this.\nAction: none needed.\n</think>\n\nDone"
    record = {
        "messages": [{"role": "user", "content": "t"}, {"role": "assistant", "content": said}]
    }
    found = one(tmp_path, record)
    assert found.protocol == "tool_call"
    assert found.answer == "Done"


# ----------------------------------------------------------------------------------- ReAct


def react(*said: str, roles: tuple[str, str] = ("assistant", "user")) -> dict[str, Any]:
    turns = [{"role": "user", "content": "Who?"}]
    turns += [{"role": roles[n % 2], "content": text} for n, text in enumerate(said)]
    return {"messages": turns}


SEARCHED = [("I search.", "search", "Rome"), ("I know.", "finish", "Romulus")]


@pytest.mark.parametrize(
    "record",
    [
        react("Thought 1: I search.\nAction 1: search[Rome]", "Observation 1: A city.",
              "Thought 2: I know.\nAction 2: Finish[Romulus]"),
        react("**Thought:** I search.\n**Action:** search[Rome]", "**Observation:** A city.",
              "**Thought:** I know.\n**Action:** FINISH[Romulus]"),
        react("Thought: I search.\nAction: search\nAction Input: Rome\n", "Observation: A city.",
              "Thought: I know.\nFinal Answer: Romulus"),
        react("Thought: I search.\nAction: search\nAction Input: Rome\nObservation:", "A city.",
              "Thought: I know.\nFinal Answer: Romulus"),
        react('Thought: I search.\nAction: search("Rome")', "A city.",
              "Thought: I know.\nAction: finish('Romulus')"),
        react("THOUGHT: I search.\nACTION: search[Rome]", "OBSERVATION: A city.",
              "THOUGHT: I know.\nACTION: finish[Romulus]"),
        react("Thought: I search.\nAction: search[Rome]", "A city.",
              "Thought: I know.\nAction: finish[Romulus]", roles=("assistant", "tool")),
        react("Thought: I search.\nAction: search[Rome]", "A city.",
              "Thought: I know.\nAction: finish[Romulus]", roles=("assistant", "function")),
        {"conversations": [
            {"from": "human", "value": "Who?"},
            {"from": "gpt", "value": "Thought: I search.\nAction: search[Rome]"},
            {"from": "human", "value": "Observation: A city."},
            {"from": "gpt", "value": "Thought: I know.\nAction: finish[Romulus]"},
        ]},
        {"question": "Who?", "trajectory": "Thought 1: I search.\nAction 1: search[Rome]\n"
         "Observation 1: A city.\nThought 2: I know.\nAction 2: Finish[Romulus]\n"},
        {"text": "Question: Who?\nThought: I search.\nAction: search[Rome]\n"
         "Observation: A city.\nThought: I know.\nAction: finish[Romulus]"},
        react("Thought: I search.\nAction: search[Rome]\nObservation: A city.\n"
              "Thought: I know.\nAction: finish[Romulus]"),
    ],
)  # fmt: skip
def test_react_in_every_spelling(record: dict[str, Any], tmp_path: Path) -> None:
    found = one(tmp_path, record)
    assert acts(found) == SEARCHED
    assert found.steps[0].observation is not None
    assert found.steps[0].observation.content.strip() == "A city."
    assert (found.task, found.answer, found.stop) == ("Who?", "Romulus", StopReason.FINISHED)
    assert found.protocol == "react"


@pytest.mark.parametrize(
    "said",
    [
        "Thought: a\nAction: search\nAction Input: x\nObservation: made up\nFinal Answer: y",
        "Thought: a\nAction: search[x]\nAction: finish[y]",
        "Thought: a\nAction: search[x] and then some",
    ],
)
def test_what_is_not_certain_stays_history(said: str, tmp_path: Path) -> None:
    found = one(tmp_path, react(said, "no", "Thought: b\nAction: finish[1]"))
    assert found.steps[0].action is None
    assert found.steps[0].raw == said


def test_arguments_in_json_stay_text(tmp_path: Path) -> None:
    said = 'Thought: a\nAction: search\nAction Input: {"query": "Rome", "k": 3}'
    found = one(tmp_path, react(said))
    assert acts(found)[0][2] == '{"query": "Rome", "k": 3}'
    assert found.stop is StopReason.MAX_TURNS


# ---------------------------------------------------------------------------- chat messages

CALL = {"id": "c", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
ADDED = [("I add.", Action(tool="add", arguments={"a": 1})), ("", Action(tool="finish", arguments={"answer": "1"}))]  # fmt: skip  # noqa: E501
USER = {"role": "user", "content": "Add."}
END = {"role": "assistant", "content": "1"}


@pytest.mark.parametrize(
    "messages",
    [
        [USER, {"role": "assistant", "content": "I add.", "tool_calls": [CALL],
                "function_call": None, "provider_specific_fields": None},
         {"role": "tool", "tool_call_id": "c", "content": "1"}, END],
        [USER, {"role": "assistant", "content": "I add."},
         {"role": "assistant", "content": None, "tool_calls": [CALL]},
         {"role": "tool", "content": "1"}, END],
        [USER, {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "I add.", "signature": "x"},
            {"type": "tool_use", "id": "c", "name": "add", "input": {"a": 1}}]},
         {"role": "user", "content": [
             {"type": "tool_result", "tool_use_id": "c", "content": "1"}]}, END],
        [USER, {"role": "assistant", "content": [
            {"type": "text", "text": "I add."},
            {"type": "tool_use", "id": "c", "name": "add", "input": {"a": 1}}]},
         {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c",
                                       "content": [{"type": "text", "text": "1"}]}]}, END],
        [USER, {"object": "response", "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "I add."}]},
            {"type": "function_call", "call_id": "c", "name": "add", "arguments": '{"a": 1}'}]},
         {"type": "function_call_output", "call_id": "c", "output": "1"},
         {"type": "message", "role": "assistant",
          "content": [{"type": "output_text", "text": "1"}]}],
        [{"role": "system", "content": "s"}, {"role": "developer", "content": "d"}, USER,
         {"role": "assistant", "content": "I add.", "tool_calls": [CALL]},
         {"role": "ipython", "content": "1"}, END],
    ],
)  # fmt: skip
def test_chat_messages_of_every_provider(messages: list[Any], tmp_path: Path) -> None:
    found = one(tmp_path, {"messages": messages})
    assert [(step.reason, step.action) for step in found.steps] == ADDED
    assert found.steps[0].observation is not None
    assert found.steps[0].observation.content == "1"
    assert found.answer == "1"


def test_a_prompt_with_a_conversation_as_completion(tmp_path: Path) -> None:
    record = {"prompt": [USER], "completion": [
        {"role": "assistant", "content": "I add.", "tool_calls": [CALL]},
        {"role": "tool", "content": "1"}, END]}  # fmt: skip
    assert [(step.reason, step.action) for step in one(tmp_path, record).steps] == ADDED


def test_a_second_task_is_still_refused(tmp_path: Path) -> None:
    (refused,) = read(tmp_path, {"messages": [USER, END, USER, END]})
    assert isinstance(refused, Rejection)
    assert "further task" in refused.detail


# ------------------------------------------------------------------------ software agents


def test_mini_swe_agent_with_tags_and_with_the_responses_api(tmp_path: Path) -> None:
    info = {"exit_status": "Submitted", "submission": "diff", "mini_version": "2.2"}
    start = [{"role": "system", "content": "s"}, {"role": "user", "content": "Fix."}]
    tagged = "THOUGHT: look\n<mswea_bash_command>ls</mswea_bash_command>"
    run = {"info": info, "messages": [*start, {"role": "assistant", "content": tagged},
           {"role": "user", "content": "x.py"}, {"role": "exit", "content": "diff"}]}  # fmt: skip
    found = one(tmp_path, run)
    assert acts(found) == [("THOUGHT: look", "mswea_bash_command", "ls")]
    assert (found.answer, found.provenance.source) == ("diff", "mini_swe_agent")
    called = {"object": "response", "extra": {"actions": []}, "output": [
        {"type": "message", "role": "assistant",
         "content": [{"type": "output_text", "text": "Look."}]},
        {"type": "function_call", "call_id": "c", "name": "bash",
         "arguments": '{"command": "ls"}'}]}  # fmt: skip
    told = {"type": "function_call_output", "call_id": "c", "output": "x.py", "extra": {}}
    run = {"info": info, "trajectory_format": "mini-swe-agent-1.1",
           "messages": [*start, called, told, {"role": "exit", "content": "diff"}]}  # fmt: skip
    found = one(tmp_path, run)
    assert acts(found) == [("Look.", "bash", "ls")]
    assert found.answer == "diff"


def test_swe_agent_histories_and_dialogues(tmp_path: Path) -> None:
    history = {"history": [
        {"role": "system", "content": "s"},
        {"role": "user", "content": [{"type": "text", "text": "Fix."}]},
        {"role": "assistant", "content": "Look.\n```\nls\n```", "thought": "Look.",
         "action": "ls\n"},
        {"role": "user", "content": "x.py"}]}  # fmt: skip
    dialogue = {"instance_id": "i", "exit_status": "submitted", "generated_patch": "diff",
                "trajectory": [
                    {"role": "system", "system_prompt": "s", "text": None},
                    {"role": "user", "text": "Fix."},
                    {"role": "ai", "text": "Look.\n```\nls\n```"},
                    {"role": "user", "text": "x.py"}]}  # fmt: skip
    for record in (history, dialogue):
        found = one(tmp_path, record)
        assert acts(found) == [("Look.", "bash", "ls")]
        assert (found.system_prompt, found.task) == ("s", "Fix.")
        assert found.steps[0].observation is not None
        assert found.steps[0].observation.content == "x.py"


def test_atif_with_embedded_subagents(tmp_path: Path) -> None:
    steps = [{"step_id": 1, "source": "user", "message": "Add."},
             {"step_id": 2, "source": "agent", "message": "1"}]  # fmt: skip
    agent = {"name": "a", "version": "1"}
    document = {"schema_version": "ATIF-v1.7", "agent": agent, "steps": steps,
                "subagent_trajectories": [{"trajectory_id": "t", "agent": agent,
                                           "steps": [{**steps[0], "message": "Help."}, steps[1]]},
                                          {"trajectory_id": "u", "agent": agent, "steps": []}]}  # fmt: skip  # noqa: E501
    first, second, broken = read(tmp_path, document)
    assert isinstance(first, Trajectory)
    assert isinstance(second, Trajectory)
    assert (first.task, second.task) == ("Add.", "Help.")
    assert isinstance(broken, Rejection)


# --------------------------------------------------------------------- bytes and containers

RECORD = {"prompt": "Wie groß? \u2028 \x00 \x85 木", "response": "<think>\nä\n</think>\n\n🌕"}


def check(path: Path, count: int = 2) -> None:
    found = list(read_placed(path))
    assert [item for _, item in found if isinstance(item, Rejection)] == []
    assert [place.line for place, _ in found] == list(range(1, count + 1))
    assert {item.task for _, item in found if isinstance(item, Trajectory)} == {RECORD["prompt"]}
    assert count_lines(path) == count


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("zipped", [False, True])
def test_encodings_line_ends_and_gzip(
    encoding: str, newline: str, zipped: bool, tmp_path: Path
) -> None:
    line = json.dumps(RECORD, ensure_ascii=False).replace("\x00", "\\u0000")
    data = (line + newline + line + newline).encode(encoding)
    path = tmp_path / ("x.jsonl.gz" if zipped else "x.jsonl")
    path.write_bytes(gzip.compress(data) if zipped else data)
    found = list(read_trajectories(path))
    assert [item for item in found if isinstance(item, Rejection)] == []
    assert [item.task for item in found if isinstance(item, Trajectory)] == [RECORD["prompt"]] * 2
    if encoding.startswith("utf-8"):
        check(path)


def test_documents_lists_wrappers_and_parquet(tmp_path: Path) -> None:
    for name, value in (
        ("a.json", [RECORD, RECORD]),
        ("b.json", {"version": 1, "data": [RECORD, RECORD]}),
        ("c.json", {"rows": [{"row_idx": 0, "row": RECORD}, {"row_idx": 1, "row": RECORD}]}),
        ("d.jsonl", [RECORD, RECORD]),
    ):
        path = tmp_path / name
        for indent in (None, 1):
            path.write_text(json.dumps(value, indent=indent), encoding="utf-8")
            check(path)
    table = pyarrow.Table.from_pylist([RECORD, RECORD])
    pyarrow.parquet.write_table(table, tmp_path / "e.parquet")
    check(tmp_path / "e.parquet")
    broken = tmp_path / "f.parquet"
    broken.write_bytes((tmp_path / "e.parquet").read_bytes()[:-40])
    (refused,) = read_trajectories(broken)
    assert isinstance(refused, Rejection)
    assert refused.reason == ReadFailure.TORN


def test_a_folder_of_files_of_lines_keeps_their_lines(tmp_path: Path) -> None:
    line = json.dumps(RECORD) + "\n"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "b.jsonl").write_text(line + "{oops\n" + line)
    (tmp_path / "data" / "a.jsonl.gz").write_bytes(gzip.compress(line.encode()))
    (tmp_path / "rejected.jsonl").write_text("{}\n")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "c.jsonl").write_text("{}\n")
    found = list(read_placed(tmp_path))
    where = [(Path(place.file).name, place.line) for place, _ in found]
    assert where == [("a.jsonl.gz", 1), ("b.jsonl", 1), ("b.jsonl", 2), ("b.jsonl", 3)]
    assert isinstance(found[2][1], Rejection)
    assert count_lines(tmp_path) == 4


def test_another_encoding_is_named_and_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    line = json.dumps(RECORD, ensure_ascii=False)
    other = '{"prompt": "groß", "response": "x"}'
    path.write_bytes(b"\n".join([line.encode(), other.encode("latin-1"), line.encode(), b""]))
    first, refused, last = read_trajectories(path)
    assert first == last
    assert isinstance(refused, Rejection)
    assert "iconv" in refused.detail


def test_lone_surrogates_in_escapes_and_in_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    escaped = json.dumps({"prompt": "a\ud800b", "response": "x"}).encode()
    raw = b'{"prompt": "a\xed\xa0\x80b", "response": "x"}'
    path.write_bytes(escaped + b"\n" + raw + b"\n")
    found = list(read_trajectories(path))
    assert [item.task for item in found if isinstance(item, Trajectory)] == ["a\ufffdb"] * 2


def test_a_huge_line_is_skipped_and_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(decoding, "MAX_LINE", 1000)
    path = tmp_path / "x.jsonl"
    line = json.dumps(RECORD)
    path.write_text(f"{line}\n{json.dumps({'prompt': 'x' * 5000, 'response': 'y'})}\n{line}\n")
    first, refused, last = read_trajectories(path)
    assert first == last
    assert isinstance(refused, Rejection)
    assert re.search(r"a line of 50\d\d bytes", refused.detail)


def test_a_gzip_file_that_breaks_off(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    lines = "".join(json.dumps({"prompt": f"{n} {n * 7919}", "response": "x"}) + "\n"
                    for n in range(3000))  # fmt: skip
    path.write_bytes(gzip.compress(lines.encode())[:-200])
    *good, refused = read_trajectories(path)
    assert len(good) > 100
    assert all(isinstance(item, Trajectory) for item in good)
    assert isinstance(refused, Rejection)
    assert refused.reason == ReadFailure.TORN


def test_records_of_several_forms_and_versions_in_one_file(tmp_path: Path) -> None:
    call = {"role": "assistant", "content": "I add.", "tool_calls": [CALL]}
    found = read(
        tmp_path,
        RECORD,
        {"messages": [USER, call, {"role": "tool", "content": "1"}, END]},
        {"schema_version": 99, "steps": []},
        {"schema_version": "ATIF-v1.3", "steps": []},
        {"what": "?"},
        {"conversations": [{"from": "human", "value": "t"}, {"from": "gpt", "value": "a"}]},
        [USER, END],
    )
    reasons = [item.reason if isinstance(item, Rejection) else "read" for item in found]
    assert reasons == ["read", "read", "schema_version", "form", "form", "read", "read"]
