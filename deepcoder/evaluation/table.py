"""The figures as a table for the terminal. Reads the dictionary of `summary.summarise`.

print_table(results)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["AGREEMENT", "FIGURES", "figure_text", "pair_rows", "print_table", "table_rows"]

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
