"""What a run of many episodes is doing now: rate, verdicts, money, limits, time to go.

The same facts go to the terminal and, as one JSON object a line, to `metrics.jsonl`. Also here: the
judgement that a model does not follow the protocol at all, before more is paid for.

Example::

    meter = Meter(total=1000, accepted=store, rejected=rejected)
    meter.done(trajectory, refused)
    advance(1, **meter.facts())
    run.metric(**meter.record())
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from deepcoder.errors import IncompleteError
from deepcoder.trajectories.store import TrajectoryStore
from deepcoder.trajectories.verification import Refusal, RejectedStore, is_invalid
from deepcoder.types import Trajectory, Usage

__all__ = ["Following", "Meter"]

WINDOW = 120.0
"""Seconds over which the rate is measured."""


class Meter:
    """Counts what is in both files and what is added. `spent` and `headroom` are asked when shown:
    the account of a teacher that costs money, and what is left of its provider's limits."""

    def __init__(
        self,
        total: int,
        accepted: TrajectoryStore,
        rejected: RejectedStore,
        *,
        spent: Callable[[], Usage | None] = lambda: None,
        headroom: Callable[[], dict[str, Any]] = dict,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total = total
        self.accepted = len(accepted.ids())
        self.rejected = Counter(record.reason.value for record in rejected)
        self._spent, self._headroom, self._clock = spent, headroom, clock
        self._began = clock()
        self._recent: deque[float] = deque()

    @property
    def played(self) -> int:
        return self.accepted + self.rejected.total()

    def done(self, refused: Refusal | None) -> None:
        """One more episode has its verdict."""
        if refused is None:
            self.accepted += 1
        else:
            self.rejected[refused.reason.value] += 1
        self._recent.append(self._clock())

    def per_minute(self) -> float:
        """Episodes a minute, over the last two minutes."""
        now = self._clock()
        while self._recent and self._recent[0] < now - WINDOW:
            self._recent.popleft()
        span = min(WINDOW, now - self._began)
        return 60.0 * len(self._recent) / span if span > 0 else 0.0

    def seconds_left(self) -> float | None:
        """Until all are played at this rate; None while there is none."""
        rate = self.per_minute()
        return 60.0 * (self.total - self.played) / rate if rate else None

    def record(self) -> dict[str, Any]:
        """One line of `metrics.jsonl`."""
        found: dict[str, Any] = {
            "accepted": self.accepted,
            "rejected": self.rejected.total(),
            "rejected_by_reason": dict(self.rejected.most_common()),
            "total": self.total,
            "per_minute": round(self.per_minute(), 2),
        }
        left = self.seconds_left()
        if left is not None:
            found["seconds_left"] = round(left)
        spent = self._spent()
        if spent is not None:
            found |= {
                "usd": round(spent.usd, 6),
                "tokens": spent.prompt_tokens + spent.completion_tokens,
                "requests": spent.requests,
            }
        headroom = self._headroom()
        if headroom:
            found["headroom"] = headroom
        return {f"generate/{name}": value for name, value in found.items()}

    def facts(self) -> dict[str, Any]:
        """The same in few words, for the terminal."""
        reasons = ",".join(f"{name}:{count}" for name, count in self.rejected.most_common(3))
        found: dict[str, Any] = {"accepted": self.accepted, "rejected": reasons or 0}
        found["per_minute"] = f"{self.per_minute():.0f}"
        left = self.seconds_left()
        if left is not None:
            found["left"] = f"{left / 60:.0f}min" if left >= 90 else f"{left:.0f}s"
        spent = self._spent()
        if spent is not None:
            found["usd"] = f"{spent.usd:.4f}"
        return found | {k: v for k, v in self._headroom().items() if k.endswith("_left")}


class Following:
    """Whether the model follows the protocol: nobody pays for a night without one action.

    Counts the first episodes of a run over all its starts; the first that holds a readable action
    ends the counting. `limit` None never gives up.
    """

    def __init__(
        self, limit: int | None, protocol: str, accepted: TrajectoryStore, rejected: RejectedStore
    ) -> None:
        self._limit, self._protocol = limit, protocol
        self._astray = 0
        self._follows = limit is None or bool(accepted.ids())
        if not self._follows:
            for record in rejected:
                self.error(record.trajectory)

    def error(self, trajectory: Trajectory | None = None) -> IncompleteError | None:
        """Count an episode; the error to stop with when all of the first `limit` went astray."""
        if self._follows or self._limit is None:
            return None
        if trajectory is not None:
            self._follows = any(not is_invalid(step) for step in trajectory.steps)
            self._astray += bool(trajectory.steps)  # without a step the model has said nothing
        if self._follows or self._astray < self._limit:
            return None
        return IncompleteError(
            f"None of the first {self._astray} episodes holds an action that can be read: the "
            f"model does not follow the protocol {self._protocol}.",
            fix="read rejected.jsonl, then choose another teacher.model or agent.protocol, or "
            "raise teacher.max_tokens; generation.give_up_after=null plays on all the same",
        )
