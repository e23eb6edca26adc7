"""Keeps all workers together under a provider's limits, known or not.

One queue, first come, first served. The one at its head goes when all of these allow it:

- **a known rate** (configured, named in a refusal, or learned): requests are spaced evenly, because
  a burst that fits a minute may still break a server that counts seconds; and no minute holds more;
- **known tokens a minute** (configured or named): summed over the last minute, with an estimate for
  what is in flight;
- **headers** (see `headers`): no more than what remains, less what is in flight. When their time is
  over, what remains is not known until a single request has asked: a server may give back a little
  at a time. On Groq requests are counted a day and tokens a minute; nothing here depends on it;
- **after a 429**: nobody before its time, then a single one, and the rest when it was answered.

Requests a minute that no header tells are learned (`learning`). Alternative: a fixed number of
connections, which either wastes a fast provider or trips a slow one.

Example::

    ticket = await limiter.acquire(tokens=1200)
    reply = await send(...)
    limiter.answered(ticket, reply.headers, tokens=987)    # or limiter.refused(…), .failed(…)
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from deepcoder.chat_models.headers import Quota, parse_duration, quotas, retry_after
from deepcoder.chat_models.learning import Rate
from deepcoder.errors import UnavailableError

__all__ = ["Limiter", "Ticket", "parse_duration", "retry_after"]

MINUTE = 60.0
SHARE = 0.98
"""Part of a limit that is used: clocks and networks are not exact."""
SPAN = MINUTE / SHARE
"""Seconds that a minute is taken to last, so that a limit of few requests is used whole."""
CREDIT = 0.5
"""Seconds that a late request may be late without the next being later: within what SHARE leaves
of a minute, so that no minute holds more than the limit."""
FIRST = 4
"""Requests that are in flight together at first; every answer allows one more, so that a limit
which nobody told is not met by all workers at once."""
_EPSILON = 1e-3
_NAMED = re.compile(r"\((?P<kind>[RT]P[MD])\):?\s*Limit:?\s+(?P<limit>\d+)", re.I)


@dataclass
class Ticket:
    """One request in the limiter's book. `tokens` is an estimate while it is open."""

    number: int
    sent: float
    tokens: int
    refused: bool = False


@dataclass
class _Recent:
    """Amounts and their times within the last `SPAN` seconds."""

    entries: deque[tuple[float, float]] = field(default_factory=deque)
    total: float = 0.0

    def add(self, at: float, amount: float) -> None:
        self.entries.append((at, amount))
        self.total += amount

    def forget(self, now: float) -> None:
        while self.entries and self.entries[0][0] <= now - SPAN:
            self.total -= self.entries.popleft()[1]

    def delay(self, wanted: float, limit: float, in_flight: float, now: float) -> float:
        """Seconds until `wanted` more fit under the limit; infinite: when one comes back."""
        over = self.total + in_flight + wanted - limit
        if over <= 0:
            return 0.0
        for at, amount in self.entries:
            over -= amount
            if over <= 0:
                return at + SPAN - now
        if in_flight:
            return math.inf
        # Larger than the limit: it goes alone, and the server decides.
        return self.entries[-1][0] + SPAN - now if self.entries else 0.0


@dataclass
class _Window:
    """What the headers said last about one resource."""

    limit: float
    remaining: float
    resets: float
    number: int
    """Ticket whose answer said so: answers overtake one another."""
    probe: int = 0
    """Ticket that went to ask again after its time was over."""


@dataclass
class _Lesson:
    """A refusal that nothing explains, and who was under way when it came."""

    since: float
    asked: float | None
    passed: int
    pending: set[int]


