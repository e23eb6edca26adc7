"""The limiter's book: which requests are under way, and which were sent in the last minute.

Example::

    book = Book()
    ticket = book.open(tokens=1200, now=now)
    book.close(ticket)
"""

from __future__ import annotations

import contextlib
from collections import deque
from dataclasses import dataclass

from deepcoder.chat_models.pacing import MINUTE, SPAN

__all__ = ["Book", "Ticket"]


@dataclass
class Ticket:
    """One request in the book. `tokens` is an estimate."""

    number: int
    sent: float
    tokens: int
    refused: bool = False


class Book:
    """See the module's text. Times are seconds of any one clock, given by the caller."""

    def __init__(self) -> None:
        self.sent: deque[Ticket] = deque()
        """Of the last minute, in order of sending, without the refused."""
        self.under_way: dict[int, Ticket] = {}
        self.tokens = 0
        """Of those that are under way, as estimated."""
        self._count = 0

    def open(self, tokens: int, now: float) -> Ticket:
        """A request goes."""
        self._count += 1
        ticket = Ticket(self._count, now, tokens)
        self.sent.append(ticket)
        self.under_way[ticket.number] = ticket
        self.tokens += tokens
        return ticket

    def close(self, ticket: Ticket) -> bool:
        """It came back; False when that was known."""
        if self.under_way.pop(ticket.number, None) is None:
            return False
        self.tokens -= ticket.tokens
        return True

    def strike(self, ticket: Ticket) -> None:
        """It was refused, so it does not count as sent."""
        ticket.refused = True
        with contextlib.suppress(ValueError):
            self.sent.remove(ticket)

    def is_open(self, number: int) -> bool:
        return number in self.under_way

    def in_flight(self, name: str, number: int) -> float:
        """What is under way and perhaps not yet in what the headers of that ticket's answer say of
        the resource `name`. Requests are counted when they arrive; tokens perhaps later."""
        if name.startswith("tokens"):
            return self.tokens
        return sum(n > number for n in self.under_way)

    def of_a_minute(self, now: float) -> int:
        """Requests that were sent in the last minute, a second less."""
        older = 0
        for ticket in self.sent:  # in order of sending: only those of the last two seconds differ
            if ticket.sent > now - MINUTE + 1.0:
                break
            older += 1
        return len(self.sent) - older

    def passed_since(self, since: float) -> int:
        """Requests sent since then that were let through."""
        return sum(t.sent >= since and t.number not in self.under_way for t in self.sent)

    def until_room(self, limit: float, now: float) -> float:
        """Seconds until one more fits under so many requests a minute."""
        full = len(self.sent) - max(1, int(limit + 1e-6))
        # The first of those that must be over a minute old before one more fits.
        return self.sent[full].sent + SPAN - now if full >= 0 else 0.0

    def forget(self, now: float) -> None:
        while self.sent and self.sent[0].sent <= now - SPAN:
            self.sent.popleft()
