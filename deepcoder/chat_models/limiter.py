"""Keeps all workers together under a provider's limits, known or not.

One queue, first come, first served. The one at its head goes when all of these allow it:

- **configured or learned rate**: requests are spaced evenly (a burst that fits a minute may still
  break a server that counts seconds), tokens are summed over the last 60 s;
- **headers** (`x-ratelimit-{limit,remaining,reset}-{requests,tokens}`): no more than `remaining`,
  less what is in flight, until `reset` has passed. On Groq, requests are counted a day and tokens
  a minute; nothing here depends on which, because only remaining and reset are believed;
- **after a 429**: nobody before `retry-after`, then a single one, and the rest evenly when it has
  been answered, so that there is no herd.

Groq's requests per *minute* show only as 429s. Where its text names the limit, that is taken;
otherwise the rate is learned: down to what was let through, and up by a twentieth a minute (AIMD;
Jacobson 1988 for the idea). Alternative: a fixed number of connections, which either wastes a
fast provider or trips a slow one.

Example::

    ticket = await limiter.acquire(tokens=1200)
    reply = await send(...)
    limiter.answered(ticket, reply.headers, tokens=987)    # or limiter.refused(…), .failed(…)
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import math
import re
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from deepcoder.errors import UnavailableError

__all__ = ["Limiter", "Ticket", "parse_duration", "retry_after"]

MINUTE = 60.0
SHARE = 0.98
"""Part of a limit that is used: clocks and networks are not exact."""
CREDIT = 0.5
"""Seconds that a late request may be late without the next being later: within what SHARE leaves
of a minute, so that no minute holds more than the limit."""
IN_A_ROW = 3
"""Refusals in a row after which a rate is set; two within a minute lower one that there is."""
OFTEN = 4
"""Refusals within half a minute after which it is, too, when they name a time to wait."""
_EPSILON = 1e-3
_PARTS = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|h|m|s|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NAMED = re.compile(r"\((?P<kind>[RT]P[MD])\):?\s*Limit\s+(?P<limit>\d+)", re.I)
_AGAIN = re.compile(r"try again in ([\dhms. ]+)", re.I)


def parse_duration(text: str) -> float | None:
    """Seconds in `7.66s`, `2m59.56s`, `120ms` or a bare number; None for anything else."""
    text = text.strip()
    with contextlib.suppress(ValueError):
        seconds = float(text)
        return seconds if math.isfinite(seconds) and seconds >= 0 else None
    parts = _PARTS.findall(text)
    if not parts or _PARTS.sub("", text).strip():
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def retry_after(headers: Mapping[str, str], detail: str = "") -> float | None:
    """Seconds that a refusal asks to wait: header (seconds or a date), else its text, else None."""
    value = headers.get("retry-after", "")
    seconds = parse_duration(value)
    if seconds is None and value:
        with contextlib.suppress(ValueError, TypeError):
            when = email.utils.parsedate_to_datetime(value)
            seconds = max(0.0, when.timestamp() - time.time())
    if seconds is None and (match := _AGAIN.search(detail)):
        seconds = parse_duration(match[1].strip(" ."))
    return seconds


@dataclass
class Ticket:
    """One request in the limiter's book. `tokens` is an estimate while it is open."""

    number: int
    sent: float
    tokens: int
    open: bool = True
    refused: bool = False


@dataclass
class _Window:
    """What the headers said last about one resource."""

    limit: float
    remaining: float
    resets: float
    """When it is full again; infinite when it is."""
    number: int
    """Ticket whose answer said so: answers overtake one another."""


