"""The main job, from problems to the report, with an agent that speaks another protocol."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deepcoder import evaluate, generate, train
from deepcoder.config import compose
from deepcoder.errors import MissingError
from deepcoder.runs import stage_folder
from deepcoder.trajectories.store import TrajectoryStore

GENERATE = ("generation.limit=3", "problems.variants=2", "sandbox.workers=1")
SMALL = (
    "student=tiny",
    "debug=short",
    "trainer.max_steps=1",
    "generation.limit=6",
    "benchmark.limit=2",
    "benchmark.max_tokens=12",
    "benchmark.bootstrap=20",
    "benchmark.models=[student]",
    "sandbox.workers=1",
)


def run_stage(main, name: str, *overrides: str) -> Path:
    cfg = compose(name, [*SMALL, *overrides])
    run = main.open(cfg)
    main.run(cfg, run)
    if not run.done:
        run.finish()
    return run.path


def test_first_thoughts_votes_and_a_corpus_together(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("# Heaps\n\nSmallest first.")
    given = (
        *GENERATE,
        "agent=retrieve",
        "agent.first_thought=true",
        "agent.action_samples=2",
        f"retrieval.path={tmp_path / 'docs'}",
        f"paths.runs={tmp_path / 'runs'}",
        f"paths.cache={tmp_path / 'cache'}",
    )
    cfg = compose("generate", list(given))
    run = generate.main.open(cfg)
    generate.main.run(cfg, run)
    trajectories = list(TrajectoryStore(run.path / "trajectories.jsonl"))
    assert len(trajectories) == 3
    for trajectory in trajectories:
        assert trajectory.prompt_version == "codeact-v2+first_thought-v1"
        assert trajectory.steps[0].reason.startswith(trajectory.first_thought)
        assert [step.vote.samples for step in trajectory.steps] == [2] * len(trajectory.steps)
        assert trajectory.usage.requests == 1 + 2 * len(trajectory.steps)
    missing = compose("generate", [*given, "retrieval.path=/nowhere"])
    with pytest.raises(MissingError, match="/nowhere does not exist"):
        generate.main.run(missing, generate.main.open(missing))


def test_students_think_first_and_vote_too(tmp_path: Path) -> None:
    given = (
        "agent.first_thought=true",
        "agent.action_samples=2",
        "benchmark.models=[base]",
        "benchmark.temperature=0.7",
        f"paths.runs={tmp_path}",
    )
    report = run_stage(evaluate.main, "evaluate", *given)
    (samples,) = report.glob("base*.jsonl")
    for trajectory in TrajectoryStore(samples):
        assert trajectory.prompt_version == "codeact-v1+first_thought-v1"
        assert trajectory.usage.requests == 1 + 2 * len(trajectory.steps)
        assert all(step.vote.samples == 2 for step in trajectory.steps)


@pytest.mark.parametrize("agent", ["tool_call", pytest.param("react", marks=pytest.mark.slow)])
def test_the_main_job_in_another_protocol(agent: str, tmp_path: Path) -> None:
    given = (f"agent={agent}", f"paths.runs={tmp_path}")
    run_stage(train.main, "train", *given)
    generated = stage_folder(compose("train", [*SMALL, *given]), "generate")
    trajectories = list(TrajectoryStore(generated / "trajectories.jsonl"))
    assert len(trajectories) == 6
    for trajectory in trajectories:
        assert trajectory.protocol == agent
        assert trajectory.prompt_version == f"{agent}-v1"
        assert all(step.raw is None and not step.salvaged for step in trajectory.steps)
    report = run_stage(evaluate.main, "evaluate", *given)
    played = list(TrajectoryStore(report / "student.jsonl"))
    assert {trajectory.protocol for trajectory in played} == {agent}
    assert "pass@1" in json.dumps(json.loads((report / "results.json").read_text()))