class Limiter:
    """See the module's text. Built inside or outside of a loop, used inside one.

    `first` is the longest pause in seconds after a first refusal that names no time. `patience` is
    the longest that is waited, in seconds: for a quota of the day, and for a provider that refuses
    everybody. Beyond it `acquire` raises UnavailableError.
    """

    def __init__(
        self,
        *,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        patience: float = 900.0,
        first: float = 1.0,
        random: Random | None = None,
    ) -> None:
        self._first = first
        self._rate = Rate(requests_per_minute)
        self._tokens = tokens_per_minute
        self._patience = patience
        self._random = random or Random()
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._sent: deque[Ticket] = deque()  # of the last minute, without the refused
        self._used = _Recent()  # tokens of requests that came back
        self._open: dict[int, Ticket] = {}
        self._open_tokens = 0
        self._windows: dict[str, _Window] = {}
        self._lesson: _Lesson | None = None
        self._learned = 0.0  # when the last lesson came
        self._count = 0
        self._next = 0.0  # when the rate allows the next request
        self._gate = 0.0  # before this time nobody goes
        self._probing = True  # first of all, and after a refusal, one goes alone
        self._in_a_row = 0  # refusals
        self._answered = 0
        self._refused_since: float | None = None
        self.refusals = 0
        """How often the provider said that it was too much."""
        self.waited = 0.0
        """Seconds that requests have stood at the head of the queue."""

    @property
    def requests_per_minute(self) -> float | None:
        """The rate that is kept now: configured, named by the provider, or learned."""
        return self._rate.value

    def hurry(self, seconds: float) -> None:
        """From now on no wait is longer than this: the run is being stopped."""
        self._patience = min(self._patience, seconds)
        self._changed.set()

    def headroom(self) -> dict[str, Any]:
        """What is known of the limits and what is left of them now."""
        found: dict[str, Any] = {}
        now = asyncio.get_running_loop().time()
        self._forget(now)
        if self._rate.value:
            found["requests_per_minute"] = round(self._rate.value, 1)
            left = self._rate.value - len(self._sent)
            found["requests_left"] = max(0, int(left))
        if self._tokens is not None:
            found["tokens_per_minute"] = int(self._tokens)
            left = self._tokens - self._used.total - self._open_tokens
            found["tokens_left"] = max(0, int(left))
        for name, window in self._windows.items():
            key = name.replace("-", "_") + "_left"
            found[key] = int(window.remaining)
        if self._gate > now:
            found["closed_for_seconds"] = round(self._gate - now, 1)
        return found

    def limits(self) -> tuple[float | None, float | None]:
        """(requests, tokens) a minute that bound this run, as far as known, for a forecast."""
        window = self._windows.get("tokens")
        told = window.limit if window is not None and math.isfinite(window.limit) else None
        return self._rate.value, self._tokens if self._tokens is not None else told

    # ---------------------------------------------------------------------------------- asking

    async def acquire(self, tokens: int | Callable[[], int]) -> Ticket:
        """Wait for permission to send a request of about `tokens` tokens, in order of asking.

        A function is asked again while it waits: what answers cost is known better by then.
        """
        estimate = tokens if callable(tokens) else lambda: tokens
        loop = asyncio.get_running_loop()
        async with self._turn:
            began = loop.time()
            while (delay := self._delay(estimate(), loop.time())) > 0:
                self._lose_patience(delay, loop.time())
                self._changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(None if delay == math.inf else delay + _EPSILON):
                        await self._changed.wait()
            now = loop.time()
            self.waited += now - began
            self._count += 1
            ticket = Ticket(self._count, now, estimate())
            self._sent.append(ticket)
            self._open[ticket.number] = ticket
            self._open_tokens += ticket.tokens
            for window in self._windows.values():
                if window.resets <= now and window.probe not in self._open:
                    window.probe = ticket.number
            if self._rate.value:
                # Counted from when it was due, so that late waking does not lower the rate.
                self._next = max(self._next, now - CREDIT) + SPAN / self._rate.value
            return ticket

    def _lose_patience(self, delay: float, now: float) -> None:
        if delay != math.inf and delay > self._patience:
            raise UnavailableError(
                f"The provider's quota is used up for another {_readable(delay)}.",
                fix="run the same command again then, or raise teacher.patience_seconds",
            )
        since = self._refused_since
        if since is not None and self._in_a_row > 1 and now - since > self._patience:
            raise UnavailableError(
                f"The provider has refused every request as too many for {_readable(now - since)}.",
                fix="lower generation.workers or teacher.requests_per_minute, or wait, and run "
                "the same command again",
            )

    def _delay(self, tokens: int, now: float) -> float:
        """Seconds until the head of the queue should look again; 0 when it may go."""
        self._forget(now)
        if now < self._gate:
            return self._gate - now
        if (self._probing and self._open) or len(self._open) > FIRST + self._answered:
            return math.inf  # until one comes back
        delay = self._rate_delay(now)
        if self._tokens is not None and delay == 0:
            delay = self._used.delay(tokens, self._tokens, self._open_tokens, now)
        for name, window in self._windows.items():
            if delay == 0:
                of_tokens = name.startswith("tokens")
                delay = self._window_delay(window, tokens if of_tokens else 1, of_tokens, now)
        return delay

    def _rate_delay(self, now: float) -> float:
        rate = self._rate.value
        if self._open and self._doubtful(now):
            return math.inf  # one at a time is enough to see it
        if rate is None:
            return 0.0
        if now < self._next:
            return self._next - now
        full = len(self._sent) - max(1, math.floor(rate + 1e-6))
        # The first of those that must be over a minute old before one more fits.
        return self._sent[full].sent + SPAN - now if full >= 0 else 0.0

    def _doubtful(self, now: float) -> bool:
        """Whether a refusal may come again. A rate that was configured, or learned, is doubted only
        for as long as refusals keep coming."""
        rate, suspected = self._rate.value, self._rate.suspected
        if suspected is None:
            return False
        if rate is not None and (suspected >= 0.9 * rate or now > self._learned + 2 * MINUTE):
            return False
        return self._within(MINUTE - 1.0, now) >= suspected

    def _window_delay(self, window: _Window, wanted: float, of_tokens: bool, now: float) -> float:
        if of_tokens:
            in_flight: float = self._open_tokens
        else:  # counted when they arrive, so the window knows those that went before its ticket
            in_flight = sum(number > window.number for number in self._open)
        if window.remaining - in_flight >= wanted:
            return 0.0
        if now < window.resets:
            return window.resets - now  # or sooner, when one comes back
        return math.inf if window.probe in self._open else 0.0

    def _within(self, seconds: float, now: float) -> int:
        """Requests that were sent within the last seconds (a little less than a minute)."""
        older = 0
        for ticket in self._sent:  # in order of sending: only those of the last two seconds differ
            if ticket.sent > now - seconds:
                break
            older += 1
        return len(self._sent) - older

    def _forget(self, now: float) -> None:
        self._used.forget(now)
        while self._sent and self._sent[0].sent <= now - SPAN:
            self._sent.popleft()

    # ------------------------------------------------------------------------------- being told

    def answered(self, ticket: Ticket, headers: Mapping[str, str], *, tokens: int | None) -> None:
        """The request was let through; `tokens` is what it used, None when that is not known."""
        now = asyncio.get_running_loop().time()
        self._close(ticket)
        # A server may count when the answer is made: the minute begins with the answer.
        self._used.add(now, ticket.tokens if tokens is None else tokens)
        self._answered += 1
        self._in_a_row, self._refused_since, self._probing = 0, None, False
        self._read(ticket, headers, now)
        self._forget(now)
        self._rate.let_through(self._within(MINUTE - 1.0, now), now)
        self._changed.set()

    def failed(self, ticket: Ticket) -> None:
        """The request met another fault; it may have been counted. May be told twice."""
        if ticket.number not in self._open:
            return
        now = asyncio.get_running_loop().time()
        self._close(ticket)
        self._used.add(now, ticket.tokens)
        self._probing = False
        self._changed.set()

    def refused(self, ticket: Ticket, headers: Mapping[str, str], detail: str = "") -> None:
        """A 429: nobody sends until the provider's time is over, and the rate is learned."""
        now = asyncio.get_running_loop().time()
        ticket.refused = True
        self._close(ticket)
        with contextlib.suppress(ValueError):
            self._sent.remove(ticket)
        self.refusals += 1
        self._probing = True
        self._read(ticket, headers, now)
        asked = retry_after(headers, detail)
        spent = self._spent(ticket, now)
        if ticket.sent >= self._learned:  # else it left before the last lesson
            self._learned = now
            self._in_a_row += 1
            if self._refused_since is None:
                self._refused_since = now
            self._learn(_NAMED.search(detail), bool(spent), asked, now)
        self._gate = max(self._gate, now + self._pause(asked, spent, now))
        self._changed.set()

    def _pause(self, asked: float | None, spent: list[_Window], now: float) -> float:
        """Seconds in which nobody asks. A time that was kept and did not help is doubled."""
        bound = min(MINUTE, self._first * 2.0 ** max(0, self._in_a_row - 1))
        ours = min(bound, self._patience) * self._random.uniform(0.5, 1.0)
        if asked is not None:
            return asked if self._in_a_row < 2 else max(asked, ours)
        return max((window.resets - now for window in spent), default=ours)

    def _close(self, ticket: Ticket) -> None:
        if self._open.pop(ticket.number, None) is None:
            return
        self._open_tokens -= ticket.tokens
        lesson = self._lesson
        if lesson is not None and ticket.number in lesson.pending:
            lesson.pending.discard(ticket.number)
            lesson.passed += not ticket.refused and ticket.sent >= lesson.since
            self._settle()

    def _read(self, ticket: Ticket, headers: Mapping[str, str], now: float) -> None:
        told = quotas(headers)
        if told or not ticket.refused:
            for name in self._windows.keys() - told.keys():
                del self._windows[name]  # no longer told, so not to be waited for
        for name, quota in told.items():
            before = self._windows.get(name)
            if before is None or before.number <= ticket.number:
                self._windows[name] = _window(quota, ticket, now)

    def _spent(self, ticket: Ticket, now: float) -> list[_Window]:
        """The resources that the headers say are used up."""
        return [
            window
            for name, window in self._windows.items()
            if window.remaining < (ticket.tokens if name.startswith("tokens") else 1)
            and window.resets > now
        ]

    # --------------------------------------------------------------------------------- learning

    def _learn(
        self, named: re.Match[str] | None, spent: bool, asked: float | None, now: float
    ) -> None:
        kind = named["kind"].upper() if named else ""
        limit = float(named["limit"]) if named else 0.0
        if kind == "RPM" and limit:
            self._rate.named(limit)
        elif kind == "TPM" and limit:
            if "tokens" not in self._windows:
                self._tokens = min(self._tokens or limit, limit)
        elif not kind and not spent:  # else a quota of the day, or one that the headers tell
            self._forget(now)
            # A time to wait says when the window ends, and so when it began; it may be rounded up.
            since = now - SPAN
            if asked is not None and asked <= MINUTE:
                since = max(since, now + asked - MINUTE - 1.5)
            passed = sum(t.sent >= since and t.number not in self._open for t in self._sent)
            self._lesson = _Lesson(since, asked, passed, set(self._open))
            self._settle()

    def _settle(self) -> None:
        """Learn, once it is known which of those under way were let through."""
        lesson = self._lesson
        if lesson is None or lesson.pending:
            return
        self._lesson = None
        self._rate.refused(lesson.passed, asyncio.get_running_loop().time(), lesson.asked)


def _window(quota: Quota, ticket: Ticket, now: float) -> _Window:
    return _Window(quota.limit, quota.remaining, now + quota.resets, ticket.number)


def _readable(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