class Limiter:
    """See the module's text. Built inside or outside of a loop, used inside one.

    `first` is the longest pause in seconds after a first refusal that names no time. `patience` is
    the longest wait in seconds that is waited; a longer one (a quota of the day)
    raises UnavailableError saying when it ends.
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
        self._lessons: deque[float] = deque(maxlen=OFTEN)
        self._ceiling = requests_per_minute
        self._rate = requests_per_minute
        self._tokens = tokens_per_minute
        self._patience = patience
        self._random = random or Random()
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._book: deque[Ticket] = deque()
        self._open: dict[int, Ticket] = {}
        self._windows: dict[str, _Window] = {}
        self._count = 0
        self._next = 0.0  # when the rate allows the next request
        self._gate = 0.0  # before this time nobody goes
        self._probing = True  # first of all, and after a refusal, one goes alone
        self._refusals = 0  # in a row
        self._lowered = 0.0
        self._raised = 0.0
        self._eager = False  # the learned rate may be far too low
        self.waited = 0.0
        """Seconds that requests have stood at the head of the queue, for the progress line."""

    @property
    def requests_per_minute(self) -> float | None:
        """The rate that is kept now: configured, named by the provider, or learned."""
        return self._rate

    # ---------------------------------------------------------------------------------- asking

    async def acquire(self, tokens: int) -> Ticket:
        """Wait for permission to send a request of about `tokens` tokens, in order of asking."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            began = loop.time()
            while (delay := self._delay(tokens, loop.time())) > 0:
                if delay != math.inf and delay > self._patience:
                    raise UnavailableError(
                        f"The provider's quota is used up for another {_readable(delay)}.",
                        fix="run the same command again then, or raise teacher.patience_seconds",
                    )
                self._changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(None if delay == math.inf else delay + _EPSILON):
                        await self._changed.wait()
            now = loop.time()
            self.waited += now - began
            self._count += 1
            ticket = Ticket(self._count, now, tokens)
            self._book.append(ticket)
            self._open[ticket.number] = ticket
            if self._rate:
                # Counted from when it was due, so that late waking does not lower the rate.
                self._next = max(self._next, now - CREDIT) + self._interval
            return ticket

    @property
    def _interval(self) -> float:
        return MINUTE / (SHARE * self._rate) if self._rate else 0.0

    def _delay(self, tokens: int, now: float) -> float:
        """Seconds until the head of the queue should look again; 0 when it may go."""
        self._forget(now)
        if now < self._gate:
            return self._gate - now
        if self._probing and self._open:
            return math.inf  # until the one that probes comes back
        if self._rate and now < self._next:
            return self._next - now
        return max(
            self._token_delay(tokens, now),
            self._window_delay("requests", 1, len(self._open), now),
            self._window_delay("tokens", tokens, sum(t.tokens for t in self._open.values()), now),
        )

    def _token_delay(self, tokens: int, now: float) -> float:
        if self._tokens is None:
            return 0.0
        past = [t for t in self._book if not (t.open or t.refused) and t.sent > now - MINUTE]
        used = sum(t.tokens for t in past) + sum(t.tokens for t in self._open.values())
        over = used + tokens - SHARE * self._tokens
        if over <= 0 or not used:
            return 0.0
        for ticket in sorted(past, key=lambda ticket: ticket.sent):
            over -= ticket.tokens
            if over <= 0:
                return ticket.sent + MINUTE - now
        if self._open:
            return math.inf  # until one of them comes back
        return past[-1].sent + MINUTE - now  # larger than the limit: alone, and the server decides

    def _window_delay(self, name: str, wanted: float, in_flight: float, now: float) -> float:
        window = self._windows.get(name)
        if window is None or window.remaining - in_flight >= wanted:
            return 0.0
        if in_flight:
            return max(window.resets - now, _EPSILON)  # or sooner, when one comes back
        return max(window.resets - now, 0.0)

    def _forget(self, now: float) -> None:
        """Drop what no longer counts: requests of over a minute ago, windows that have reset."""
        while self._book and not self._book[0].open and self._book[0].sent <= now - MINUTE:
            self._book.popleft()
        for window in self._windows.values():
            if window.resets <= now:
                window.remaining, window.resets = window.limit, math.inf

    # ------------------------------------------------------------------------------- being told

    def answered(self, ticket: Ticket, headers: Mapping[str, str], *, tokens: int | None) -> None:
        """The request was let through; `tokens` is what it used, None when that is not known."""
        now = asyncio.get_running_loop().time()
        self._close(ticket)
        # A server may count when the answer is made: the minute begins anew with what was used.
        if tokens is not None:
            ticket.tokens = tokens
        if self._tokens is not None:
            ticket.sent = now
        self._refusals, self._probing = 0, False
        self._read(ticket, headers, now)
        self._raise_rate(now)
        self._changed.set()

    def failed(self, ticket: Ticket) -> None:
        """The request met another fault; it may have been counted."""
        self._close(ticket)
        self._probing = False
        self._changed.set()

    def refused(self, ticket: Ticket, headers: Mapping[str, str], detail: str = "") -> None:
        """A 429: nobody sends until the provider's time is over, and the rate is lowered."""
        now = asyncio.get_running_loop().time()
        self._close(ticket)
        ticket.refused = self._probing = True
        self._read(ticket, headers, now)
        asked = retry_after(headers, detail)
        named = _NAMED.search(detail)
        spent = self._spent(now)
        if ticket.sent >= self._lowered:  # else it left before the last lesson
            self._refusals += 1
            self._learn(named, spent, asked, now)
        pause = asked
        if pause is None:
            resets = [self._windows[name].resets - now for name in spent]
            bound = min(MINUTE, self._first * 2.0 ** max(0, self._refusals - 1))
            pause = max(resets) if resets else bound * self._random.uniform(0.5, 1.0)
        self._gate = max(self._gate, now + pause)
        self._next = max(self._next, self._gate)
        self._changed.set()

    def _close(self, ticket: Ticket) -> None:
        ticket.open = False
        self._open.pop(ticket.number, None)

    def _read(self, ticket: Ticket, headers: Mapping[str, str], now: float) -> None:
        for name in ("requests", "tokens"):
            resets = parse_duration(headers.get(f"x-ratelimit-reset-{name}", ""))
            remaining = _number(headers, f"x-ratelimit-remaining-{name}")
            limit = _number(headers, f"x-ratelimit-limit-{name}")
            before = self._windows.get(name)
            if resets is None or remaining is None:
                continue
            if before is None or before.number <= ticket.number:
                full = math.inf if limit is None else limit
                self._windows[name] = _Window(full, remaining, now + resets, ticket.number)

    def _spent(self, now: float) -> list[str]:
        """The resources that the headers say are used up."""
        return [n for n, w in self._windows.items() if w.remaining < 1 and w.resets > now]

    # --------------------------------------------------------------------------------- learning

    def _learn(
        self, named: re.Match[str] | None, spent: list[str], asked: float | None, now: float
    ) -> None:
        self._lowered = self._raised = now
        kind = named["kind"].upper() if named else ""
        limit = float(named["limit"]) if named else 0.0
        if kind == "RPM" and limit:
            # The provider says so; when it still refuses, somebody else uses the same key.
            known = self._rate is not None and self._rate <= limit
            self._rate = max(1.0, 0.9 * self._rate) if known and self._rate else limit
            self._ceiling = min(self._ceiling or limit, limit)
            self._eager = False
        elif kind == "TPM" and limit:
            if "tokens" not in self._windows:
                self._tokens = min(self._tokens or limit, limit)
        elif kind or spent:
            return  # a quota of the day, or one that the headers tell: waiting is enough
        else:
            repeated = bool(self._lessons) and self._lessons[-1] > now - MINUTE
            self._lessons.append(now)
            # One refusal may mean anything; a limit refuses again.
            often = len(self._lessons) == OFTEN and self._lessons[0] > now - MINUTE / 2
            lower = repeated if self._rate else self._refusals >= IN_A_ROW
            if lower or (often and asked is not None):
                self._guess(asked, now)

    def _guess(self, asked: float | None, now: float) -> None:
        """Lower the rate to what was let through before the refusal."""
        since = now - MINUTE
        let_through = [t for t in self._book if not (t.refused or t.open) and t.sent > since]
        if not let_through:
            return
        self._lessons.clear()
        passed = len(let_through)
        span = now - let_through[0].sent
        # With a time to wait, the server's window is at least from the first request to its end.
        window = MINUTE if asked is None else min(MINUTE, max(span + asked, 1.0))
        guess = 0.95 * passed * MINUTE / window
        self._eager = self._rate is None
        self._rate = max(1.0, min(guess, 0.9 * self._rate) if self._rate else guess)

    def _raise_rate(self, now: float) -> None:
        """Probe upward after a quiet while; never above what was configured."""
        if self._rate is None or self._rate == self._ceiling:
            return
        if now - self._raised < (MINUTE / 4 if self._eager else MINUTE):
            return
        self._raised = now
        self._rate *= 1.5 if self._eager else 1.05
        if self._ceiling is not None:
            self._rate = min(self._rate, self._ceiling)


def _number(headers: Mapping[str, str], name: str) -> float | None:
    try:
        value = float(headers.get(name, ""))
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _readable(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
