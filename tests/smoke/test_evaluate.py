"""The whole stage on a random student: before and after, resuming, reuse, and what can go wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deepcoder.config import compose
from deepcoder.errors import ConfigError, IncompleteError
from deepcoder.evaluate import main
from deepcoder.problems.questions import write_corpus
from deepcoder.runs import stage_folder
from deepcoder.students import attach_lora, load_base
from deepcoder.trajectories.store import TrajectoryStore

SMALL = (
    "student=tiny",
    "benchmark.limit=3",
    "benchmark.max_tokens=12",
    "benchmark.bootstrap=50",
    "sandbox.workers=1",
    "problems.variants=1",
    "problems.heldout_variants=1",
)


def config(root: Path, *overrides: str):
    places = [f"paths.runs={root / 'runs'}", f"paths.cache={root.parent / 'evaluate-cache'}"]
    return compose("evaluate", [*SMALL, *places, *overrides])


def run_stage(cfg):
    run = main.open(cfg)
    main.run(cfg, run)
    if not run.done:
        run.finish()
    return run


def train(cfg, seed: int = 1) -> Path:
    """An adapter as training leaves it, with weights that are not zero."""
    import torch

    cache = Path(cfg.paths.cache)
    model = attach_lora(load_base(cfg.student, cache), cfg.student.lora, seed=seed)
    torch.manual_seed(seed)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    folder = stage_folder(cfg, "train") / "adapter"
    model.save_pretrained(folder)
    return folder


def rows(run, model: str):
    return list(TrajectoryStore(run.path / f"{model}.jsonl"))


def test_before_and_after(tmp_path, capsys) -> None:
    cfg = config(tmp_path)
    train(cfg)
    run = run_stage(cfg)
    assert capsys.readouterr().out.strip().splitlines()[-1] == str(run.path / "report.html")
    assert "<h1>A student before and after" in (run.path / "report.html").read_text()
    results = json.loads((run.path / "results.json").read_text())
    assert list(results["models"]) == ["base", "student"]
    assert results["pairs"][0]["pass@1"]["n"] == 3
    before, after = rows(run, "base"), rows(run, "student")
    assert [row.problem_id for row in before] != []
    assert {row.problem_id for row in before} == {row.problem_id for row in after}
    assert "adapter" in after[0].teacher.settings
    assert "adapter" not in before[0].teacher.settings
    # The adapter does something, and does it only to the student.
    first = {row.problem_id: row.steps[0].token_ids for row in before}
    assert any(row.steps[0].token_ids != first[row.problem_id] for row in after)

    # A finished run returns at once; another training plays only its own student.
    written = (run.path / "base.jsonl").stat().st_mtime_ns
    run_stage(cfg)
    assert (run.path / "base.jsonl").stat().st_mtime_ns == written
    other = config(tmp_path, "loss=sft")
    train(other, seed=2)
    second = run_stage(other)
    assert second.path != run.path
    assert (second.path / "base.jsonl").read_bytes() == (run.path / "base.jsonl").read_bytes()
    assert rows(second, "student")[0].id != after[0].id

    # Training again in the same folder makes the old samples stale, and nothing else.
    train(cfg, seed=3)
    again = run_stage(cfg)
    assert again.done
    assert (again.path / "student.1.old").exists()
    assert rows(again, "student")[0].id != after[0].id
    assert (again.path / "base.jsonl").stat().st_mtime_ns == written


def test_without_training_the_base_is_evaluated_alone_and_the_rest_follows(tmp_path) -> None:
    cfg = config(tmp_path)
    run = main.open(cfg)
    with pytest.raises(IncompleteError, match=r"python -m deepcoder\.train"):
        main.run(cfg, run)
    assert not run.done
    assert (run.path / "report.html").exists()
    assert list(json.loads((run.path / "results.json").read_text())["models"]) == ["base"]
    train(cfg)
    run = run_stage(cfg)
    results = json.loads((run.path / "results.json").read_text())
    assert list(results["models"]) == ["base", "student"]


def test_a_torn_file_is_continued(tmp_path) -> None:
    cfg = config(tmp_path, "benchmark.models=[base]")
    run = main.open(cfg)
    main.run(cfg, run)
    whole = (run.path / "base.jsonl").read_bytes()
    (tmp_path / "runs" / "baselines").rename(tmp_path / "gone")
    (run.path / "base.jsonl").write_bytes(whole[: len(whole) * 2 // 3])
    run.finish("failed")
    again = run_stage(cfg)
    played = {row.id: [step.token_ids for step in row.steps] for row in rows(again, "base")}
    before = [json.loads(line) for line in whole.splitlines()]
    assert played == {
        row["id"]: [tuple(step["token_ids"]) for step in row["steps"]] for row in before
    }


def test_models_that_do_not_exist_are_refused(tmp_path) -> None:
    cfg = config(tmp_path, "benchmark.models=[somebody]")
    with pytest.raises(ConfigError, match="not a choice of models"):
        main.run(cfg, main.open(cfg))


def test_many_models_on_a_benchmark_of_their_own(tmp_path) -> None:
    """A named adapter, a teacher and constrained actions are arms like any other."""
    pytest.importorskip("llguidance")
    cfg = config(tmp_path)
    adapter = train(cfg)
    cfg = config(
        tmp_path,
        "benchmark=builtin",
        "benchmark.limit=3",
        "benchmark.max_tokens=12",
        "benchmark.bootstrap=50",
        "benchmark.models=[base,base+constrained,mine,teacher]",
        f"+benchmark.adapters.mine={adapter.parent}",
        "teacher.mistake_rate=0",
    )
    run = run_stage(cfg)
    results = json.loads((run.path / "results.json").read_text())
    assert list(results["models"]) == ["base", "base+constrained", "mine", "teacher"]
    assert results["models"]["teacher"]["all"]["pass@1"]["mean"] == 1
    assert "agreement" in results["models"]["mine"]
    assert "constrained" in rows(run, "base+constrained")[0].teacher.settings
    assert all(
        (step.raw or "").startswith(("<think>\n", "```")) or step.action
        for row in rows(run, "base+constrained")
        for step in row.steps
    )
    compared = {(pair["after"], pair["before"]) for pair in results["pairs"]}
    assert compared == {
        ("base+constrained", "base"),
        ("mine", "base"),
        ("teacher", "base"),
        ("base+constrained", "teacher"),
        ("mine", "teacher"),
    }
    # Neither base nor teacher is played again by another training.
    assert len(list((tmp_path / "runs" / "baselines").glob("*.jsonl"))) == 3


def test_a_single_turn_has_one_answer_and_no_tools(tmp_path) -> None:
    cfg = config(tmp_path, "benchmark.models=[teacher]", "benchmark.mode=single")
    run = run_stage(cfg)
    assert {(len(row.steps), row.tools) for row in rows(run, "teacher")} == {(1, ("finish",))}


def test_questions_are_played_with_retrieval(tmp_path) -> None:
    rows = [
        {"question": f"{i}?", "answer": "Oslo", "context": [["Oslo", ["A city."]]]}
        for i in range(3)
    ]
    file = tmp_path / "questions.json"
    file.write_text(json.dumps(rows))
    write_corpus(file, tmp_path / "corpus")
    cfg = config(
        tmp_path,
        "benchmark=hotpotqa",
        f"benchmark.problems.path={file}",
        f"retrieval.path={tmp_path}/corpus",
        "benchmark.models=[base]",
        "benchmark.limit=3",
        "benchmark.max_tokens=12",
        "benchmark.bootstrap=50",
    )
    run = run_stage(cfg)
    results = json.loads((run.path / "results.json").read_text())
    assert results["models"]["base"]["all"]["f1"]["mean"] == 0
    assert rows_tools(run) == {("retrieve", "finish")}


def rows_tools(run):
    return {row.tools for row in rows(run, "base")}
