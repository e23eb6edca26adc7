"""What is written in another form reads back as what it was, or is refused with the reason."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trajectories.makers import HOSTILE, make_trajectory

from deepcoder.config import ExportFormat, TrajectoryFormat
from deepcoder.errors import DataError
from deepcoder.reporting.data_card import Facts, data_card
from deepcoder.trajectories.exporters import Unexportable, atif
from deepcoder.trajectories.importers import UnreadableRecord
from deepcoder.trajectories.importers.atif import import_record as import_atif
from deepcoder.trajectories.reading import IMPORTERS, Rejection, count_lines, read_trajectories
from deepcoder.trajectories.store import TrajectoryStore
from deepcoder.trajectories.writing import Writer, export, same_content
from deepcoder.types import (
    Action,
    Observation,
    ObservationStatus,
    Provenance,
    Step,
    Trajectory,
    Usage,
)

LOSSLESS = (ExportFormat.deepcoder, ExportFormat.atif, ExportFormat.huggingface)
CHATS = (ExportFormat.openai, ExportFormat.sharegpt, ExportFormat.react)


def finish(answer: str) -> Action:
    return Action(tool="finish", arguments={"answer": answer})


def run(code: str) -> Action:
    return Action(tool="python", arguments={"code": code})


ERRED = Observation(
    content="ZeroDivisionError", status=ObservationStatus.ERROR, truncated=True, omitted=7
)
RICH = make_trajectory(
    steps=(
        Step(reason="Try.", action=run("1 / 0"), observation=ERRED, salvaged=("labels",), raw="x"),
        Step(reason="", action=run("print(1)"), observation=Observation(content="1\n")),
        Step(
            reason="Done.",
            action=finish("def f():\n    return 1"),
            token_ids=(1, 2),
            logprobs=(-0.5, 0.0),
        ),
    ),
    answer="def f():\n    return 1",
    usage=Usage(prompt_tokens=10, completion_tokens=5, requests=3, seconds=1.5, usd=0.01),
    provenance=Provenance(source="test", code_version="0.1", created_at="2026-01-01T00:00:00Z"),
    tags=("recovered",),
)  # fmt: skip
UNREAD = make_trajectory(
    steps=(
        Step(reason="", raw="What now?", observation=Observation(content="No action.")),
        Step(reason="Done.", action=finish("1")),
    ),
    answer="1",
)
SINGLE = make_trajectory(steps=(Step(reason="Two and two.", action=finish("4")),), answer="4")


def through(format: ExportFormat, trajectory: Trajectory, folder: Path) -> Trajectory:
    """Written to a file in `format`, and read from it without being told what it is."""
    path = folder / ("out" if format is ExportFormat.huggingface else "out.jsonl")
    with Writer(path, format) as writer:
        assert writer.write(trajectory) is None
    (found,) = read_trajectories(path)
    assert isinstance(found, Trajectory), found
    return found


def test_every_form_can_be_read_as_well() -> None:
    readable = {format.value for format in TrajectoryFormat} | {"huggingface"}
    assert {format.value for format in ExportFormat} <= readable


@pytest.mark.parametrize("format", LOSSLESS)
@pytest.mark.parametrize("trajectory", [RICH, SINGLE, make_trajectory()], ids=["rich", "1", "2"])
def test_nothing_is_lost(format: ExportFormat, trajectory: Trajectory, tmp_path: Path) -> None:
    assert through(format, trajectory, tmp_path) == trajectory


@pytest.mark.parametrize("format", [ExportFormat.deepcoder, ExportFormat.atif])
def test_what_could_not_be_read_is_kept_where_there_is_room(format, tmp_path: Path) -> None:
    assert through(format, UNREAD, tmp_path) == UNREAD
    hostile = make_trajectory(task=HOSTILE, steps=(Step(reason=HOSTILE, action=run(HOSTILE)),))
    assert through(format, hostile, tmp_path) == hostile


@pytest.mark.parametrize("format", CHATS)
@pytest.mark.parametrize("trajectory", [RICH, SINGLE, make_trajectory()], ids=["rich", "1", "2"])
def test_chats_keep_the_content(format, trajectory: Trajectory, tmp_path: Path) -> None:
    found = through(format, trajectory, tmp_path)
    if format is ExportFormat.react:  # a tool's argument has no name there
        found = found.model_copy(update={"steps": tuple(map(with_code, found.steps))})
    assert same_content(trajectory, found)
    assert found.answer == trajectory.answer


def with_code(step: Step) -> Step:
    assert step.action is not None
    return step


def test_r1_holds_single_turns(tmp_path: Path) -> None:
    assert same_content(SINGLE, through(ExportFormat.r1, SINGLE, tmp_path))
    record = export(SINGLE, ExportFormat.r1)
    assert record["response"] == "<think>\nTwo and two.\n</think>\n\n4"
    with pytest.raises(Unexportable, match="it has 3 steps"):
        export(RICH, ExportFormat.r1)


def test_openai_arguments_as_text_and_as_objects() -> None:
    for text, kind in ((True, str), (False, dict)):
        record = export(RICH, ExportFormat.openai, text=text)
        calls = [m["tool_calls"][0]["function"] for m in record["messages"] if "tool_calls" in m]
        assert [call["name"] for call in calls] == ["python", "python"]
        assert all(isinstance(call["arguments"], kind) for call in calls)
        assert same_content(RICH, IMPORTERS["openai"](record))
    last = record["messages"][-1]
    assert (last["content"], last["reasoning_content"]) == (RICH.answer, "Done.")


@pytest.mark.parametrize(
    ("format", "changes", "why"),
    [
        (ExportFormat.openai, {"steps": UNREAD.steps}, "step 0 could not be read"),
        (
            ExportFormat.react,
            {"steps": (Step(reason="", action=Action(tool="f", arguments={"a": 1, "b": 2})),)},
            "not exactly one argument",
        ),
        (
            ExportFormat.react,
            {"steps": (Step(reason="", action=Action(tool="f", arguments={"a": "1"})),)},
            "change the action of step 0",
        ),
        (
            ExportFormat.sharegpt,
            {"steps": (Step(reason="a </think> b", action=finish("1")),)},
            "change the reasoning of step 0",
        ),
        (
            ExportFormat.openai,
            {"steps": (Step(reason="a", action=run("1")), Step(reason="b", action=finish("1")))},
            "could not be read back",
        ),
    ],
)
def test_what_a_form_would_change_is_refused(format, changes, why: str) -> None:
    with pytest.raises(Unexportable, match=re.escape(why)):
        export(make_trajectory(**changes), format)


TEXTS = st.text(max_size=60)


@given(reason=TEXTS, code=TEXTS, seen=TEXTS, answer=TEXTS, task=TEXTS, system=st.none() | TEXTS)
@settings(max_examples=150, deadline=None)
def test_any_text_survives_or_is_refused(reason, code, seen, answer, task, system) -> None:
    steps = (
        Step(reason=reason, action=run(code), observation=Observation(content=seen)),
        Step(reason=reason, action=finish(answer)),
    )
    trajectory = make_trajectory(steps=steps, answer=answer, task=task, system_prompt=system)
    document = json.loads(json.dumps(export(trajectory, ExportFormat.atif)))
    assert import_atif(document) == trajectory
    for format in CHATS:
        try:
            record = json.loads(json.dumps(export(trajectory, format)))
        except Unexportable:
            continue
        assert same_content(trajectory, IMPORTERS[format.value](record))


# ------------------------------------------------------------------------------------ ATIF


def check_atif(document: dict[str, Any]) -> None:
    """The rules of ATIF 1.7 that a validator enforces, written down apart from the exporter."""
    root = {"schema_version", "session_id", "trajectory_id", "agent", "steps", "final_metrics"}
    root |= {"notes", "continued_trajectory_ref", "extra", "subagent_trajectories"}
    assert set(document) <= root
    assert document["schema_version"] == "ATIF-v1.7"
    assert set(document["agent"]) <= {"name", "version", "model_name", "tool_definitions", "extra"}
    assert isinstance(document["agent"]["name"], str)
    assert isinstance(document["agent"]["version"], str)
    for number, step in enumerate(document["steps"], start=1):
        assert step["step_id"] == number
        assert step["source"] in ("system", "user", "agent")
        assert isinstance(step["message"], str)
        agents = {"model_name", "reasoning_effort", "reasoning_content", "tool_calls", "metrics"}
        fields = {"step_id", "timestamp", "source", "message", "observation", "is_copied_context",
                  "llm_call_count", "extra", *agents}  # fmt: skip
        assert set(step) <= fields
        assert step["source"] == "agent" or not set(step) & agents
        ids = set()
        for call in step.get("tool_calls", ()):
            assert set(call) <= {"tool_call_id", "function_name", "arguments", "extra"}
            assert isinstance(call["arguments"], dict)
            ids.add(call["tool_call_id"])
        for result in step.get("observation", {}).get("results", ()):
            assert set(result) <= {"source_call_id", "content", "subagent_trajectory_ref", "extra"}
            assert result.get("source_call_id") in {None, *ids}
    totals = {"total_prompt_tokens", "total_completion_tokens", "total_cached_tokens",
              "total_cost_usd", "total_steps", "extra"}  # fmt: skip
    assert set(document["final_metrics"]) <= totals


def test_atif_follows_its_rules_and_reads_without_our_extras(tmp_path: Path) -> None:
    for trajectory in (RICH, SINGLE, UNREAD, make_trajectory(system_prompt=None)):
        document = atif.export_record(trajectory)
        check_atif(document)
        bare = json.loads(json.dumps(document))
        del bare["extra"]
        for step in bare["steps"]:
            step.pop("extra", None)
        found = import_atif(bare)
        if trajectory is not UNREAD:  # without our mark, a text without a call is an answer
            assert same_content(trajectory, found)
    path = tmp_path / "documents"
    with Writer(path, ExportFormat.atif) as writer:
        assert writer.write(RICH) is None
        assert writer.write(UNREAD) is None
    assert sorted(str(f.relative_to(path)) for f in path.rglob("*.json")) == [
        "000000/trajectory.json",
        "000001/trajectory.json",
    ]
    assert list(read_trajectories(path)) == [RICH, UNREAD]


def test_atif_whose_extras_were_damaged_is_refused() -> None:
    document = atif.export_record(RICH)
    del document["steps"][2]["extra"]
    with pytest.raises(UnreadableRecord, match=r"extra\.deepcoder does not fit .* 'extra'"):
        import_atif(document)
    document = atif.export_record(RICH)
    document["extra"]["deepcoder"]["stop"] = "never"
    with pytest.raises(UnreadableRecord, match="stop"):
        import_atif(document)


# ----------------------------------------------------------------------------- Hugging Face


def test_a_folder_for_datasets(tmp_path: Path) -> None:
    path = tmp_path / "set"
    facts = Facts()
    trajectories = [RICH, make_trajectory(1), SINGLE.model_copy(update={"id": "t/2"})]
    with Writer(path, ExportFormat.huggingface) as writer:
        for trajectory in trajectories:
            assert writer.write(trajectory) is None
            facts.add(trajectory)
        writer.add("README.md", data_card(facts, 'my "set" | x'))
    assert list(read_trajectories(path)) == trajectories
    assert count_lines(path) == 3
    import datasets

    rows = datasets.load_dataset(str(path), split="train", cache_dir=str(tmp_path / "cache"))
    assert rows.num_rows == 3
    first = rows[0]
    assert [message["role"] for message in first["messages"]] == [
        "system", "user", "assistant", "tool", "assistant", "tool", "assistant",
    ]  # fmt: skip
    assert first["messages"][2]["tool_calls"][0]["name"] == "python"
    assert (first["solved"], first["tags"]) == (True, ["recovered"])
    card = (path / "README.md").read_text()
    front, _, text = card.removeprefix("---\n").partition("\n---\n")
    assert 'pretty_name: "my \\"set\\" / x"' in front
    assert "- n<1K" in front
    assert "path: data/*.parquet" in front
    assert "| trajectories | 3 |" in text
    assert "recovered (1)" in text


def test_shards_are_cut(tmp_path: Path, monkeypatch) -> None:
    from deepcoder.trajectories import writing

    monkeypatch.setattr(writing, "SHARD", 4)
    monkeypatch.setattr(writing, "_ROWS", 2)
    path = tmp_path / "set"
    made = [make_trajectory(number) for number in range(9)]
    with Writer(path, ExportFormat.huggingface) as writer:
        for trajectory in made:
            writer.write(trajectory)
    assert len(list((path / "data").iterdir())) == 3
    assert list(read_trajectories(path)) == made


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"

    def interrupted() -> None:
        with Writer(path, ExportFormat.openai) as writer:
            writer.write(RICH)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(DataError, match="holds other files"):
        Writer(tmp_path / "mine", ExportFormat.atif).__enter__()


# ---------------------------------------------------------------------------- the command


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deepcoder.convert", f"paths.runs={folder}/runs", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_command_converts_counts_and_fails_on_damage(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    with TrajectoryStore(source) as store:
        store.append(RICH)
        store.append(UNREAD.model_copy(update={"id": "t/unread"}))
    with source.open("a") as file:
        file.write("{oops}\n")
    target = tmp_path / "out.jsonl"
    told = ("convert.to=openai", f"data.trajectories={source}", f"convert.path={target}")
    done = command(tmp_path, *told)
    assert done.returncode == 3, done.stderr
    assert "1 records" in done.stderr
    (found,) = read_trajectories(target)
    assert isinstance(found, Trajectory)
    assert same_content(RICH, found)
    (listed,) = (tmp_path / "runs").rglob("rejected.jsonl")
    rejected = [Rejection.model_validate_json(line) for line in listed.read_text().splitlines()]
    assert [(item.line, item.reason) for item in rejected] == [
        (2, "not_expressible"),
        (3, "bad_json"),
    ]
    done = command(tmp_path, *told, "data.allow_unreadable=true")
    assert done.returncode == 0, done.stderr


def test_the_command_says_when_nothing_can_be_converted(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    with TrajectoryStore(source) as store:
        store.append(RICH)
    done = command(tmp_path, "convert.to=r1", f"data.trajectories={source}")
    assert done.returncode == 1
    assert "could be converted: not_expressible 1" in done.stderr
