"""The figures as a table for the terminal. Reads the dictionary of `summary.summarise`.

print_table(results)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["FIGURES", "figure_text", "print_table", "table_rows"]

FIGURES = {
    "answered_rate": ("ended with an answer", "percent"),
    "valid_action_rate": ("valid actions", "percent"),
    "exact_format_rate": ("actions exactly in the format", "percent"),
    "tool_error_rate": ("tool calls that failed", "percent"),
    "recovery_rate": ("solved after an error", "percent"),
    "turns": ("turns per episode", "number"),
    "tokens": ("tokens per episode", "number"),
    "seconds": ("seconds per episode", "number"),
    "tokens_per_second": ("tokens per second", "number"),
}
"""Figures after pass@k: label and unit. Seconds are wall clock while episodes run side by side."""


def figure_text(value: Any, unit: str, *, signed: bool = False) -> str:
    """`41.7% [29.2, 54.2]` for an estimate, `12.3` for a plain number, `–` for nothing."""
    if value is None:
        return "–"
    scale, suffix = (100, "%") if unit == "percent" else (1, "")
    sign = "+" if signed else ""
    if not isinstance(value, Mapping):
        return f"{scale * value:{sign}.1f}{suffix}"
    mean, low, high = (scale * value[key] for key in ("mean", "low", "high"))
    return f"{mean:{sign}.1f}{suffix} [{low:{sign}.1f}, {high:{sign}.1f}]"


def table_rows(results: Mapping[str, Any]) -> list[tuple[str, list[str], str]]:
    """Label, one text per model, and the difference where it was computed on pairs."""
    models = results["models"]
    paired = results.get("paired", {})
    passes = [key for key in next(iter(models.values()))["all"] if key.startswith("pass@")]
    made = []
    for key in passes:
        cells = [figure_text(models[m]["all"][key], "percent") for m in models]
        difference = figure_text(paired[key], "percent", signed=True) if key in paired else ""
        made.append((key, cells, difference))
    for key, (label, unit) in FIGURES.items():
        values = [models[m]["all"].get(key) for m in models]
        if any(value is not None for value in values):
            made.append((label, [figure_text(value, unit) for value in values], ""))
    for group in ("by_difficulty", "by_origin"):
        for name in next(iter(models.values()))[group]:
            figures = [models[m][group][name] for m in models]
            cells = [figure_text(f[passes[0]], "percent") for f in figures]
            made.append((f"{passes[0]}, {name} ({figures[0]['problems']})", cells, ""))
    return made


def print_table(results: Mapping[str, Any]) -> None:
    """Print every figure of every model, intervals in brackets."""
    from rich.console import Console
    from rich.table import Table

    level = f"{100 * results['confidence']:.0f}%"
    problems = len(results["problems"])
    table = Table(title=f"{problems} held-out problems, {level} intervals", title_justify="left")
    table.add_column("")
    for model in results["models"]:
        table.add_column(model, justify="right")
    differs = "paired" in results
    if differs:
        table.add_column("student - base", justify="right")
    for label, cells, difference in table_rows(results):
        table.add_row(label, *cells, *([difference] if differs else []))
    Console().print(table)
