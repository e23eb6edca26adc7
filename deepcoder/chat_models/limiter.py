"""Keeps all workers together under a provider's limits, known or not.

One queue, first come, first served. The one at its head goes when all of these allow it:

- **a known rate** (configured, named in a refusal, or learned) and **known tokens a minute**: in
  even steps, and no minute holds more (`pacing`), with an estimate for what is in flight;
- **headers**: no more than what remains, less what is in flight (`windows`). On Groq requests are
  counted a day and tokens a minute; nothing here depends on it;
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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from deepcoder.chat_models.headers import named_limit, retry_after
from deepcoder.chat_models.learning import Rate
from deepcoder.chat_models.pacing import MINUTE, SPAN, Pace, Tokens
from deepcoder.chat_models.tickets import Book, Ticket
from deepcoder.chat_models.windows import Windows
from deepcoder.errors import UnavailableError

__all__ = ["Limiter", "Ticket"]

CREDIT = 0.5
"""Seconds that a late request may be late without the next being later: within what SHARE leaves
of a minute, so that no minute holds more than the limit."""
FIRST = 4
"""Requests that are in flight together at first; every answer allows one more, so that a limit
which nobody told is not met by all workers at once."""
_EPSILON = 1e-3


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
        self._pace = Pace(CREDIT)
        self._tokens = Tokens(tokens_per_minute)
        self._patience = patience
        self._random = random or Random()
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._book = Book()
        self._windows = Windows()
        self._lesson: _Lesson | None = None
        self._learned = 0.0  # when the last lesson came
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
            left = self._rate.value - len(self._book.sent)
            found["requests_left"] = max(0, int(left))
        if self._tokens.limit is not None:
            found["tokens_per_minute"] = int(self._tokens.limit)
            found["tokens_left"] = int(self._tokens.left())
        for name, left in self._windows.left().items():
            found[name.replace("-", "_") + "_left"] = left
        if self._gate > now:
            found["closed_for_seconds"] = round(self._gate - now, 1)
        return found

    def limits(self) -> tuple[float | None, float | None]:
        """(requests, tokens) a minute that bound this run, as far as known, for a forecast."""
        tokens = self._tokens.limit
        return self._rate.value, tokens if tokens is not None else self._windows.limit("tokens")

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
            ticket = self._book.open(estimate(), now)
            self._tokens.sent(ticket.number, ticket.tokens, now)
            self._windows.went(ticket.number, self._book.is_open, now)
            if self._rate.value:
                self._pace.went(1, self._rate.value, now)
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
        if (self._probing and self._book.under_way) or len(
            self._book.under_way
        ) > FIRST + self._answered:
            return math.inf  # until one comes back
        return (
            self._rate_delay(now)
            or self._tokens.delay(tokens, now)
            or self._windows.delay(tokens, self._book.in_flight, self._book.is_open, now)
        )

    def _rate_delay(self, now: float) -> float:
        rate = self._rate.value
        if self._book.under_way and self._doubtful(now):
            return math.inf  # one at a time is enough to see it
        if rate is None:
            return 0.0
        if (delay := self._pace.delay(now)) > 0:
            return delay
        return self._book.until_room(rate, now)

    def _doubtful(self, now: float) -> bool:
        """Whether a refusal may come again. A rate that was configured, or learned, is doubted only
        for as long as refusals keep coming."""
        rate, suspected = self._rate.value, self._rate.suspected
        if suspected is None:
            return False
        if rate is not None and (suspected >= 0.9 * rate or now > self._learned + 2 * MINUTE):
            return False
        return self._book.of_a_minute(now) >= suspected

    def _forget(self, now: float) -> None:
        self._tokens.forget(now)
        self._book.forget(now)

    # ------------------------------------------------------------------------------- being told

    def answered(self, ticket: Ticket, headers: Mapping[str, str], *, tokens: int | None) -> None:
        """The request was let through; `tokens` is what it used, None when that is not known."""
        now = asyncio.get_running_loop().time()
        self._close(ticket)
        self._tokens.answered(ticket.number, ticket.tokens if tokens is None else tokens, now)
        self._answered += 1
        self._in_a_row, self._refused_since, self._probing = 0, None, False
        self._windows.read(ticket.number, headers, now)
        self._forget(now)
        self._rate.let_through(self._book.of_a_minute(now), now)
        self._changed.set()

    def failed(self, ticket: Ticket) -> None:
        """The request met another fault; it may have been counted. May be told twice."""
        if not self._book.is_open(ticket.number):
            return
        now = asyncio.get_running_loop().time()
        self._close(ticket)
        self._tokens.answered(ticket.number, ticket.tokens, now)
        self._probing = False
        self._changed.set()

    def refused(self, ticket: Ticket, headers: Mapping[str, str], detail: str = "") -> None:
        """A 429: nobody sends until the provider's time is over, and the rate is learned."""
        now = asyncio.get_running_loop().time()
        self._book.strike(ticket)
        self._close(ticket)
        self._tokens.refused(ticket.number)
        self.refusals += 1
        self._probing = True
        self._windows.read(ticket.number, headers, now, refused=True)
        asked = retry_after(headers, detail)
        spent = self._windows.spent(ticket.tokens, now)
        if ticket.sent >= self._learned:  # else it left before the last lesson
            self._learned = now
            self._in_a_row += 1
            if self._refused_since is None:
                self._refused_since = now
            self._learn(ticket, named_limit(detail), bool(spent), asked)
        self._gate = max(self._gate, now + self._pause(asked, spent))
        self._changed.set()

    def _pause(self, asked: float | None, spent: list[float]) -> float:
        """Seconds in which nobody asks. A time that was kept and did not help is doubled."""
        bound = min(MINUTE, self._first * 2.0 ** max(0, self._in_a_row - 1))
        ours = min(bound, self._patience) * self._random.uniform(0.5, 1.0)
        if asked is not None:
            return asked if self._in_a_row < 2 else max(asked, ours)
        return max(spent, default=ours)

    def _close(self, ticket: Ticket) -> None:
        if not self._book.close(ticket):
            return
        lesson = self._lesson
        if lesson is not None and ticket.number in lesson.pending:
            lesson.pending.discard(ticket.number)
            lesson.passed += not ticket.refused and ticket.sent >= lesson.since
            self._settle()

    # --------------------------------------------------------------------------------- learning

    def _learn(
        self,
        ticket: Ticket,
        named: tuple[str, float] | None,
        spent: bool,
        asked: float | None,
    ) -> None:
        kind, limit = named or ("", 0.0)
        if kind == "RPM" and limit:
            self._rate.named(limit)
        elif kind == "TPM" and limit:
            if "tokens" not in self._windows:
                self._tokens.limit = min(self._tokens.limit or limit, limit)
        elif not kind and not spent:  # else a quota of the day, or one that the headers tell
            now = asyncio.get_running_loop().time()
            self._forget(now)
            # A time to wait says when the window ends, and so when it began. It may be rounded up,
            # and counts from when the refusal was made: at the earliest when its request was sent.
            since = now - SPAN
            if asked is not None and asked <= MINUTE:
                since = max(since, ticket.sent + asked - MINUTE - 1.5)
            passed = self._book.passed_since(since)
            self._lesson = _Lesson(since, asked, passed, set(self._book.under_way))
            self._settle()

    def _settle(self) -> None:
        """Learn, once it is known which of those under way were let through."""
        lesson = self._lesson
        if lesson is None or lesson.pending:
            return
        self._lesson = None
        self._rate.refused(lesson.passed, asyncio.get_running_loop().time(), lesson.asked)


def _readable(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
