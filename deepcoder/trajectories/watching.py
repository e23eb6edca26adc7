"""Watching a run from outside of it: what is shown and written every few seconds, and a bell.

Example::

    async with reporting(run, meter, then) as on_done, when(halt.event, teacher.hurry):
        await collect(…, on_done=on_done)
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from deepcoder.runs import RunFolder, progress
from deepcoder.trajectories.collection import OnDone
from deepcoder.trajectories.meter import Meter
from deepcoder.trajectories.verification import Refusal
from deepcoder.types import Trajectory

__all__ = ["reporting", "when"]

EVERY = 5.0
"""Seconds between two lines of `metrics.jsonl`."""


@contextlib.asynccontextmanager
async def when(event: asyncio.Event, call: Callable[[], None]) -> AsyncIterator[None]:
    """Calls once when the event happens, if it does before the end."""

    async def wait() -> None:
        await event.wait()
        call()

    waiting = asyncio.create_task(wait())
    try:
        yield
    finally:
        waiting.cancel()


@contextlib.asynccontextmanager
async def reporting(
    run: RunFolder, meter: Meter, then: OnDone
) -> AsyncIterator[Callable[[Trajectory, Refusal | None], None]]:
    """A progress bar with the meter's facts, and the same in `metrics.jsonl` every few seconds."""
    with progress("generate", meter.total) as advance:
        advance(meter.played, **meter.facts())

        def on_done(trajectory: Trajectory, refused: Refusal | None) -> None:
            then(trajectory, refused)
            advance(1, **meter.facts())

        async def tick() -> None:
            while True:  # also while nothing is done: a wait for limits must be seen
                await asyncio.sleep(EVERY)
                advance(0, **meter.facts())
                run.metric(**meter.record())

        ticking = asyncio.create_task(tick())
        try:
            yield on_done
        finally:
            ticking.cancel()
            run.metric(**meter.record())
