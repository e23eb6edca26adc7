"""How long to wait after a fault, and when to stop asking a provider that is down.

`backoff` draws uniformly between nothing and a bound that doubles ("full jitter"), so that workers
which failed together do not come back together. `CircuitBreaker` is shared by all workers: after
several faults in a row nobody asks; then one probes, and the others follow when it succeeds.

Example::

    breaker = CircuitBreaker(patience=900)
    await breaker.closed()            # waits while the provider is down
    breaker.failed("503: overloaded") # or breaker.succeeded()
"""

from __future__ import annotations

import asyncio
import contextlib
from random import Random

from deepcoder.errors import UnavailableError

__all__ = ["CircuitBreaker", "backoff"]

LONGEST = 30.0
"""Seconds above which no wait between two attempts goes."""


def backoff(failures: int, first: float, random: Random) -> float:
    """Seconds to wait after the given number of faults of one request."""
    return random.uniform(0.0, min(LONGEST, first * 2.0 ** (failures - 1)))


class CircuitBreaker:
    """Open after `threshold` faults in a row, over all workers.

    `patience` is the number of seconds without any success after which `closed` raises
    UnavailableError instead of waiting further. `first` and `longest` bound the pauses in seconds.
    """

    def __init__(
        self,
        *,
        threshold: int = 10,
        first: float = 2.0,
        longest: float = 60.0,
        patience: float = 900.0,
        random: Random | None = None,
    ) -> None:
        self._threshold = threshold
        self._first = first
        self._longest = longest
        self._patience = patience
        self._random = random or Random()
        self._in_a_row = 0
        self._opened = 0  # times in a row that it opened without a success
        self._failing_since = 0.0
        self._until = 0.0
        self._probing = False
        self._changed = asyncio.Event()
        self._last = ""

    @property
    def open(self) -> bool:
        return self._opened > 0

    def hurry(self, seconds: float) -> None:
        """From now on no outage is waited for longer than this: the run is being stopped."""
        self._patience = min(self._patience, seconds)
        self._changed.set()

    async def closed(self) -> None:
        """Return when this caller may ask. Raises UnavailableError after `patience`."""
        loop = asyncio.get_running_loop()
        while self.open:
            now = loop.time()
            if now - self._failing_since >= self._patience:
                raise UnavailableError(
                    f"The provider has not answered for {now - self._failing_since:.0f} s "
                    f"({self._last}).",
                    fix="run the same command again when it is back",
                )
            if now >= self._until and not self._probing:
                self._probing = True
                return
            wait = self._until - now if now < self._until else self._longest
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(wait, 0.001)):
                    await self._changed.wait()

    def succeeded(self) -> None:
        self._in_a_row = self._opened = 0
        self._settle()

    def failed(self, detail: str) -> None:
        """A fault of the provider (not a refusal of the request, not a rate limit)."""
        now = asyncio.get_running_loop().time()
        if not self._in_a_row:
            self._failing_since = now
        self._in_a_row += 1
        self._last = detail
        probe, self._probing = self._probing, False
        if probe or (self._in_a_row >= self._threshold and now >= self._until):
            self._opened += 1
            pause = min(self._longest, self._first * 2.0 ** (self._opened - 1))
            self._until = now + pause * self._random.uniform(0.5, 1.0)
        self._settle(probing=False)

    def abandoned(self) -> None:
        """A request ended without telling anything about the provider (cancelled, refused)."""
        self._settle(probing=False)

    def _settle(self, *, probing: bool = False) -> None:
        self._probing = probing
        self._changed.set()
