"""Preparing in several processes: batches go out, results come back in order.

    with Workers(partial(make_selection, cfg), count=4) as workers:
        for batch, results in workers.results(selection, batches):
            ...

Rendering and alignment of a batch depend on nothing before it, so they are what the processes do;
what has a memory (duplicates) and what is written stays with the caller. At most a few batches are
under way at a time, so memory does not grow with the file.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from types import TracebackType
from typing import NamedTuple, Self

from deepcoder.spans.selection import Result, Selection, merged
from deepcoder.types import Trajectory

__all__ = ["Batch", "Workers"]

UNDER_WAY = 3
"""Batches per process that are sent ahead."""


class Batch(NamedTuple):
    """Trajectories of one source, in order."""

    trajectories: Sequence[Trajectory]
    source: str


class Workers:
    """See the module's text. `make` is called once in every process and must be picklable."""

    def __init__(self, make: Callable[[], Selection], count: int) -> None:
        self._count = count
        # Spawned, not forked: a fork of a process whose libraries run threads may hang.
        self._pool = ProcessPoolExecutor(
            count, multiprocessing.get_context("spawn"), initializer=_start, initargs=(make,)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=error is None, cancel_futures=True)

    def results(
        self, selection: Selection, batches: Iterable[Batch]
    ) -> Iterator[tuple[Batch, list[Result]]]:
        """Each batch with one result per trajectory, as `selection.examples` would give them."""
        waiting: deque[tuple[Batch, list[Result | None], Future[list[Result]]]] = deque()
        for batch in batches:
            refused = selection.refusals(batch.trajectories)
            pairs = zip(batch.trajectories, refused, strict=True)
            accepted = [trajectory for trajectory, refusal in pairs if refusal is None]
            waiting.append((batch, refused, self._pool.submit(_work, accepted, batch.source)))
            if len(waiting) > UNDER_WAY * self._count:
                yield _finished(*waiting.popleft())
        while waiting:
            yield _finished(*waiting.popleft())


def _finished(
    batch: Batch, refused: list[Result | None], future: Future[list[Result]]
) -> tuple[Batch, list[Result]]:
    return batch, list(merged(refused, future.result()))


_selection: list[Selection] = []


def _start(make: Callable[[], Selection]) -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # the processes are the parallelism
    gc.disable()  # see _work
    _selection.append(make())


def _work(accepted: list[Trajectory], source: str) -> list[Result]:
    results = _selection[0].results(accepted, source)
    gc.collect(0)  # once a batch, not every 700 objects
    return results
