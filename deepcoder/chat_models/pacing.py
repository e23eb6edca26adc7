"""Requests or tokens a minute, spread evenly, so that no minute holds more than the limit.

Evenly, because a burst that fits a minute may still break a server that counts seconds. And because
nobody says when a server counts: when a request arrives, or when its answer is made. In even steps
the last minute of arrivals and that of answers are about equally full; after a burst the second one
stays full for as long as an answer takes.

Example::

    pace = Pace(lead=0.5)
    if pace.delay(1, limit=30, now=now) == 0:
        pace.went(1, limit=30, now=now)
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable

__all__ = ["MINUTE", "SHARE", "SPAN", "Pace", "Recent", "Tokens"]

MINUTE = 60.0
SHARE = 0.98
"""Part of a limit that is used: clocks and networks are not exact."""
SPAN = MINUTE / SHARE
"""Seconds that a minute is taken to last, so that a limit of few requests is used whole."""
ANSWERED = MINUTE + 0.1
"""The same for answers: a server counted them before they arrived here."""
LEAD = 6.0
"""Seconds that tokens may be ahead of their pace: what both counts do not allow still waits."""


class Pace:
    """The distances between requests. `lead` is the number of seconds that may be caught up on,
    after a request that was late."""

    def __init__(self, lead: float) -> None:
        self._lead = lead
        self._next = 0.0

    def delay(self, now: float) -> float:
        """Seconds until the next one may go."""
        return max(0.0, self._next - now)

    def went(self, amount: float, limit: float, now: float) -> None:
        """One went: the next is due when its share of a minute is over, counted from when it was
        due itself, so that late waking does not lower the rate."""
        self._next = max(self._next, now - self._lead) + SPAN * amount / limit

    def corrected(self, amount: float, limit: float) -> None:
        """One that went took so much more than was thought, or less."""
        self._next += SPAN * amount / limit


class Recent:
    """Amounts and their times within the last `span` seconds."""

    def __init__(self, span: float) -> None:
        self._span = span
        self.entries: deque[tuple[float, float]] = deque()
        self.total = 0.0

    def add(self, at: float, amount: float) -> None:
        self.entries.append((at, amount))
        self.total += amount

    def forget(self, now: float) -> None:
        while self.entries and self.entries[0][0] <= now - self._span:
            self.total -= self.entries.popleft()[1]
        if not self.entries:
            self.total = 0.0  # nothing is left of rounding


def _delay(
    entries: Iterable[tuple[float, float]],
    total: float,
    wanted: float,
    limit: float,
    now: float,
    span: float,
) -> float:
    """Seconds until `wanted` more fit under the limit, beside entries of (time, amount) that
    together are `total` and leave after `span`. More than the limit fits when nothing else is
    there: the server decides.
    """
    over = total + wanted - limit
    if over <= 0:
        return 0.0
    last = now - span
    for at, amount in entries:
        last, over = at, over - amount
        if over <= 0:
            break
    return max(0.0, last + span - now)


class Tokens:
    """Tokens a minute, `limit` None while no limit is known. Counted twice, by when a request was
    sent and by when it was answered: neither count may go over the limit."""

    def __init__(self, limit: float | None) -> None:
        self.limit = limit
        self._pace = Pace(lead=LEAD)
        self._sent: OrderedDict[int, tuple[float, float]] = OrderedDict()  # by ticket
        self._sent_total = 0.0
        self._answered = Recent(ANSWERED)

    def left(self) -> float:
        """What the limit leaves now."""
        assert self.limit is not None
        return max(0.0, self.limit - max(self._sent_total, self._answered.total))

    def delay(self, wanted: float, now: float) -> float:
        """Seconds until a request of `wanted` tokens may go."""
        if self.limit is None:
            return 0.0
        sent, answered, limit = self._sent.values(), self._answered, self.limit
        return max(
            self._pace.delay(now),
            _delay(sent, self._sent_total, wanted, limit, now, SPAN),
            _delay(answered.entries, answered.total, wanted, limit, now, ANSWERED),
        )

    def sent(self, ticket: int, amount: float, now: float) -> None:
        """A request went; `amount` is an estimate."""
        self._sent[ticket] = (now, amount)
        self._sent_total += amount
        if self.limit is not None:
            self._pace.went(amount, self.limit, now)

    def answered(self, ticket: int, amount: float, now: float) -> None:
        """It came back, and took so many."""
        self._answered.add(now, amount)
        at, estimate = self._sent.get(ticket, (now, amount))
        if ticket in self._sent:
            self._sent[ticket] = (at, amount)
            self._sent_total += amount - estimate
        if self.limit is not None:
            self._pace.corrected(amount - estimate, self.limit)

    def refused(self, ticket: int) -> None:
        """It was not let in, and counts nowhere."""
        _, estimate = self._sent.pop(ticket, (0.0, 0.0))
        self._sent_total -= estimate
        if self.limit is not None:
            self._pace.corrected(-estimate, self.limit)

    def forget(self, now: float) -> None:
        self._answered.forget(now)
        while self._sent and next(iter(self._sent.values()))[0] <= now - SPAN:
            self._sent_total -= self._sent.popitem(last=False)[1][1]
