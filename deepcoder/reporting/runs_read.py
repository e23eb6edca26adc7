"""Reads what a report shows from run folders, and says plainly when something is not there.

training = read_training(Path("runs/train/…"))
training.series("train/reason_loss")          # [(step, value), …]
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from omegaconf import OmegaConf

from deepcoder.errors import DataError, MissingError
from deepcoder.types import KINDS

__all__ = ["Training", "read_config", "read_json", "read_training", "run_facts"]

PACKAGES = ("deepcoder", "torch", "transformers", "peft", "pytorch-lightning", "langgraph")


@dataclass(frozen=True)
class Training:
    """One training run: its configuration, `run.json`, and its measurements in order."""

    path: Path
    config: dict[str, Any]
    info: dict[str, Any]
    metrics: list[dict[str, Any]] = field(default_factory=list)
    tokens_by_kind: dict[str, int] = field(default_factory=dict)
    """Tokens of the training examples per span kind; empty when the examples are gone."""

    def series(self, name: str) -> list[tuple[float, float]]:
        """(optimizer step, value) of one measurement."""
        return [
            (float(line["step"]), float(line[name]))
            for line in self.metrics
            if "step" in line and line.get(name) is not None
        ]


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises MissingError when there is no file, DataError when it is damaged."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingError(f"{path} is missing.", fix="run the stage that writes it") from error
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}", fix="run the stage again") from error
    if not isinstance(value, dict):
        raise DataError(f"{path} does not hold a JSON object.", fix="run the stage again")
    return value


def read_training(path: Path) -> Training:
    """A train run folder. Raises MissingError or DataError naming the file that is at fault."""
    info = read_json(path / "run.json")
    return Training(
        path=path,
        config=read_config(path),
        info=info,
        metrics=_metrics(path / "metrics.jsonl"),
        tokens_by_kind=_tokens_by_kind(info),
    )


def read_config(path: Path) -> dict[str, Any]:
    """The configuration of a run folder. Raises MissingError when there is none."""
    file = path / "config.yaml"
    if not file.exists():
        raise MissingError(f"{file} is missing.", fix="give a run folder")
    return cast("dict[str, Any]", OmegaConf.to_container(OmegaConf.load(file)))


def _metrics(path: Path) -> list[dict[str, Any]]:
    """The lines of `metrics.jsonl`; a last line that a kill tore is left out."""
    lines: list[dict[str, Any]] = []
    raw = path.read_bytes().split(b"\n") if path.exists() else []
    for number, line in enumerate(raw, start=1):
        if not line.strip():
            continue
        try:
            lines.append(json.loads(line))
        except ValueError as error:
            if number == len(raw):
                break
            raise DataError(
                f"{path} line {number} is not JSON: {error}", fix="delete that line"
            ) from error
    return lines


def _tokens_by_kind(info: dict[str, Any]) -> dict[str, int]:
    """From the summary of the prepare run that the examples came from."""
    examples = info.get("inputs", {}).get("examples", {}).get("path")
    if not examples or not (Path(examples).parent / "run.json").exists():
        return {}
    summary = read_json(Path(examples).parent / "run.json").get("summary", {})
    counts = summary.get("tokens_by_kind", {})
    return {kind: int(counts[kind]) for kind in map(str, KINDS) if counts.get(kind)}


def run_facts(
    config: dict[str, Any], info: dict[str, Any], training: Training | None
) -> list[tuple[str, str]]:
    """What was run, as label and text, for the head of a report.

    `config` and `info` are those of the evaluation; the training's own, where there is one, say
    what the student learned from.
    """
    source = training.config if training is not None else config
    teacher, student, benchmark = source["teacher"], config["student"], config["benchmark"]
    named = f" {teacher['model']}" if teacher.get("model") else ""
    facts = [("Student", f"{student['model']} ({student['dtype']})")]
    if training is not None:
        loss, file = source["loss"], source["data"]["trajectories"]
        summary = training.info.get("summary", {})
        lora = source["student"]["lora"]
        facts += [
            ("Teacher", f"trajectories of {Path(file).name}" if file else teacher["kind"] + named),
            (
                "Loss",
                f"{loss['name']}: λ_r {loss['reason_weight']:g}, λ_a {loss['act_weight']:g}, "
                f"{loss['normaliser']}",
            ),
            ("Signal", _signal(summary.get("signal") or loss["signal"])),
            ("Adapter", f"LoRA rank {lora['r']}, alpha {lora['alpha']}"),
            ("Training", _training_text(summary)),
        ]
    samples = benchmark["samples"]
    facts += [
        (
            "Benchmark",
            f"{benchmark['name']}, {samples} sample{'s' if samples > 1 else ''} per problem, "
            f"temperature {benchmark['temperature']:g}, at most {benchmark['max_turns']} turns of "
            f"{benchmark['max_tokens']} tokens",
        ),
        ("Agent", f"protocol {config['agent']['protocol']}, prompt {config['agent']['prompt']}"),
        ("Code", _commit(info)),
        ("Run", str(info.get("started_at", "unknown"))),
        ("Python", f"{info.get('python', '?')}, {info.get('platform', '')}".rstrip(", ")),
        (
            "Packages",
            ", ".join(
                f"{name} {version}"
                for name, version in info.get("packages", {}).items()
                if name in PACKAGES
            ),
        ),
    ]
    return [(label, text) for label, text in facts if text]


def _signal(name: str) -> str:
    return {
        "hard": "hard labels: cross-entropy on the teacher's tokens",
        "online": "online: the full distribution of the teacher",
        "cached": "cached: stored sparse distributions of the teacher",
    }.get(name, name)


def _training_text(summary: dict[str, Any]) -> str:
    if "steps" not in summary:
        return ""
    minutes = summary.get("seconds", 0) / 60
    return f"{summary['steps']} optimizer steps in {minutes:.1f} minutes"


def _commit(info: dict[str, Any]) -> str:
    commit = info.get("commit")
    if not commit:
        return "installed package, no commit"
    return f"commit {commit[:12]}{' with uncommitted changes' if info.get('dirty') else ''}"
