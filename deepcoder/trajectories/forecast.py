"""What the whole run will cost, from a few episodes of it, before the money is spent.

The pilot's episodes are drawn at random from the plan, played for real, and kept: they are part of
the run. Their mean is uncertain, and that is what the range shows: it is resampled (bootstrap), and
50 and 90 in 100 of the resampled totals lie below p50 and p90.

Example::

    pilot = draw(planned.tasks, 8, seed=0)
    ranges = forecast(costs, remaining=992, workers=8, limits=(30, 6000), seed=0)
    print(ranges["usd"].p90)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from deepcoder.types import Usage

__all__ = ["Range", "draw", "forecast", "show"]

T = TypeVar("T")
RESAMPLES = 1000


@dataclass(frozen=True)
class Range:
    """Of one quantity: the pilot's mean per episode, and what remains of the run."""

    mean: float
    p50: float
    p90: float


def draw(tasks: Sequence[T], count: int, seed: int) -> list[T]:
    """The episodes of the pilot: the same ones whenever it is asked."""
    return Random(f"pilot/{seed}").sample(list(tasks), min(count, len(tasks)))


def forecast(
    costs: Sequence[Usage],
    *,
    remaining: int,
    workers: int,
    limits: tuple[float | None, float | None] = (None, None),
    overhead: float = 1.0,
    seed: int = 0,
) -> dict[str, Range]:
    """Dollars, tokens, requests and seconds of `remaining` episodes like those of `costs`.

    `limits` are requests and tokens a minute; time is the longest of what workers and they need.
    `overhead` is what was paid by what the episodes used: broken answers are paid for, too.
    """
    if not costs:
        raise ValueError("a forecast needs an episode")
    rng = Random(seed)
    totals: dict[str, list[float]] = {"usd": [], "tokens": [], "requests": [], "seconds": []}
    for _ in range(RESAMPLES):
        drawn = rng.choices(costs, k=len(costs))
        one = _episode(drawn, workers, limits, overhead)
        for name, value in one.items():
            totals[name].append(value * remaining)
    means = _episode(costs, workers, limits, overhead)
    return {name: _range(means[name], values) for name, values in totals.items()}


def _episode(
    costs: Sequence[Usage],
    workers: int,
    limits: tuple[float | None, float | None],
    overhead: float,
) -> dict[str, float]:
    """Means over episodes; `seconds` is what one more episode adds to the run."""
    count = len(costs)
    usd = overhead * sum(u.usd for u in costs) / count
    tokens = overhead * sum(u.prompt_tokens + u.completion_tokens for u in costs) / count
    requests = sum(u.requests for u in costs) / count
    seconds = sum(u.seconds for u in costs) / count / workers
    per_minute, tokens_per_minute = limits
    if per_minute:
        seconds = max(seconds, 60.0 * requests / per_minute)
    if tokens_per_minute:
        seconds = max(seconds, 60.0 * tokens / tokens_per_minute)
    return {"usd": usd, "tokens": tokens, "requests": requests, "seconds": seconds}


def _range(mean: float, values: list[float]) -> Range:
    ordered = sorted(values)
    return Range(mean, ordered[len(ordered) // 2], ordered[int(0.9 * len(ordered))])


def show(ranges: dict[str, Range], played: int, solved: int, remaining: int) -> None:
    """Print the forecast as a table."""
    from rich.console import Console
    from rich.table import Table

    title = f"dry run: {played} episodes played and kept, {solved} accepted; {remaining} to go"
    table = Table(title=title, title_justify="left")
    for column in ("", "mean of one", "all others, p50", "p90"):
        table.add_column(column, justify="right" if column else "left")
    formats = {"usd": "${:.4f}", "tokens": "{:,.0f}", "requests": "{:,.1f}", "seconds": "{:,.1f}"}
    for name, values in ranges.items():
        texts = (formats[name].format(v) for v in (values.mean, values.p50, values.p90))
        table.add_row(name, *texts)
    Console().print(table)
    Console().print("Run the same command without generation.dry_run to play them.")
