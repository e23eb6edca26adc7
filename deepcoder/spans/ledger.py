"""The books of `prepare`: every line of its input ends as examples, or in a list with a reason.

ledger = Ledger(rejected_file, truncated_file)
examples = list(ledger.account(lines, results))
print_summary(ledger.summary())
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple, TextIO

import numpy as np

from deepcoder.spans.sampled import NO_DRIFT
from deepcoder.spans.selection import Example, Result
from deepcoder.trajectories.reading import Place, ReadFailure, Rejection
from deepcoder.types import KINDS, SpanKind, Trajectory, WeightGroup

__all__ = ["Ledger", "Lines", "print_summary"]


class Lines(NamedTuple):
    """Some records of one source, read or rejected, with their places."""

    source: str
    items: list[tuple[Place, Trajectory | Rejection]]

    @property
    def trajectories(self) -> list[tuple[Place, Trajectory]]:
        return [(place, item) for place, item in self.items if isinstance(item, Trajectory)]


class Ledger:
    """Accounts for every line: counts, and the lists of what was rejected and shortened."""

    def __init__(self, rejected: TextIO, truncated: TextIO) -> None:
        self._rejected, self._truncated = rejected, truncated
        self._sources: Counter[str] = Counter()
        self._tokens = np.zeros(len(KINDS), dtype=np.int64)
        self._reasons: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._drift = NO_DRIFT
        self.protocols: set[str] = set()

    @property
    def examples(self) -> int:
        """How many there are so far."""
        return self._counts["train_examples"] + self._counts["validation_examples"]

    def account(self, lines: Lines, results: list[Result]) -> Iterator[Example]:
        """The examples of some lines, of whose trajectories these are the results; the rest is
        counted and listed."""
        self._counts["lines"] += len(lines.items)
        for _, item in lines.items:
            if isinstance(item, Rejection):
                self._counts["damaged"] += ReadFailure(item.reason).damaged
                self._reject(item)
        for (place, trajectory), result in zip(lines.trajectories, results, strict=True):
            if result.left_out is not None:
                self._reject(
                    Rejection(
                        file=place.file,
                        line=place.line,
                        reason=result.left_out.value,
                        detail=result.detail,
                        id=trajectory.id,
                    )
                )
                continue
            self._accept(place, trajectory, result)
            yield from result.examples

    def _reject(self, rejection: Rejection) -> None:
        self._reasons[rejection.reason] += 1
        self._rejected.write(json.dumps(rejection.model_dump(mode="json")) + "\n")

    def _accept(self, place: Place, trajectory: Trajectory, result: Result) -> None:
        self.protocols.add(trajectory.protocol)
        self._counts["trajectories"] += 1
        self._counts["unreadable_answers"] += result.untrained
        self._drift = self._drift.plus(result.drift)
        for example in result.examples:
            self._counts[f"{example.split}_examples"] += 1
            self._sources[example.source] += 1
            self._counts["straddlers"] += example.aligned.straddlers
            self._tokens += np.bincount(example.aligned.kinds, minlength=len(self._tokens))
        if result.cut_tokens:
            self._counts["truncated"] += 1
            row = {
                "file": place.file,
                "line": place.line,
                "id": trajectory.id,
                "tokens": result.tokens,
                "tokens_cut": result.cut_tokens,
                "steps_cut": result.cut_steps,
            }
            self._truncated.write(json.dumps(row) + "\n")

    def summary(self) -> dict[str, Any]:
        """Everything that is worth knowing at a glance, JSON-able."""
        by_kind = {kind.value: int(self._tokens[kind.code]) for kind in KINDS}
        trained = [kind for kind in KINDS if kind.group is not WeightGroup.NONE]
        names = ("lines", "trajectories", "train_examples", "validation_examples", "truncated")
        return {
            **{name: self._counts[name] for name in names},
            "rejected": sum(self._reasons.values()),
            "damaged": self._counts["damaged"],
            "unreadable_answers": self._counts["unreadable_answers"],
            "straddlers": self._counts["straddlers"],
            "tokens": int(self._tokens.sum()),
            "supervised_tokens": sum(by_kind[kind.value] for kind in trained),
            "tokens_by_kind": by_kind,
            "rejected_by_reason": dict(sorted(self._reasons.items())),
            **({"examples_by_source": dict(self._sources)} if any(self._sources) else {}),
            **({"answers_with_ids": self._drift._asdict()} if self._drift.given else {}),
        }


def print_summary(summary: dict[str, Any]) -> None:
    """Print the summary as two tables: what became of the lines, and tokens by kind."""
    from rich.console import Console
    from rich.table import Table

    lines = Table(title="prepare", title_justify="left")
    lines.add_column("")
    lines.add_column("count", justify="right")
    lines.add_row("lines read", f"{summary['lines']:,}")
    lines.add_row("trajectories used", f"{summary['trajectories']:,}")
    lines.add_row("  of these shortened to fit", f"{summary['truncated']:,}")
    lines.add_row(
        "  answers kept but not trained (unreadable)", f"{summary['unreadable_answers']:,}"
    )
    for what, count in summary.get("answers_with_ids", {}).items():
        lines.add_row(f"answers whose backend said its ids: {what}", f"{count:,}")
    for reason, count in summary["rejected_by_reason"].items():
        lines.add_row(f"rejected: {reason}", f"{count:,}")
    for name, count in summary.get("examples_by_source", {}).items():
        lines.add_row(f"examples of {name}", f"{count:,}")
    lines.add_row("examples to train on", f"{summary['train_examples']:,}")
    lines.add_row("examples for validation", f"{summary['validation_examples']:,}")
    kinds = Table(title="tokens", title_justify="left")
    kinds.add_column("kind")
    kinds.add_column("weighted with")
    kinds.add_column("tokens", justify="right")
    kinds.add_column("share", justify="right")
    total = max(summary["tokens"], 1)
    for kind, count in summary["tokens_by_kind"].items():
        group = SpanKind(kind).group.value
        kinds.add_row(kind, group, f"{count:,}", f"{count / total:.1%}")
    supervised = summary["supervised_tokens"]
    kinds.add_row("all that carry loss", "", f"{supervised:,}", f"{supervised / total:.1%}")
    kinds.add_row("straddling a border", "", f"{summary['straddlers']:,}", "")
    for table in (lines, kinds):
        Console().print(table)
