"""The figures as a table for the terminal. Reads the dictionary of `summary.summarise`.

print_table(results)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "AGREEMENT",
    "ARM_FIGURES",
    "FIGURES",
    "arm_columns",
    "arm_rows",
    "figure_text",
    "pair_rows",
    "pass_keys",
    "print_arms",
    "print_table",
    "table_rows",
]

FIGURES = {
    "answered_rate": ("ended with an answer", "percent"),
    "valid_action_rate": ("valid actions", "percent"),
    "exact_format_rate": ("actions exactly in the format", "percent"),
    "tool_error_rate": ("tool calls that failed", "percent"),
    "recovery_rate": ("solved after an error", "percent"),
    "f1": ("word F1 of answers", "percent"),
    "turns": ("turns per episode", "number"),
    "reason_words": ("words of reasoning per episode", "number"),
    "tokens": ("tokens per episode", "number"),
    "seconds": ("seconds per episode", "number"),
    "tokens_per_second": ("tokens per second", "number"),
    "usd": ("US dollars per episode", "money"),
    "tokens_per_solved": ("tokens per solved episode", "number"),
    "seconds_per_solved": ("seconds per solved episode", "number"),
    "usd_per_solved": ("US dollars per solved episode", "money"),
}
ARM_FIGURES = {
    "valid_action_rate": ("valid actions", "percent"),
    "recovery_rate": ("solved after an error", "percent"),
    "turns": ("turns", "number"),
    "tokens": ("tokens", "number"),
    "tokens_per_solved": ("tokens per solved", "number"),
    "usd_per_solved": ("US dollars per solved", "money"),
}
"""Columns of a comparison after pass@k: label and unit."""
AGREEMENT = {
    "cot_match": ("reasoning in common with the teacher (ROUGE-L)", "percent"),
    "same_tools": ("same tools in the same order", "percent"),
    "reason_length_ratio": ("words of reasoning over the teacher's", "ratio"),
}
"""How a model reasons beside its teacher: label and unit."""

"""Figures after pass@k: label and unit. Seconds are wall clock while episodes run side by side."""


def figure_text(value: Any, unit: str, *, signed: bool = False) -> str:
    """`41.7% [29.2, 54.2]` for an estimate, `12.3` for a plain number, `–` for nothing."""
    if value is None:
        return "–"
    scale, suffix = (100, "%") if unit == "percent" else (1, "")
    form = ("+" if signed else "") + {"money": ".5f", "ratio": ".2f"}.get(unit, ".1f")
    if not isinstance(value, Mapping):
        return f"{scale * value:{form}}{suffix}"
    mean, low, high = (scale * value[key] for key in ("mean", "low", "high"))
    return f"{mean:{form}}{suffix} [{low:{form}}, {high:{form}}]"


def table_rows(results: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Label and one text per model."""
    models = results["models"]
    first = next(iter(models.values()))
    passes = [key for key in first["all"] if key.startswith("pass@")]
    made = [
        (key, [figure_text(model["all"][key], "percent") for model in models.values()])
        for key in passes
    ]
    for part, labels in (("all", FIGURES), ("agreement", AGREEMENT)):
        for key, (label, unit) in labels.items():
            values = [model.get(part, {}).get(key) for model in models.values()]
            if any(value is not None for value in values):
                made.append((label, [figure_text(value, unit) for value in values]))
    for group in ("by_difficulty", "by_origin"):
        for name, figures in first[group].items():
            cells = [
                figure_text(model[group][name][passes[0]], "percent") for model in models.values()
            ]
            made.append((f"{passes[0]}, {name} ({figures['problems']})", cells))
    return made


def pair_rows(results: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """For every pair and k: what is compared, difference, ratio, McNemar's p."""
    made = []
    for pair in results["pairs"]:
        for key in pair:
            if key.startswith("pass@") and not key.endswith("ratio"):
                p = pair.get("mcnemar_p")
                made.append(
                    (
                        f"{key}, {pair['after']} - {pair['before']}",
                        figure_text(pair[key], "percent", signed=True),
                        figure_text(pair[f"{key} ratio"], "ratio"),
                        "–" if p is None else f"{p:.3g}",
                    )
                )
    return made


def print_table(results: Mapping[str, Any]) -> None:
    """Print every figure of every model, intervals in brackets."""
    from rich.console import Console
    from rich.table import Table

    level = f"{100 * results['confidence']:.0f}%"
    problems = len(results["problems"])
    table = Table(title=f"{problems} problems, {level} intervals", title_justify="left")
    table.add_column("")
    for model in results["models"]:
        table.add_column(model, justify="right")
    for label, cells in table_rows(results):
        table.add_row(label, *cells)
    Console().print(table)
    if results["pairs"]:
        pairs = Table(title="On the same problems", title_justify="left")
        for column in ("", "difference", "ratio", "McNemar p"):
            pairs.add_column(column, justify="right" if column else "left")
        for row in pair_rows(results):
            pairs.add_row(*row)
        Console().print(pairs)


def arm_rows(comparison: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """For every arm: its label, pass@k, difference and ratio to the baseline, cost."""
    pairs = {pair["after"]: pair for pair in comparison["pairs"]}
    passes = pass_keys(comparison)
    made = []
    for arm in comparison["arms"]:
        found, pair = arm["figures"], pairs.get(arm["label"], {})
        cells = [str(arm["seeds"])]
        cells += [figure_text(found[key], "percent") for key in passes]
        cells += [
            figure_text(pair.get(passes[0]), "percent", signed=True),
            figure_text(pair.get(f"{passes[0]} ratio"), "ratio"),
            "–" if pair.get("mcnemar_p") is None else f"{pair['mcnemar_p']:.3g}",
            f"{len(pair.get('gained', ()))} / {len(pair.get('lost', ()))}" if pair else "–",
        ]
        cells += [figure_text(found[key], unit) for key, (_, unit) in ARM_FIGURES.items()]
        made.append((arm["label"], cells))
    return made


def arm_columns(comparison: Mapping[str, Any]) -> list[str]:
    """Headings of `arm_rows`, the label's left out."""
    against = comparison["baseline"]
    return [
        "seeds",
        *pass_keys(comparison),
        f"minus {against}",
        f"over {against}",
        "McNemar p",
        "won / lost",
        *(label for label, _ in ARM_FIGURES.values()),
    ]


def pass_keys(comparison: Mapping[str, Any]) -> list[str]:
    """`pass@1`, … as far as every arm has samples."""
    return [key for key in comparison["arms"][0]["figures"] if key.startswith("pass@")]


def print_arms(comparison: Mapping[str, Any]) -> None:
    """Print one row per arm."""
    from rich.console import Console
    from rich.table import Table

    level = f"{100 * comparison['confidence']:.0f}%"
    problems = len(comparison["problems"])
    table = Table(title=f"{problems} problems, {level} intervals", title_justify="left")
    table.add_column("arm")
    for column in arm_columns(comparison):
        table.add_column(column, justify="right", overflow="fold")
    for label, cells in arm_rows(comparison):
        table.add_row(label, *cells)
    Console().print(table)
