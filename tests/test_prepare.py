"""The prepare stage: every line accounted for, done once, made again when its input changes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from rendering.real_tokenizers import tokenizer
from rendering.strategies import answer_step, code_step, make_trajectory

from deepcoder.config import compose
from deepcoder.errors import DataError, IncompleteError, MissingError
from deepcoder.prepare import main
from deepcoder.types import KINDS, Outcome, Trajectory, WeightGroup

REACT = Path(__file__).parent / "trajectories" / "react_sample.jsonl"


def trajectory(number: int, steps: int = 2, **fields: object) -> Trajectory:
    first = [code_step(f"Try {i}.", f"print({i})", f"{i}") for i in range(steps - 1)]
    made = make_trajectory([*first, answer_step("Done.", str(number))], task=f"Task {number}")
    named = {"id": f"t{number}", "problem_id": f"p{number % 20}", **fields}
    return made.model_copy(update=named)


def write(path: Path, *lines: Trajectory | str) -> Path:
    texts = [line if isinstance(line, str) else line.model_dump_json() for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


@pytest.fixture
def prepare(tmp_path: Path, monkeypatch):
    """Runs the stage on a file; returns its folder. The tokenizer is loaded once for all tests."""
    monkeypatch.setattr("deepcoder.students.load_tokenizer", lambda *_: tokenizer("smollm2"))

    def run(source: Path | None, *overrides: str):
        given = [f"data.trajectories={source}"] if source else []
        cfg = compose(
            "prepare", ["student=tiny", f"paths.runs={tmp_path}/runs", *given, *overrides]
        )
        folder = main.open(cfg)
        main.run(cfg, folder)
        return folder

    return run


def rows(folder) -> list[dict]:
    return pq.read_table(folder.path / "examples.parquet").to_pylist()


def listed(folder, name: str = "rejected.jsonl") -> list[dict]:
    lines = (folder.path / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_every_trajectory_becomes_an_example(prepare, tmp_path: Path, capsys) -> None:
    source = write(tmp_path / "t.jsonl", *(trajectory(i) for i in range(60)))
    folder = prepare(source)
    found = rows(folder)
    assert {row["id"] for row in found} == {f"t{i}" for i in range(60)}
    assert all(len(row["input_ids"]) == len(row["kinds"]) == row["tokens"] for row in found)
    by_problem = {(row["problem_id"], row["split"]) for row in found}
    assert len(by_problem) == 20, "a problem is on one side only"
    summary = folder.info()["summary"]
    assert folder.done
    assert summary["lines"] == summary["trajectories"] == 60
    assert summary["train_examples"] + summary["validation_examples"] == 60
    kinds = np.concatenate([row["kinds"] for row in found])
    counted = {kind.value: int((kinds == kind.code).sum()) for kind in KINDS}
    assert summary["tokens_by_kind"] == counted
    weighted = sum(counted[k.value] for k in KINDS if k.group is not WeightGroup.NONE)
    assert summary["supervised_tokens"] == weighted
    assert listed(folder) == listed(folder, "truncated.jsonl") == []
    metrics = json.loads((folder.path / "metrics.jsonl").read_text().splitlines()[-1])
    assert metrics["prepare/tokens/reason"] == counted["reason"]
    printed = capsys.readouterr().out
    assert "examples to train on" in printed
    assert "act.arguments" in printed


def test_again_is_done_at_once_and_a_changed_file_is_prepared_again(
    prepare, tmp_path: Path, caplog
) -> None:
    source = write(tmp_path / "t.jsonl", trajectory(1), trajectory(2), trajectory(3))
    folder = prepare(source, "data.validation_fraction=0")
    made = (folder.path / "examples.parquet").stat().st_mtime_ns
    with caplog.at_level("INFO"):
        prepare(source, "data.validation_fraction=0")
    assert "Already prepared" in caplog.text
    assert (folder.path / "examples.parquet").stat().st_mtime_ns == made
    write(source, trajectory(1), trajectory(4))
    prepare(source, "data.validation_fraction=0")
    assert {row["id"] for row in rows(folder)} == {"t1", "t4"}
    assert folder.info()["summary"]["lines"] == 2
    assert folder.done


def test_the_same_input_gives_the_same_bytes(prepare, tmp_path: Path) -> None:
    source = write(tmp_path / "t.jsonl", *(trajectory(i) for i in range(9)))
    first = prepare(source).path / "examples.parquet"
    before = first.read_bytes()
    first.unlink()
    assert (prepare(source).path / "examples.parquet").read_bytes() == before


def test_a_killed_run_leaves_nothing_that_looks_finished(prepare, tmp_path: Path) -> None:
    source = write(tmp_path / "t.jsonl", *(trajectory(i) for i in range(3)))
    folder = prepare(source, "data.validation_fraction=0")
    whole = (folder.path / "examples.parquet").read_bytes()
    (folder.path / "examples.parquet").write_bytes(whole[:-10])
    assert len(rows(prepare(source, "data.validation_fraction=0"))) == 3


def test_bad_lines_are_listed_and_the_rest_is_prepared(prepare, tmp_path: Path) -> None:
    newer = json.dumps({**json.loads(trajectory(1).model_dump_json()), "schema_version": 2})
    source = write(tmp_path / "t.jsonl", trajectory(1), "{oops", newer, trajectory(2))
    with source.open("a") as file:
        file.write(trajectory(3).model_dump_json()[:40])
    with pytest.raises(IncompleteError, match=r"3 of 5 lines of .*t\.jsonl could not be read") as e:
        prepare(source, "data.validation_fraction=0")
    assert e.value.exit_status == 3
    assert "data.allow_unreadable=true" in str(e.value)
    with pytest.raises(IncompleteError):  # the same command says the same
        prepare(source, "data.validation_fraction=0")
    folder = prepare(source, "data.validation_fraction=0", "data.allow_unreadable=true")
    assert folder.done
    assert [(row["line"], row["reason"]) for row in listed(folder)] == [
        (2, "bad_json"),
        (3, "schema_version"),
        (5, "torn"),
    ]
    assert {row["file"] for row in listed(folder)} == {str(source)}
    assert {row["id"] for row in rows(folder)} == {"t1", "t2"}


def test_what_policy_leaves_out_is_listed_and_no_failure(prepare, tmp_path: Path) -> None:
    failed = trajectory(2, outcome=Outcome(passed=0, total=2, status="failed"))
    source = write(tmp_path / "t.jsonl", trajectory(1), failed, trajectory(1), trajectory(3, 60))
    folder = prepare(source, "data.validation_fraction=0", "data.truncation=drop")
    assert [(row["line"], row["reason"], row["id"]) for row in listed(folder)] == [
        (2, "not_solved", "t2"),
        (3, "duplicate", "t1"),
        (4, "too_long", "t3"),
    ]
    summary = folder.info()["summary"]
    assert summary["rejected_by_reason"] == {"not_solved": 1, "duplicate": 1, "too_long": 1}
    assert summary["lines"] == summary["trajectories"] + summary["rejected"]


def test_a_trajectory_longer_than_the_context_is_shortened_and_listed(
    prepare, tmp_path: Path
) -> None:
    source = write(tmp_path / "t.jsonl", trajectory(1), trajectory(3, 60))
    folder = prepare(source, "data.validation_fraction=0", "student.max_tokens=500")
    (row,) = listed(folder, "truncated.jsonl")
    assert (row["line"], row["id"]) == (2, "t3")
    assert 0 < row["steps_cut"] < 60
    assert row["tokens"] - row["tokens_cut"] == max(r["tokens"] for r in rows(folder)) <= 500
    assert folder.info()["summary"]["truncated"] == 1


@pytest.mark.parametrize(
    ("lines", "overrides", "complaint"),
    [
        ([], (), "is empty"),
        (["{oops"], (), r"Nothing of .* can be trained on: bad_json 1"),
        ([trajectory(1)], ("student.max_tokens=20",), r"too_long 1.*raise student.max_tokens=20"),
        ([trajectory(1)], ("data.validation_fraction=1",), "fell into the validation split"),
        (
            [trajectory(1, outcome=Outcome(passed=0, total=1, status="failed"))],
            (),
            r"not_solved 1.*data.only_solved=false",
        ),
    ],
)
def test_nothing_to_train_on_is_one_clear_error(
    prepare, tmp_path: Path, lines, overrides, complaint: str
) -> None:
    with pytest.raises(DataError, match=complaint):
        prepare(write(tmp_path / "t.jsonl", *lines), *overrides)
    assert not list((tmp_path / "runs").rglob("*.parquet*"))
    assert len(list((tmp_path / "runs").rglob("rejected.jsonl"))) == 1


def test_a_missing_file_is_named(prepare, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"nowhere\.jsonl"):
        prepare(tmp_path / "nowhere.jsonl")


def test_the_page_is_written_and_follows_the_loss(prepare, tmp_path: Path) -> None:
    source = write(tmp_path / "t.jsonl", trajectory(1), trajectory(2), trajectory(3))
    page = prepare(source, "data.validation_fraction=0").path / "examples.html"
    first = page.read_text(encoding="utf-8")
    assert "3 of 3 examples" in first
    made = page.stat().st_mtime_ns
    prepare(source, "data.validation_fraction=0")
    assert page.stat().st_mtime_ns == made, "shows the same: not written again"
    prepare(source, "data.validation_fraction=0", "loss.act_weight=2")
    assert page.read_text(encoding="utf-8") != first
    prepare(source, "data.validation_fraction=0", "data.page_examples=0")
    assert not page.exists()


def test_react_conversations(prepare, caplog) -> None:
    folder = prepare(REACT, "data=react", "data.validation_fraction=0")
    summary = folder.info()["summary"]
    assert (summary["trajectories"], summary["unreadable_answers"]) == (4, 2)
    assert "written in protocol react, and agent.protocol=codeact" in caplog.text


def test_a_folder_with_a_document_per_trajectory(prepare, tmp_path: Path) -> None:
    def document(name: str, answer: str) -> None:
        said = [("user", f"Task {name}"), ("assistant", answer)]
        steps = [{"source": {"assistant": "agent"}.get(r, r), "message": t} for r, t in said]
        value = {"schema_version": "ATIF-v1.4", "steps": steps}
        path = tmp_path / "runs of others" / name / "trajectory.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, indent=1), encoding="utf-8")

    document("a", "1")
    document("b", " ")
    folder = prepare(tmp_path / "runs of others", "data.validation_fraction=0")
    assert [row["problem_id"].partition("/")[0] for row in rows(folder)] == ["atif"]
    (refused,) = listed(folder)
    assert refused["file"].endswith("b/trajectory.json")
    assert (refused["line"], refused["reason"]) == (1, "form")
    document("b", "2")
    assert len(rows(prepare(tmp_path / "runs of others", "data.validation_fraction=0"))) == 2


def test_dropped_thinking_makes_one_example_per_step(prepare, tmp_path: Path) -> None:
    source = write(tmp_path / "t.jsonl", trajectory(1, 3))
    folder = prepare(source, "data.validation_fraction=0", "data.keep_thinking=false")
    assert [row["id"] for row in rows(folder)] == ["t1@0", "t1@1", "t1@2"]


def test_missing_trajectories_are_generated_first(prepare) -> None:
    folder = prepare(None, "generation.limit=2", "data.validation_fraction=0")
    assert folder.info()["summary"]["lines"] <= 2
    assert rows(folder)
    (generated,) = (folder.path.parents[1] / "generate").iterdir()
    assert json.loads((generated / "run.json").read_text())["status"] == "done"


def test_memory_does_not_hold_the_file(prepare, tmp_path: Path, monkeypatch) -> None:
    """Lines are taken in batches, and each batch is written before the next is read."""
    import deepcoder.prepare

    monkeypatch.setattr(deepcoder.prepare, "BATCH", 4)
    source = write(tmp_path / "t.jsonl", *(trajectory(i) for i in range(10)))
    folder = prepare(source)
    assert pq.ParquetFile(folder.path / "examples.parquet").num_row_groups == 3


def test_the_command(tmp_path: Path) -> None:
    source = write(tmp_path / "t.jsonl", trajectory(1), "{oops")
    command = [sys.executable, "-m", "deepcoder.prepare", "student=tiny"]
    options = [f"data.trajectories={source}", "paths.runs=runs", "data.validation_fraction=0"]
    ended = subprocess.run(
        [*command, *options], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 3
    assert ended.stderr.splitlines()[-1].startswith("error: 1 of 2 lines of")
    assert "Traceback" not in ended.stderr


def test_mixture_prepares_all_sources_and_names_them(prepare, tmp_path: Path) -> None:
    own = write(tmp_path / "own.jsonl", *(trajectory(i) for i in range(30)))
    mixture = (
        f"+data.mixture={{own:{{trajectories:{own}}},react:{{trajectories:{REACT},format:react}}}}"
    )
    folder = prepare(None, mixture, "data.only_solved=false")
    sources = [row["source"] for row in rows(folder)]
    summary = folder.info()["summary"]
    assert summary["examples_by_source"] == {name: sources.count(name) for name in ("own", "react")}
    assert min(summary["examples_by_source"].values()) > 0
    assert {"trajectories:own", "trajectories:react"} <= folder.info()["inputs"].keys()


def test_outcomes_are_kept_for_balancing(prepare, tmp_path: Path) -> None:
    failed = Outcome(status="failed", passed=0, total=2)
    source = write(tmp_path / "t.jsonl", trajectory(1, outcome=failed), trajectory(2, outcome=None))
    found = {
        row["id"]: row["solved"]
        for row in rows(prepare(source, "data.only_solved=false", "data.validation_fraction=0"))
    }
    assert found == {"t1": False, "t2": None}


def test_ids_that_a_backend_sampled_are_reported_and_used_when_told(
    prepare, tmp_path: Path, capsys
) -> None:
    fast = tokenizer("smollm2")
    end = fast.convert_tokens_to_ids("<|im_end|>")
    wanted = [*(fast.convert_tokens_to_ids(letter) for letter in "```answer\u010a1\u010a```"), end]
    plain = make_trajectory([answer_step("", "1")]).model_copy(update={"id": "a"})
    (step,) = plain.steps
    told = plain.model_copy(
        update={
            "id": "b",
            "task": "t",
            "steps": (step.model_copy(update={"token_ids": tuple(wanted)}),),
        }
    )
    source = write(tmp_path / "t.jsonl", plain, told)
    found = {}
    for ids in ("tokenised", "sampled"):
        folder = prepare(source, "data.validation_fraction=0", f"data.answer_ids={ids}")
        found[ids] = {row["id"]: row["input_ids"] for row in rows(folder)}
        reported = folder.info()["summary"]["answers_with_ids"]
        assert reported == {"given": 1, "unusable": 0, "drifted": 1}
    assert "answers whose backend said its ids: drifted" in capsys.readouterr().out
    assert found["sampled"]["a"] == found["tokenised"]["a"]
    assert found["sampled"]["b"][-len(wanted) :] == wanted
    assert fast.decode(found["sampled"]["b"]) == fast.decode(found["tokenised"]["b"])
    assert len(found["tokenised"]["b"]) < len(found["sampled"]["b"])


def test_how_examples_are_batched_does_not_prepare_them_again(prepare, tmp_path: Path) -> None:
    source = write(tmp_path / "t.jsonl", *(trajectory(i) for i in range(20)))
    folder = prepare(source)
    again = prepare(
        source, "data.packing=false", "data.curriculum.pacing=root", "data.balance=length"
    )
    assert again.path == folder.path


def test_several_processes_prepare_the_same(tmp_path: Path, monkeypatch) -> None:
    """In order, duplicates and unreadable lines included, over more batches than are under way."""
    monkeypatch.setattr("deepcoder.prepare.BATCH", 4)
    first, later = (trajectory(i) for i in range(20)), (trajectory(i) for i in [*range(40), 3, 7])
    source = write(tmp_path / "t.jsonl", *first, "{", *later)
    given = ("student=tiny", f"data.trajectories={source}", "data.allow_unreadable=true")
    found = []
    for workers in (1, 2):
        settings = (f"paths.runs={tmp_path}/{workers}", f"data.workers={workers}")
        cfg = compose("prepare", [*given, *settings, "data.page_examples=0"])
        folder = main.open(cfg)
        main.run(cfg, folder)
        found.append((rows(folder), listed(folder), folder.info()["summary"]))
    assert found[0] == found[1]
    assert len(found[0][1]) == 23, "the torn line and 22 duplicates"
