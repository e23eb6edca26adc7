"""Several evaluations side by side: which arms they hold, on which problems, and the figures.

An arm is a model as it was measured: an untrained one is the same arm in every run that played it;
trained students are told apart by what their configurations differ in, and those that differ in
nothing but their seed are one arm with several seeds. Figures are made anew from the stored
episodes, so that all arms have the same problems and resamples.

    runs = [read_evaluation(path) for path in paths]
    arms = find_arms(runs, pool_seeds=True)
    comparison = compare_arms(arms, common_problems(arms, ProblemSets.refuse), settings)
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from deepcoder.config import ProblemSets
from deepcoder.errors import ConfigError, DataError, MissingError
from deepcoder.evaluation.playing import read_samples
from deepcoder.evaluation.summary import RESULTS_VERSION, Settings, compare, figures, share
from deepcoder.types import Trajectory

__all__ = [
    "Arm",
    "Evaluation",
    "common_problems",
    "compare_arms",
    "differing_budgets",
    "find_arms",
    "read_evaluation",
]

log = logging.getLogger(__name__)

NO_DIFFERENCE = ("stage", "name", "run", "runs", "compare", "benchmark", "paths", "json", "logger")
"""Top-level parts of a configuration in which two trainings may differ and be the same."""
SEEDS = ("seed", "data.seed", "problems.seed")
"""Fields in which the seeds of one arm differ."""
BUDGET = ("mode", "temperature", "top_p", "max_tokens", "max_turns", "max_seconds", "tools")
"""Fields of `benchmark` in which evaluations should agree."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """An evaluate run folder: its configuration, results, and episodes per model and problem."""

    path: Path
    config: dict[str, Any]
    results: dict[str, Any]
    samples: dict[str, dict[str, list[Trajectory]]]
    trainings: dict[str, Path]
    """Model to the train run folder of its adapter."""


@dataclass
class Arm:
    """A model under one label, with one entry of `samples` and `origins` per seed."""

    label: str
    trained: bool
    samples: list[dict[str, list[Trajectory]]] = field(default_factory=list)
    origins: list[tuple[Path, str]] = field(default_factory=list)
    """Evaluation run and the name of the model in it."""
    trainings: list[Path] = field(default_factory=list)
    speeds: list[float] = field(default_factory=list)
    """Tokens per second, where they were measured."""


# ------------------------------------------------------------------------------------- reading


def read_evaluation(path: Path) -> Evaluation:
    """Reads a folder that `evaluate` wrote.

    Raises MissingError when it is none, DataError for other versions, repeated or lost episodes.
    """
    results = _json(path / "results.json")
    version = results.get("schema_version")
    if version != RESULTS_VERSION:
        raise DataError(
            f"{path / 'results.json'} has version {version}, and {RESULTS_VERSION} is read here.",
            fix="run `python -m deepcoder.evaluate` again: what was played is kept",
        )
    if not results["problems"]:
        raise DataError(f"{path} evaluated no problem.", fix="leave it out, or evaluate again")
    samples, trainings = {}, {}
    inputs = _json(path / "run.json").get("inputs", {})
    for model in results["models"]:
        grouped: dict[str, list[Trajectory]] = {p["id"]: [] for p in results["problems"]}
        for row in read_samples(_existing(path / f"{model}.jsonl")):
            grouped.setdefault(row.problem_id, []).append(row)
        _check_counts(path, model, grouped, len(results["problems"]))
        samples[model] = grouped
        if adapter := inputs.get(f"adapter {model}", {}).get("path"):
            trainings[model] = Path(adapter).parent.parent
    config = OmegaConf.to_container(OmegaConf.load(_existing(path / "config.yaml")))
    assert isinstance(config, dict)
    return Evaluation(path, {str(k): v for k, v in config.items()}, results, samples, trainings)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise MissingError(
            f"{path} is missing.", fix="give the folder of a finished evaluation: runs/evaluate/…"
        )
    return path


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(_existing(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}", fix="run evaluate again") from error
    return dict(value)


def _check_counts(
    path: Path, model: str, grouped: Mapping[str, Sequence[Trajectory]], problems: int
) -> None:
    counts = {len(rows) for rows in grouped.values()}
    if len(counts) != 1 or counts == {0} or len(grouped) != problems:
        raise DataError(
            f"{path / model}.jsonl does not hold every problem equally often.",
            fix="run evaluate again: it plays what is missing",
        )


# ---------------------------------------------------------------------------------------- arms


def find_arms(
    runs: Sequence[Evaluation], *, pool_seeds: bool = True, labels: Sequence[str] = ()
) -> list[Arm]:
    """The arms of all runs, untrained ones first. `labels` name the trained models of each run.

    Raises ConfigError when there are not as many labels as runs.
    """
    if labels and len(labels) != len(runs):
        raise ConfigError(
            f"compare.labels has {len(labels)} names for {len(runs)} runs.",
            fix="give one name per run, in their order; equal names are seeds of one arm",
        )
    settings = {
        (run, model): _flat(_training_config(run, model)) for run in runs for model in run.trainings
    }
    names = _names(list(settings.values()))
    arms: dict[str, Arm] = {}
    for index, run in enumerate(runs):
        for model in run.samples:
            trained = model in run.trainings
            if not trained:
                label = _untrained_label(run, model)
            elif labels:
                label = labels[index]
            else:
                label = _label(settings[run, model], names, run, model)
            _, plus, constrained = model.partition("+")
            label = f"{label}{plus}{constrained}"
            if label in arms and trained and not pool_seeds:
                label = f"{label}, {run.path.name}"
            _add(arms.setdefault(label, Arm(label, trained)), run, model)
    return sorted(arms.values(), key=lambda arm: arm.trained)


def _add(arm: Arm, run: Evaluation, model: str) -> None:
    """Add a seed, unless these very episodes are there: a baseline is copied into many runs."""
    ids = {row.id for rows in run.samples[model].values() for row in rows}
    for samples in arm.samples:
        if ids == {row.id for rows in samples.values() for row in rows}:
            return
    arm.samples.append(run.samples[model])
    arm.origins.append((run.path, model))
    if model in run.trainings:
        arm.trainings.append(run.trainings[model])
    speed = run.results["models"][model]["all"].get("tokens_per_second")
    if speed is not None:
        arm.speeds.append(float(speed))


def _training_config(run: Evaluation, model: str) -> dict[str, Any]:
    """How the student was trained: its own snapshot, or what the evaluation says of it."""
    snapshot = run.trainings[model] / "config.yaml"
    if not snapshot.is_file():
        return run.config
    loaded = OmegaConf.to_container(OmegaConf.load(snapshot))
    assert isinstance(loaded, dict)
    return {str(key): value for key, value in loaded.items()}


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted name to value, without the parts that make no difference between trainings."""
    made: dict[str, Any] = {}
    for key, value in config.items():
        name = f"{prefix}{key}"
        if name in NO_DIFFERENCE or name in SEEDS:
            continue
        if isinstance(value, dict) and value:
            made |= _flat(value, f"{name}.")
        else:
            made[name] = value
    return made


