"""What is kept of a run: one small JSON file, from which every table and picture is made.

Per problem: solved, turns, readable turns, words of reasoning, tokens, and how far the reasoning is
the teacher's. Trajectories stay in the run folders.
"""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepcoder.runs import atomic_write

if TYPE_CHECKING:
    from experiments.e001_sad_vs_token_kd.run import Study

__all__ = ["COLUMNS", "provenance", "read_summaries", "training_facts", "write_summary"]

COLUMNS = ("solved", "turns", "valid", "answered", "words", "tokens", "match")


def write_summary(study: Study, arm: str, seed: int, samples: Path, train: Path | None) -> None:
    """The summary of the run whose episodes are `samples`, trained in the folder `train`."""
    from deepcoder.evaluation.agreement import agreement, reason_words
    from deepcoder.evaluation.playing import read_samples
    from deepcoder.evaluation.summary import solved
    from deepcoder.trajectories.verification import is_invalid
    from deepcoder.types import StopReason

    teacher = {row.problem_id: row for row in read_samples(study.teacher_samples())}
    rows = sorted(read_samples(samples), key=lambda row: row.problem_id)
    problems = {
        row.problem_id: [
            int(solved(row)),
            len(row.steps),
            sum(not is_invalid(step) for step in row.steps),
            int(row.stop is StopReason.FINISHED),
            reason_words(row),
            row.usage.completion_tokens,
            round(agreement(row, teacher[row.problem_id]).match, 4),
        ]
        for row in rows
    }
    summary: dict[str, Any] = {"arm": arm, "seed": seed, "columns": COLUMNS, "problems": problems}
    summary |= provenance(train or samples.parent)
    if train is not None:
        summary |= training_facts(train)
    else:
        folder = study.teacher if arm == "teacher" else study.student
        summary["model"] = _json(folder / "facts.json")
    study.results.mkdir(parents=True, exist_ok=True)
    text = json.dumps(summary, indent=1).replace(",\n   ", ",").replace("[\n   ", "[")
    atomic_write(study.result(arm, seed), text.replace("\n  ]", "]") + "\n")


def provenance(run: Path) -> dict[str, Any]:
    """Which code and machine made a run folder."""
    made = _json(run / "run.json")
    return {key: made[key] for key in ("commit", "dirty", "key")} | {"machine": _machine()}


def training_facts(train: Path) -> dict[str, Any]:
    """Budget and figures under teacher forcing of a training run."""
    lines = [json.loads(line) for line in (train / "metrics.jsonl").read_text().splitlines()]
    steps = [line for line in lines if "train/tokens" in line]
    done = _json(train / "run.json")["summary"]
    return {
        "label": done["label"],
        "steps": done["steps"],
        "seconds": done["seconds"],
        "tokens": int(sum(line["train/tokens"] for line in steps)),
        "before": _rounded(done["validation_before"]),
        "after": _rounded(done["validation_after"]),
    }


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 5) for name, value in values.items() if name.count("/") == 1}


def read_summaries(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Arm to its runs, in order of their seeds."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.glob("*-*.json")):
        summary = _json(path)
        found.setdefault(summary["arm"], []).append(summary)
    return {arm: sorted(runs, key=lambda run: run["seed"]) for arm, runs in found.items()}


def _json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _machine() -> str:
    """Processor and number of cores, or the accelerator."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    name = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        name = f"{models[0].partition(':')[2].strip()}, {name}" if models else name
    return f"{os.cpu_count()} CPU cores ({name})"
