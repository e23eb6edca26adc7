"""What an episode remembers (`EpisodeState`) and what it works with (`Episode`).

The state is what the graph's nodes return and is all that an episode is; the rest (tools, clock,
limits of the call) is context that no node changes.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypedDict

from deepcoder.agent.tools import Tool, Trial
from deepcoder.types import Sampling, Step, StopReason, Usage

__all__ = ["Episode", "EpisodeState", "start"]


class EpisodeState(TypedDict):
    """The graph's state. Every node returns the keys that it changes."""

    steps: tuple[Step, ...]
    """The turns so far; the last one has no observation between the model's node and the tool's."""
    candidates: tuple[Step, ...]
    """Samples of the next turn, when there are several to choose from."""
    trial: Trial | None
    """What the last turn's action came to, when the choice of it has carried it out already."""
    thought: str
    """With what the first readable turn begins; empty when the agent does not ask for it."""
    usage: Usage
    invalid: int
    """Turns in a row, counted back from the last, that could not be carried out as written."""
    stop: StopReason | None
    """Why the episode ended; None while it goes on."""
    answer: str | None
    error: str | None
    """What the model raised, when that ended the episode."""


@dataclass(frozen=True)
class Episode:
    """Context of one run through the graph."""

    task: str
    sampling: Sampling
    tools: Mapping[str, Tool]
    deadline: float
    """Reading of `time.monotonic()` at which the episode is over."""
    probe: Callable[[str], Awaitable[str | None]]
    """What a final answer comes to on the inputs that the task shows; None when it fails."""

    waited: list[float] = field(default_factory=list)
    """Seconds that do not count: spent in the queue of a provider."""

    def seconds_left(self) -> float:
        return self.deadline + sum(self.waited) - time.monotonic()


def start() -> EpisodeState:
    """The state before the first turn."""
    return EpisodeState(
        steps=(),
        candidates=(),
        trial=None,
        thought="",
        usage=Usage(),
        invalid=0,
        stop=None,
        answer=None,
        error=None,
    )