def _names(settings: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """For every loss: the fields in which the trainings with it differ."""
    by_loss: dict[str, list[Mapping[str, Any]]] = {}
    for flat in settings:
        by_loss.setdefault(str(flat.get("loss.name")), []).append(flat)
    return {
        loss: [
            name
            for name in sorted({name for flat in group for name in flat})
            if len({repr(flat.get(name)) for flat in group}) > 1
        ]
        for loss, group in by_loss.items()
    }


def _label(
    flat: Mapping[str, Any], names: Mapping[str, Sequence[str]], run: Evaluation, model: str
) -> str:
    """`sad`, or `sad, reason_weight=2`: the loss, and what tells it from others of the same."""
    own = model.partition("+")[0]
    if own != "student":
        return own  # an adapter that was named by the person who asked for it
    loss = str(flat.get("loss.name"))
    parts = [f"{name.rpartition('.')[2]}={flat.get(name)}" for name in names[loss]]
    return ", ".join([loss, *parts])


def _untrained_label(run: Evaluation, model: str) -> str:
    name = model.partition("+")[0]
    fingerprint = run.results["models"][model]["fingerprint"]
    return f"{name} {Path(str(fingerprint['model'])).name}"


# ------------------------------------------------------------------------------------ problems


def common_problems(arms: Sequence[Arm], problems: ProblemSets) -> list[str]:
    """Ids of the problems that all arms were played on, in the order of the first.

    A problem is its id and the text that the models were shown. Raises DataError when the sets
    differ and `problems` says to refuse that, or when they have nothing in common.
    """
    shown = [
        {(name, rows[0].task) for name, rows in samples.items()}
        for arm in arms
        for samples in arm.samples
    ]
    if not shown:
        raise DataError("There is nothing to compare.", fix="give runs=[runs/evaluate/…,…]")
    common = set.intersection(*shown)
    different = set.union(*shown) - common
    if different and problems is ProblemSets.refuse:
        raise DataError(
            f"The runs evaluated different problems: {len(different)} are not in all of them, e.g. "
            f"{min(different)[0]}.",
            fix="evaluate them on the same benchmark, or compare what they share with "
            "compare.problems=intersect",
        )
    kept = {name for name, _ in common}
    if not kept:
        raise DataError(
            "The runs have no problem in common.", fix="evaluate them on the same benchmark"
        )
    if different:
        log.warning("%d problems are in all runs; the others are left out.", len(kept))
    return [name for name in arms[0].samples[0] if name in kept]


def differing_budgets(runs: Sequence[Evaluation]) -> list[str]:
    """Settings of the benchmark in which the runs differ: then they measured different things."""
    found = []
    for name in BUDGET:
        values = {str(run.config["benchmark"].get(name)) for run in runs}
        if len(values) > 1:
            found.append(f"benchmark.{name}: {', '.join(sorted(values))}")
    protocols = {(run.config["agent"]["protocol"], run.config["agent"]["prompt"]) for run in runs}
    if len(protocols) > 1:
        found.append(f"agent: {', '.join(sorted(' '.join(pair) for pair in protocols))}")
    return found


# ------------------------------------------------------------------------------------- figures


def compare_arms(
    arms: Sequence[Arm],
    ids: Sequence[str],
    settings: Settings,
    baseline: str | None = None,
) -> dict[str, Any]:
    """Figures of every arm on the problems `ids`, and of every arm against the baseline.

    The baseline is an arm's label; None takes the first arm. `pass@k` is given for those k of the
    settings for which every arm has samples. Raises ConfigError for a label that no arm has.
    """
    labels = [arm.label for arm in arms]
    if baseline is not None and baseline not in labels:
        raise ConfigError(
            f"compare.baseline={baseline} is no arm.", fix=f"use one of: {'; '.join(labels)}"
        )
    fewest = min(len(samples[name]) for arm in arms for samples in arm.samples for name in ids)
    kept = tuple(k for k in settings.k if k <= fewest) or (1,)
    settings = Settings(kept, settings.resamples, settings.confidence, settings.seed)
    against = arms[labels.index(baseline)] if baseline else arms[0]
    first = {p["id"]: p for p in _problem_rows(arms)}
    return {
        "schema_version": RESULTS_VERSION,
        "confidence": settings.confidence,
        "resamples": settings.resamples,
        "baseline": against.label,
        "arms": [
            {
                "label": arm.label,
                "trained": arm.trained,
                "seeds": len(arm.samples),
                "runs": [str(path) for path, _ in arm.origins],
                "figures": figures(arm.samples, ids, settings)
                | {"tokens_per_second": _mean(arm.speeds)},
            }
            for arm in arms
        ],
        "pairs": [
            {
                "after": arm.label,
                "before": against.label,
                **compare(arm.samples, against.samples, ids, settings),
            }
            for arm in arms
            if arm is not against
        ],
        "problems": [
            first[name] | {"solved": {arm.label: share(arm.samples, name) for arm in arms}}
            for name in ids
        ],
    }


def _problem_rows(arms: Sequence[Arm]) -> list[dict[str, Any]]:
    """Id, difficulty, origin and topic of the first arm's problems, from its run's results."""
    path = arms[0].origins[0][0]
    keep = ("id", "difficulty", "origin", "topic")
    return [{key: p[key] for key in keep} for p in _json(path / "results.json")["problems"]]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
