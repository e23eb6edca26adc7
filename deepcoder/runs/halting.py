"""Stopping long work in order: a person, a clock, or a reason asks, and what is in flight finishes.

Example::

    with stop_on_signals() as halt, for_seconds(halt, 3600, error):
        while not halt.event.is_set(): ...
    if halt.reason is not None:
        raise halt.reason
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Iterator

from deepcoder.errors import DeepcoderError

__all__ = ["Halt", "for_seconds", "stop_on_signals"]

log = logging.getLogger(__name__)


class Halt:
    """Ends the work when what is in flight is finished; `reason` is None for a person."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.reason: DeepcoderError | None = None

    def because(self, error: DeepcoderError | None) -> None:
        """Halt for this reason, unless it is None or there is an earlier one."""
        if error is not None and not self.event.is_set():
            self.reason = error
            self.event.set()


@contextlib.contextmanager
def stop_on_signals() -> Iterator[Halt]:
    """What the first SIGINT or SIGTERM sets; the second one ends everything at once."""
    loop, halt, asked = asyncio.get_running_loop(), Halt(), False
    working = asyncio.current_task()

    def interrupted() -> None:
        nonlocal asked
        if not asked:
            asked = True
            if not halt.event.is_set():
                halt.reason = None  # of an end that was not reached
            halt.event.set()
            log.info("Stopping: episodes in flight are finished. Once more stops at once.")
        elif working is not None:
            working.cancel()

    signals = (signal.SIGINT, signal.SIGTERM)
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
        for number in signals:  # only the main thread may
            loop.add_signal_handler(number, interrupted)
    try:
        yield halt
    finally:
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            for number in signals:
                loop.remove_signal_handler(number)


@contextlib.contextmanager
def for_seconds(halt: Halt, most: float | None, error: DeepcoderError) -> Iterator[None]:
    """Halts with `error` after so many seconds; None is no limit."""
    if most is None:
        yield
        return
    timer = asyncio.get_running_loop().call_later(most, halt.because, error)
    try:
        yield
    finally:
        timer.cancel()
