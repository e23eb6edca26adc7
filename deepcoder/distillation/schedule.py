"""Learning-rate schedules: a linear warmup, then cosine, linear, or constant.

    factor = learning_rate_factor("cosine", warmup=10, total=100)
    factor(0), factor(9), factor(100)   # 0.1, 1.0, 0.0

Pure functions of the optimizer step, so that a resumed run continues the same curve.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum

from deepcoder.errors import ConfigError

__all__ = ["Schedule", "learning_rate_factor"]


class Schedule(StrEnum):
    """What the learning rate does after the warmup."""

    COSINE = "cosine"
    """Half a cosine down to 0."""
    LINEAR = "linear"
    """A straight line down to 0."""
    CONSTANT = "constant"


def learning_rate_factor(name: str, warmup: int, total: int) -> Callable[[int], float]:
    """Multiplier of the base rate at step k (from 0) of `total`.

    The warmup reaches 1 at its last step, and takes at most a tenth of the training.
    Raises ConfigError for an unknown name.
    """
    try:
        schedule = Schedule(name)
    except ValueError:
        raise ConfigError(
            f"optim.schedule={name!r} is unknown.", fix=f"use one of {', '.join(Schedule)}"
        ) from None
    warmup = min(warmup, max(1, total // 10))

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        if schedule is Schedule.CONSTANT:
            return 1.0
        done = min(1.0, (step - warmup) / max(1, total - warmup))
        return 1.0 - done if schedule is Schedule.LINEAR else 0.5 * (1 + math.cos(math.pi * done))

    return factor
