"""Run folders in the real format, small, with hostile text in the places a model can reach."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from deepcoder.config import compose
from deepcoder.evaluation.summary import Settings, summarise
from deepcoder.trajectories.store import TrajectoryStore
from deepcoder.types import (
    Action,
    Case,
    Difficulty,
    Fingerprint,
    Observation,
    ObservationStatus,
    Outcome,
    Problem,
    Provenance,
    Step,
    StopReason,
    Trajectory,
    Usage,
)

HOSTILE = "</span></pre><script>alert('x')</script><img src=http://evil.example/i.png>\x00\ud800"


@dataclass(frozen=True)
class Runs:
    evaluate: Path
    train: Path
    problems: list[Problem]


def problem(index: int) -> Problem:
    family = None if index % 2 else ("doubling" if index % 4 else "tripling")
    return Problem(
        id=f"made/{family or 'hand'}/{index}",
        prompt=f"Write f(x) that returns x * {index}.",
        entry_point="f",
        visible=(Case(args=(1,), expected=index),),
        hidden=(Case(args=(2,), expected=2 * index), Case(args=(3,), expected=3 * index)),
        difficulty=tuple(Difficulty)[index % 3],
        family=family,
    )


def trajectory(of: Problem, model: str, solved: bool, extra: str = "") -> Trajectory:
    """A base that is not readable, or a student that tries, fails, repairs and answers."""
    code = f"def f(x):\n    return x * {of.id.rpartition('/')[2]}"
    readable = (
        Step(
            reason=f"Multiply, then print one case. {extra}",
            action=Action(tool="python", arguments={"code": f"{code}\nprint(f(1), y)"}),
            observation=Observation(
                content=f"NameError: name 'y' is not defined {extra}",
                status=ObservationStatus.ERROR,
            ),
        ),
        Step(
            reason="There is no y; without it the function stands.",
            action=Action(tool="finish", arguments={"answer": code}),
            raw=f"There is no y; without it the function stands.\n```answer\n{code}\n```{extra}",
            salvaged=("missing_think",),
        ),
    )
    raw = f"Sure! You can multiply:\n\ndef f(x): return x\n{extra}"
    unreadable = tuple(
        Step(
            reason=raw,
            raw=raw,
            observation=Observation(
                content="Your message could not be read as an action.",
                status=ObservationStatus.FORMAT_ERROR,
            ),
        )
        for _ in range(2)
    )
    answered = model == "student"
    return Trajectory(
        id=f"{of.id}#0-{model}",
        problem_id=of.id,
        protocol="codeact",
        prompt_version="codeact-v1",
        system_prompt="Solve it.",
        task=f"{of.prompt} {extra}",
        tools=("python", "finish"),
        steps=readable if answered else unreadable,
        answer=code if answered else None,
        stop=StopReason.FINISHED if answered else StopReason.MAX_INVALID,
        teacher=Fingerprint(kind="student", model="smollm2-135m-instruct"),
        outcome=Outcome(passed=2 if solved else 1, total=2, status="ok") if answered else None,
        usage=Usage(completion_tokens=120, prompt_tokens=900, requests=2, seconds=3.5),
        provenance=Provenance(source="evaluate"),
    )


def write_samples(path: Path, rows: list[Trajectory]) -> None:
    with TrajectoryStore(path) as store:
        for row in rows:
            store.append(row)


@cache
def config_text(stage: str, *overrides: str) -> str:
    return OmegaConf.to_yaml(compose(stage, list(overrides)), resolve=True)


def write_run(folder: Path, stage: str, **info: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(config_text(stage))
    about = {
        "stage": stage,
        "status": "done",
        "commit": "0123456789abcdef0123",
        "dirty": True,
        "python": "3.11.7",
        "platform": "Linux",
        "packages": {"torch": "2.13.0", "peft": "0.21.2"},
        "started_at": "2026-11-23T10:00:00+00:00",
    }
    (folder / "run.json").write_text(json.dumps(about | info))


def write_training(folder: Path, prepare: Path, steps: int = 30) -> None:
    write_run(
        prepare,
        "prepare",
        summary={
            "tokens_by_kind": {
                "prompt": 41000,
                "observation": 5200,
                "reason": 7300,
                "act.name": 900,
                "act.arguments": 8800,
                "act.answer": 6100,
                "format.reason": 2400,
                "format.act": 4100,
            }
        },
    )
    (prepare / "examples.parquet").write_bytes(b"")
    write_run(
        folder,
        "train",
        inputs={"examples": {"path": str(prepare / "examples.parquet"), "sha256": "ab"}},
        summary={"steps": steps, "seconds": 180.0, "signal": "hard"},
    )
    with (folder / "metrics.jsonl").open("w") as file:
        for step in range(steps + 1):
            line = {"step": step, "time": step}
            if step:
                line["train/reason_loss"] = 1.1 + 1.4 * math.exp(-step / 8) + 0.1 * math.sin(step)
                line["train/act_loss"] = 0.3 + 1.1 * math.exp(-step / 5) + 0.05 * math.cos(step)
            if step % 10 == 0:
                line["val/reason_nll"] = 1.3 + 1.3 * math.exp(-step / 8)
                line["val/act_nll"] = 0.4 + math.exp(-step / 5)
            file.write(json.dumps(line) + "\n")


def make_runs(
    root: Path,
    count: int = 12,
    *,
    models: tuple[str, ...] = ("base", "student"),
    loss: str = "sad",
    seed: int = 0,
    wins: int = 2,
) -> Runs:
    """An evaluation of `count` problems, the student solving two of three, and its training."""
    problems = [problem(i) for i in range(count)]
    train, evaluate = root / "train" / "t", root / "evaluate" / "e"
    write_training(train, root / "prepare" / "p")
    write_run(
        evaluate, "evaluate", inputs={"adapter student": {"path": str(train / "adapter" / "a")}}
    )
    for folder, stage in ((train, "train"), (evaluate, "evaluate")):
        (folder / "config.yaml").write_text(config_text(stage, f"loss={loss}", f"seed={seed}"))
    played = {}
    for model in models:
        rows = [
            trajectory(p, model, solved=(i + seed) % 3 < wins, extra=HOSTILE if i == 0 else "")
            for i, p in enumerate(problems)
        ]
        # Ids tell trainings apart, as the digest of a real one does.
        own = f"-{loss}{seed}" if model == "student" else ""
        played[model] = [row.model_copy(update={"id": row.id + own}) for row in rows]
        write_samples(evaluate / f"{model}.jsonl", played[model])
    pairs = [("student", "base")] if len(models) > 1 else []
    results = summarise(played, problems, Settings(resamples=300), {"doubling"}, pairs)
    for model in models:
        results["models"][model]["all"]["tokens_per_second"] = 71.5
        results["models"][model]["fingerprint"] = played[model][0].teacher.model_dump()
    (evaluate / "results.json").write_text(json.dumps(results))
    return Runs(evaluate, train, problems)


@dataclass(frozen=True)
class Compared:
    """A finished comparison: its folder, its report, what it says, and the runs it read."""

    folder: Path
    report: Path
    result: dict
    runs: list[Runs]


@pytest.fixture
def compared(tmp_path: Path) -> Compared:
    """SAD with two seeds against SFT, on problems that half of them solve."""
    from deepcoder.compare import main

    runs = [
        make_runs(tmp_path / "a", loss="sad", seed=0),
        make_runs(tmp_path / "b", loss="sad", seed=1),
        make_runs(tmp_path / "c", loss="sft", wins=1),
    ]
    places = ",".join(str(r.evaluate) for r in runs)
    overrides = [f"runs=[{places}]", f"paths.runs={tmp_path}/runs", "compare.bootstrap=300"]
    cfg = compose("compare", overrides)
    run = main.open(cfg)
    main.run(cfg, run)
    result = json.loads((run.path / "comparison.json").read_text())
    return Compared(run.path, run.path / "report.html", result, runs)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Runs]:
    return partial(make_runs, tmp_path)


@pytest.fixture
def runs(make: Callable[..., Runs]) -> Runs:
    return make()
