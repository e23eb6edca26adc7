"""The report of a comparison: arms in a table, intervals, cost against quality, losses, and the
problems that one arm wins and another loses, with both trajectories side by side.

One file with everything inside it, like the report of an evaluation. It computes no figure.

    write_comparison(run.path, result, arms, shown=12)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from deepcoder.errors import DataError, MissingError
from deepcoder.evaluation.table import arm_columns, arm_rows, pass_keys
from deepcoder.reporting.charts import (
    Dot,
    Interval,
    Line,
    interval_plot,
    line_chart,
    scatter_plot,
)
from deepcoder.reporting.episodes import episode
from deepcoder.reporting.kinds import legend, visible
from deepcoder.reporting.page import model_css
from deepcoder.reporting.runs_read import read_training
from deepcoder.runs import atomic_write

if TYPE_CHECKING:
    from deepcoder.evaluation.comparison import Arm

__all__ = ["write_comparison"]

LOSSES = {
    "val/reason_nll": "Reasoning, held out",
    "val/act_nll": "Action, held out",
    "train/reason_loss": "Reasoning, training",
    "train/act_loss": "Action, training",
}
COSTS = {
    "usd": "US dollars per episode",
    "tokens": "tokens per episode",
    "seconds": "seconds per episode",
}
"""What quality is drawn against, the first that every arm has."""


def write_comparison(
    folder: Path, comparison: Mapping[str, Any], arms: Sequence[Arm], *, shown: int
) -> Path:
    """Write `report.html` into `folder`, with at most `shown` problems; returns its path."""
    path = folder / "report.html"
    labels = [arm.label for arm in arms]
    css = model_css(["base", *labels])  # no arm may take the colour of another by its name
    environment = Environment(
        loader=PackageLoader("deepcoder.reporting", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    chosen = choose_problems(comparison, shown)
    text = environment.get_template("compare.html.j2").render(
        labels=labels,
        names={label: label for label in labels},
        css=css,
        problems=len(comparison["problems"]),
        confidence=f"{comparison['confidence']:.0%}",
        resamples=comparison["resamples"],
        baseline=comparison["baseline"],
        differing=comparison["differing"],
        columns=arm_columns(comparison),
        rows=arm_rows(comparison),
        plot=_intervals(comparison, css),
        cost=_cost(comparison, css),
        curves=_curves(arms, css),
        table=[(p["id"], p["difficulty"], _cells(p["solved"])) for p in comparison["problems"]],
        legend=legend(),
        episodes=_episodes(comparison, arms, chosen),
        runs=[(arm["label"], arm["runs"]) for arm in comparison["arms"]],
    )
    atomic_write(path, text.encode("utf-8", "replace"))
    return path


def choose_problems(comparison: Mapping[str, Any], limit: int) -> list[str]:
    """Ids worth showing: those on which arms differ most first, wins and losses against the
    baseline in turn; then others."""
    against = comparison["baseline"]
    spread = {
        p["id"]: max(p["solved"].values()) - min(p["solved"].values())
        for p in comparison["problems"]
    }
    best = {
        p["id"]: max((s for arm, s in p["solved"].items() if arm != against), default=0.0)
        - p["solved"][against]
        for p in comparison["problems"]
    }
    ranked = sorted(spread, key=lambda name: -spread[name])
    won = [name for name in ranked if spread[name] > 0 and best[name] > 0]
    lost = [name for name in ranked if spread[name] > 0 and best[name] <= 0]
    mixed: list[str] = []
    while won or lost:
        mixed += [group.pop(0) for group in (won, lost) if group]
    return (mixed + [name for name in ranked if spread[name] == 0])[:limit]


def _intervals(comparison: Mapping[str, Any], css: Mapping[str, str]) -> Any:
    key = pass_keys(comparison)[0]
    marks = []
    for arm in comparison["arms"]:
        found, label = arm["figures"][key], arm["label"]
        interval = Interval(label, css[label], found["mean"], found["low"], found["high"])
        marks.append((label, [interval]))
    return interval_plot(marks)


def _cost(comparison: Mapping[str, Any], css: Mapping[str, str]) -> Any:
    """pass@k over what an episode costs."""
    arms, key = comparison["arms"], pass_keys(comparison)[0]
    cost = next(c for c in COSTS if all(arm["figures"][c] is not None for arm in arms))
    return scatter_plot(
        [
            Dot(
                arm["label"],
                css[arm["label"]],
                arm["figures"][cost]["mean"],
                arm["figures"][key]["mean"],
            )
            for arm in arms
        ],
        COSTS[cost],
        key,
    )


def _curves(arms: Sequence[Arm], css: Mapping[str, str]) -> list[dict[str, Any]]:
    """One chart per loss with a curve per training; runs whose folder is gone are left out."""
    trainings = []
    for arm in arms:
        for folder in arm.trainings:
            try:
                trainings.append((arm.label, read_training(folder)))
            except (MissingError, DataError):
                continue
    charts = []
    for name, title in LOSSES.items():
        lines = [Line(label, css[label], run.series(name)) for label, run in trainings]
        svg = line_chart([line for line in lines if line.points], "nats per token")
        if svg:
            charts.append({"title": title, "svg": svg})
    return charts


def _cells(solved: Mapping[str, float]) -> list[tuple[str, str]]:
    """Text and CSS class of each arm's share of solved samples."""
    return [
        (f"{share:.0%}", "good" if share == 1 else "bad" if share == 0 else "")
        for share in solved.values()
    ]


def _episodes(
    comparison: Mapping[str, Any], arms: Sequence[Arm], chosen: Sequence[str]
) -> list[dict[str, Any]]:
    """The first episode of every arm's first seed on the chosen problems."""
    about = {problem["id"]: problem for problem in comparison["problems"]}
    return [
        {
            "id": name,
            "difficulty": about[name]["difficulty"],
            "origin": about[name]["origin"],
            "task": visible(arms[0].samples[0][name][0].task),
            "columns": {arm.label: episode(arm.samples[0][name][0]) for arm in arms},
        }
        for name in chosen
    ]
