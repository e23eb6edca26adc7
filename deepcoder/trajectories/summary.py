"""What a generation run made, in numbers.

Example::

    show(summarise(TrajectoryStore(a), RejectedStore(r)))
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from deepcoder.trajectories.store import TrajectoryStore
from deepcoder.trajectories.verification import RejectedStore

__all__ = ["show", "summarise"]


def summarise(accepted: TrajectoryStore, rejected: RejectedStore) -> dict[str, Any]:
    """Counts over both files, and means over the accepted trajectories.

    `tokens` stands only where the teacher counts them: the oracle has no tokenizer.
    """
    reasons = Counter(record.reason.value for record in rejected)
    count = turns = recovered = tokens = 0
    seconds = 0.0
    for trajectory in accepted:
        count += 1
        turns += len(trajectory.steps)
        recovered += "recovered" in trajectory.tags
        tokens += trajectory.usage.completion_tokens
        seconds += trajectory.usage.seconds
    summary: dict[str, Any] = {
        "accepted": count,
        "rejected": dict(reasons.most_common()),
        "recovered": recovered,
    }
    if count:
        summary["turns"] = round(turns / count, 2)
        summary["seconds"] = round(seconds / count, 3)
        if tokens:
            summary["tokens"] = round(tokens / count, 1)
    return summary


def show(summary: dict[str, Any]) -> None:
    """Print the summary as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title="generate", title_justify="left")
    table.add_column("")
    table.add_column("episodes", justify="right")
    table.add_row("accepted", str(summary["accepted"]))
    table.add_row("  of these recovered from a mistake", str(summary["recovered"]))
    for reason, count in summary["rejected"].items():
        table.add_row(f"rejected: {reason}", str(count))
    for name, label in (("turns", "turns"), ("tokens", "tokens written"), ("seconds", "seconds")):
        if name in summary:
            table.add_row(f"mean {label}", str(summary[name]))
    Console().print(table)
