"""What a provider's headers said last about what is left, and how long to wait by it.

While some is left, requests go; when none is, they wait until the time that the headers name, and
then a single one asks, because a server may give back a little at a time. Some, like Groq, fill up
evenly instead: what is missing and the time until it is full then stand in one proportion, at every
level. Where three answers in a row show it, what has come back since is counted on.

Example::

    windows = Windows()
    windows.read(ticket=3, headers=reply.headers, now=now)
    windows.delay(tokens=900, in_flight={"requests": 2, "tokens": 1800}, now=now)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deepcoder.chat_models.headers import Quota, quotas

__all__ = ["Window", "Windows"]

SHOWN = 2
"""Answers after the first at which the proportion must have held."""
ROUNDING = 0.6
"""Seconds by which a time in a header may be off."""


@dataclass
class Window:
    """What the headers said last about one resource."""

    limit: float
    remaining: float
    resets: float
    number: int
    """Ticket whose answer said so: answers overtake one another."""
    told: float
    probe: int = 0
    """Ticket that went to ask again after its time was over."""
    period: float = 0.0
    """Seconds in which all of it would come back evenly, by this answer."""
    shown: int = 0
    """Answers before it that agree, each at another level."""
    level: float = 0.0
    """What was missing when one was counted last."""

    def left(self, now: float) -> float:
        """What may be asked for now, requests in flight included."""
        if self.shown < SHOWN or self.period <= 0:
            return self.remaining
        return min(self.limit, self.remaining + (now - self.told) * self.limit / self.period)

    def delay(self, wanted: float, now: float) -> float:
        """Seconds until `wanted` is there; the time is over when it is not, at 0."""
        if self.left(now) >= wanted:
            return 0.0
        until_reset = max(0.0, self.resets - now)
        if self.shown < SHOWN or self.period <= 0 or wanted > self.limit:
            return until_reset
        return min(until_reset, (wanted - self.left(now)) * self.period / self.limit)

    def follows(self, before: Window | None) -> None:
        """Compare with the answer before: does it come back evenly?"""
        missing = self.limit - self.remaining
        if not math.isfinite(self.limit) or missing <= 0:  # says nothing about it
            if before is not None:
                self.period, self.shown, self.level = before.period, before.shown, before.level
            return
        resets = self.resets - self.told
        self.period, self.level = resets * self.limit / missing, missing
        if before is None or before.period <= 0 or before.limit != self.limit:
            return
        if abs(missing * before.period / self.limit - resets) > ROUNDING:
            return  # it comes back at once, or it is another period
        if abs(missing - before.level) * before.period / self.limit <= 2 * ROUNDING:
            # The same level again shows nothing new.
            self.period, self.shown, self.level = before.period, before.shown, before.level
        else:
            self.shown = before.shown + 1


class Windows:
    """The resources that the headers tell of, by name, e.g. `requests`, `tokens`, `tokens-day`."""

    def __init__(self) -> None:
        self._windows: dict[str, Window] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._windows

    def left(self) -> dict[str, int]:
        """What is left of each, for the progress line."""
        return {name: int(window.remaining) for name, window in self._windows.items()}

    def limit(self, name: str) -> float | None:
        """The limit of a resource, None when it is not told."""
        window = self._windows.get(name)
        return window.limit if window is not None and math.isfinite(window.limit) else None

    def read(
        self, ticket: int, headers: Mapping[str, str], now: float, *, refused: bool = False
    ) -> None:
        """Take what an answer's headers say."""
        told = quotas(headers)
        if told or not refused:
            for name in self._windows.keys() - told.keys():
                del self._windows[name]  # no longer told, so not to be waited for
        for name, quota in told.items():
            before = self._windows.get(name)
            if before is None or before.number <= ticket:
                self._windows[name] = _window(quota, ticket, now, before)

    def delay(
        self,
        tokens: float,
        in_flight: Callable[[str, int], float],
        is_open: Callable[[int], bool],
        now: float,
    ) -> float:
        """Seconds until a request of `tokens` may go, infinite: when one comes back.

        `in_flight(name, number)` is what is under way and not yet in what the headers of ticket
        `number` say, in the unit of that resource.
        """
        for name, window in self._windows.items():
            wanted = tokens if name.startswith("tokens") else 1.0
            wanted += in_flight(name, window.number)
            delay = window.delay(wanted, now)
            if delay > 0:
                return delay  # or sooner, when one comes back
            if window.left(now) < wanted and is_open(window.probe):
                return math.inf
        return 0.0

    def went(self, ticket: int, is_open: Callable[[int], bool], now: float) -> None:
        """A request goes: where the time of a window is over, it is the one that asks."""
        for window in self._windows.values():
            if window.resets <= now and not is_open(window.probe):
                window.probe = ticket

    def spent(self, tokens: float, now: float) -> list[float]:
        """Seconds until each resource that is used up comes back."""
        return [
            window.resets - now
            for name, window in self._windows.items()
            if window.remaining < (tokens if name.startswith("tokens") else 1)
            and window.resets > now
        ]


def _window(quota: Quota, ticket: int, now: float, before: Window | None) -> Window:
    window = Window(quota.limit, quota.remaining, now + quota.resets, ticket, now)
    window.follows(before)
    return window
