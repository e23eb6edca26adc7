"""The number of requests a minute that a provider allows and does not tell.

Such a limit shows only as refusals, and not every refusal is one: some are strays. What tells them
apart is what happens next. A stray passes when it is asked again at once; a full minute refuses
again, at the same count. A refusal that names a long wait cannot be asked again at once: it makes a
*suspicion* (what was let through until then), which a higher count disproves and a second refusal
at the same count confirms. A limit a second shows as refusals at regular distances. A confirmed
rate is probed upward by a twentieth, rarely (AIMD; Jacobson 1988 for the idea). Pure arithmetic
over times that the caller gives; `limiter` does the waiting.

Example::

    rate = Rate()
    rate.refused(passed=30, now=1.2, asked=58.8)    # a suspicion
    rate.refused(passed=30, now=61.1, asked=58.9)   # rate.value == 30
"""

from __future__ import annotations

from collections import deque

__all__ = ["Rate"]

MINUTE = 60.0
TELLING = 5.0
"""Seconds of a retry-after from which on it speaks of a window, not of a moment."""
QUIET = 10 * MINUTE
"""Seconds after which a confirmed rate is probed upward."""
MANY = 2
"""Refusals within two minutes after which a probe upward is taken back."""
REGULAR = 5
"""Refusals within a minute from which on their distances are looked at."""


class Rate:
    """`configured` is both the first value and a ceiling; None knows nothing yet."""

    def __init__(self, configured: float | None = None) -> None:
        self.value = configured
        """Requests a minute; None is no limit."""
        self.suspected: float | None = None
        """Requests a minute at which a refusal came that is not confirmed yet."""
        self._ceiling = configured
        self._same = 0  # refusals at the same count, one after the other
        self._told = False  # the first of these named a long time to wait
        self._in_a_row = 0  # refusals since anything passed
        self._between = 0  # requests that passed since the last refusal
        self._lessons: deque[tuple[float, int]] = deque(maxlen=REGULAR)
        self._safe: float | None = None  # learned, before any probe upward
        self._changed = 0.0
        self._wait = MINUTE  # until the next probe upward
        self._step = 1.05

    def named(self, limit: float) -> None:
        """The provider says what it allows. When it says so again, somebody shares the key."""
        known = self.value is not None and self.value <= limit
        self.value = max(1.0, 0.9 * self.value) if known and self.value else limit
        self._ceiling = min(self._ceiling or limit, limit)

    def refused(self, passed: int, now: float, asked: float | None) -> None:
        """A refusal that nothing explains. `passed` were let through in the minute before, or
        since the window began that `asked` (the seconds to wait) speaks of."""
        if self._between or not self._lessons:  # refusals in a row are one
            self._lessons.append((now, self._between))
        self._between = 0
        self._in_a_row += 1
        telling = asked is not None and asked >= TELLING
        before = self.suspected
        near = before is not None and abs(passed - before) <= max(1.0, 0.1 * before)
        self._same = self._same + 1 if near else 1
        self._told = telling or (near and self._told)
        self.suspected = float(passed)
        if self.value is not None and self._safe is not None and self.value > self._safe:
            many = len(self._lessons) >= MANY and self._lessons[-MANY][0] > now - 2 * MINUTE
            if passed >= 0.9 * self._safe and (telling or self._in_a_row >= 2 or many):
                self._set(self._safe, now, wait=QUIET)  # the probe upward found the limit
            return
        sure = self._same >= 2 if self._told else self._in_a_row >= 3
        if self.value is not None and passed >= 0.9 * self.value:
            sure = telling or self._in_a_row >= 2
        if sure and passed:
            lower = min(passed, before or passed) if near else float(passed)
            lower = lower if self.value is None else min(lower, 0.97 * self.value)
            self._set(lower, now, wait=QUIET)
        elif self.value is None:
            self._by_distance(now)

    def _by_distance(self, now: float) -> None:
        """Refusals after every so many requests: that many in that time, and then climb."""
        if len(self._lessons) < REGULAR or self._lessons[0][0] < now - MINUTE:
            return
        gaps = [between for _, between in self._lessons][1:]
        if min(gaps) < 1 or max(gaps) - min(gaps) > max(1.0, 0.4 * max(gaps)):
            return
        seconds = max(1.0, now - self._lessons[0][0])
        self._set(sum(gaps) * MINUTE / seconds, now, wait=MINUTE / 4, step=1.25)

    def _set(self, value: float, now: float, *, wait: float, step: float = 1.05) -> None:
        self.value = self._safe = max(1.0, value)
        self._changed, self._same = now, 0
        self._wait, self._step = wait, step

    def let_through(self, in_a_minute: int, now: float) -> None:
        """A request passed, after so many in the last minute."""
        self._in_a_row = 0
        self._between += 1
        if self.suspected is not None and in_a_minute > 1.1 * self.suspected + 1:
            self.suspected, self._same = None, 0
        if self.value is None or self.value == self._ceiling or now - self._changed < self._wait:
            return
        self.value, self._changed = self.value * self._step, now
        if self._ceiling is not None:
            self.value = min(self.value, self._ceiling)
