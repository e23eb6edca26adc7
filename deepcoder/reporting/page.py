"""Puts a report together: `report.html` of one evaluation and of the training it measured.

One file with everything inside it; whatever a model wrote is escaped by the template. It reads run
folders and computes nothing. Alternative: a notebook, which needs a kernel to be read.

    write_report(Path("runs/evaluate/…"), train=Path("runs/train/…"))
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from deepcoder.evaluation.table import FIGURES, figure_text, pair_rows, table_rows
from deepcoder.reporting.charts import Interval, Line, interval_plot, line_chart, stacked_bar
from deepcoder.reporting.episodes import choose, episode
from deepcoder.reporting.kinds import css_class, legend, visible
from deepcoder.reporting.runs_read import (
    Training,
    read_config,
    read_json,
    read_training,
    run_facts,
)
from deepcoder.runs import atomic_write
from deepcoder.trajectories.store import TrajectoryStore
from deepcoder.types import SpanKind, Trajectory

__all__ = ["render_report", "write_report"]

NAMES = {"base": "before training", "student": "after training"}
ARMS = 8
"""Colours for models other than these two; then they repeat."""


def model_name(name: str) -> str:
    """How a model is called on the page."""
    plain, plus, constrained = name.partition("+")
    return NAMES.get(plain, plain) + (f", {constrained}" if plus else "")


def model_css(names: list[str]) -> dict[str, str]:
    """CSS class of each model: `base` and `student` have their own, others a number."""
    others = [name for name in names if name not in NAMES]
    return {n: n if n in NAMES else f"arm{others.index(n) % ARMS}" for n in names}


def write_report(evaluate: Path, train: Path | None = None) -> Path:
    """Write `report.html` into the evaluate run folder and return its path.

    Raises MissingError or DataError naming the file of the run folder that is at fault.
    """
    path = evaluate / "report.html"
    # Lone surrogates of a model's text cannot be written as UTF-8; the template shows them.
    atomic_write(path, render_report(evaluate, train).encode("utf-8", "replace"))
    return path


def render_report(evaluate: Path, train: Path | None = None) -> str:
    """The page as text."""
    results = read_json(evaluate / "results.json")
    info = read_json(evaluate / "run.json")
    training = read_training(train) if train is not None else None
    shown = choose(results)
    environment = Environment(
        loader=PackageLoader("deepcoder.reporting", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        names={name: model_name(name) for name in results["models"]},
        css=model_css(list(results["models"])),
        models=list(results["models"]),
        title=_title(list(results["models"])),
        problems=len(results["problems"]),
        confidence=f"{results['confidence']:.0%}",
        resamples=results["resamples"],
        headline=_headline(results),
        facts=run_facts(read_config(evaluate), info, training),
        curves=_curves(training),
        rows=table_rows(results),
        plot=_plot(results),
        pairs=pair_rows(results),
        changes=[
            (model_name(pair["after"]), model_name(pair["before"]), pair["gained"], pair["lost"])
            for pair in results["pairs"]
        ],
        topics=_topics(results),
        kinds=_kinds(training),
        legend=legend(),
        episodes=_episodes(evaluate, results, shown),
    )


def _title(models: list[str]) -> str:
    if len(models) == 1:
        return f"A student {NAMES[models[0]]}" if models[0] in NAMES else models[0]
    if set(models) == set(NAMES):
        return "A student before and after distillation"
    return f"{len(models)} models on the same problems"


def _headline(results: dict[str, Any]) -> list[dict[str, str]]:
    """Large numbers at the top: label, value, and what it is to be compared with."""
    models = results["models"]
    paired = results["pairs"][0] if results["pairs"] else {}
    first = next(iter(models.values()))["all"]
    passes = next(key for key in first if key.startswith("pass@"))
    tiles = []
    for key, label in ((passes, passes), ("valid_action_rate", FIGURES["valid_action_rate"][0])):
        values = {name: model["all"].get(key) for name, model in models.items()}
        trained = [name for name in values if name != "base"]
        name = "student" if "student" in values else (trained or ["base"])[0]
        if values[name] is None:
            continue
        note = model_name(name)
        if name != "base" and values.get("base"):
            note = f"{values['base']['mean']:.0%} before training"
        tiles.append({"label": label, "value": f"{values[name]['mean']:.0%}", "note": note})
    if passes in paired:
        value = paired[passes]
        low, high = (f"{100 * value[key]:+.0f}" for key in ("low", "high"))
        tiles.insert(
            1,
            {
                "label": "difference on the same problems",
                "value": f"{100 * value['mean']:+.0f} points",
                "note": f"{model_name(paired['after'])} - {model_name(paired['before'])}, "
                f"{results['confidence']:.0%} interval {low} to {high}",
            },
        )
    return tiles


def _curves(training: Training | None) -> list[dict[str, Any]]:
    """One chart per span group: training loss and, where there is one, validation."""
    if training is None:
        return []
    charts = []
    for group, title in (("reason", "Reasoning"), ("act", "Action")):
        lines = [
            Line("train", "train", training.series(f"train/{group}_loss")),
            Line("held out", "val", training.series(f"val/{group}_nll")),
        ]
        lines = [line for line in lines if line.points]
        svg = line_chart(lines, "nats per token")
        if svg:
            charts.append({"title": title, "svg": svg, "lines": lines})
    return charts


def _plot(results: dict[str, Any]) -> Any:
    """pass@k overall, by difficulty and by origin, each model with its interval."""
    models = results["models"]
    first, css = next(iter(models.values())), model_css(list(models))
    passes = next(key for key in first["all"] if key.startswith("pass@"))
    groups = [("all problems", {name: model["all"] for name, model in models.items()})]
    for part in ("by_difficulty", "by_origin"):
        for label in first[part]:
            groups.append((label, {name: model[part][label] for name, model in models.items()}))
    return interval_plot(
        [
            (
                f"{label} ({next(iter(figures.values()))['problems']})",
                [
                    Interval(model_name(name), css[name], **_ends(figure[passes]))
                    for name, figure in figures.items()
                ],
            )
            for label, figures in groups
        ]
    )


def _topics(results: dict[str, Any]) -> list[tuple[str, int, list[str]]]:
    """Per topic: its name, how many problems, pass@k of every model."""
    models = list(results["models"].values())
    passes = next(key for key in models[0]["all"] if key.startswith("pass@"))
    return [
        (
            topic,
            figures["problems"],
            [figure_text(model["by_topic"][topic][passes], "percent") for model in models],
        )
        for topic, figures in models[0]["by_topic"].items()
    ]


def _ends(estimate: dict[str, float]) -> dict[str, float]:
    return {key: estimate[key] for key in ("mean", "low", "high")}


def _kinds(training: Training | None) -> dict[str, Any] | None:
    """Tokens of the training examples per span kind, as a bar and as numbers."""
    counts = training.tokens_by_kind if training is not None else {}
    if not counts:
        return None
    total = sum(counts.values())
    rows = [
        {
            "kind": kind,
            "css": css_class(SpanKind(kind)),
            "count": f"{count:,}",
            "share": f"{count / total:.1%}",
        }
        for kind, count in counts.items()
    ]
    bar = stacked_bar([(kind, css_class(SpanKind(kind)), n) for kind, n in counts.items()])
    return {"bar": bar, "rows": rows, "total": f"{total:,}"}


def _episodes(evaluate: Path, results: dict[str, Any], shown: list[str]) -> list[dict[str, Any]]:
    """The first sample of every model on the problems that are shown, side by side."""
    played = {name: _first_samples(evaluate / f"{name}.jsonl") for name in results["models"]}
    about = {problem["id"]: problem for problem in results["problems"]}
    views = []
    for name in shown:
        columns = {m: rows[name] for m, rows in played.items() if name in rows}
        if not columns:
            continue
        problem = about[name]
        views.append(
            {
                "id": name,
                "difficulty": problem["difficulty"],
                "origin": problem["origin"],
                "task": visible(next(iter(columns.values())).task),
                "columns": {model: episode(row) for model, row in columns.items()},
            }
        )
    return views


def _first_samples(path: Path) -> dict[str, Trajectory]:
    rows = TrajectoryStore(path)
    return {row.problem_id: row for row in rows if row.provenance.sample == 0}
