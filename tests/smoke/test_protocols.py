"""The main job, from problems to the report, with an agent that speaks another protocol."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deepcoder import evaluate, train
from deepcoder.config import compose
from deepcoder.runs import stage_folder
from deepcoder.trajectories.store import TrajectoryStore

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


@pytest.mark.parametrize("agent", ["tool_call", "react"])
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
