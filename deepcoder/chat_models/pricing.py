"""What answers cost: a price per model, and the running account of one run.

`Spending` is a ledger on disk, one line per paid request, so that a budget holds over restarts.
A request whose answer broke on its way was probably billed although no usage arrived: it is booked
as an estimate and marked so. What is sent stands in a second file until it is booked, so that what
was in flight when a process was killed is booked by the next one. What comes from the response
cache is not booked, because it was paid for when it was first asked.

Example::

    spending = Spending(run.path / "spending.jsonl", max_usd=5.0, on_exhausted=stop.set)
    sent = spending.sent(at_most, prompt_usd=0.0001)
    spending.book(Usage(prompt_tokens=900, completion_tokens=120, usd=0.0002), sent=sent)
"""

from __future__ import annotations

import json
import math
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deepcoder.chat_models.lines import Line, LineFile
from deepcoder.types import Usage

__all__ = ["Price", "Spending"]

MILLION = 1_000_000
VERSION = 1
"""Of the lines of an account."""
_ACCOUNT_REMEDY = (
    "restore that line from a copy, or use another run folder (name=...); deleting it makes the "
    "budget forget that request"
)
_SENT_REMEDY = (
    "restore that line, or delete it, which makes the budget forget a request that was in flight "
    "when a run was killed"
)


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens, and the day on which they were read."""

    input: float
    output: float
    cached_input: float | None = None
    date: str = "unknown"

    def usd(self, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> float:
        """Cost of one answer; `cached_tokens` are those of the prompt that the provider held."""
        cheap = self.input if self.cached_input is None else self.cached_input
        fresh = max(0, prompt_tokens - cached_tokens)
        paid = fresh * self.input + cached_tokens * cheap + completion_tokens * self.output
        return paid / MILLION


@dataclass(frozen=True)
class _Sent:
    """What a request can cost, from before it was sent."""

    prompt_tokens: int
    completion_tokens: int
    usd: float
    prompt_usd: float

    @classmethod
    def of(cls, at_most: Usage, prompt_usd: float) -> _Sent:
        return cls(at_most.prompt_tokens, at_most.completion_tokens, at_most.usd, prompt_usd)

    @classmethod
    def read(cls, line: Line) -> _Sent:
        record = line.record
        try:
            return cls(
                int(_amount(record["prompt_tokens"])),
                int(_amount(record["completion_tokens"])),
                _amount(record["usd"]),
                _amount(record["prompt_usd"]),
            )
        except (LookupError, TypeError, ValueError) as error:
            raise line.unusable(error) from None

    def with_answer(self, longest: int) -> Usage:
        """Its cost if the answer was as long as the longest that is known, 0 for none."""
        most = self.completion_tokens
        written = min(most, longest) if longest else most
        usd = self.prompt_usd + (self.usd - self.prompt_usd) * written / max(1, most)
        return Usage(prompt_tokens=self.prompt_tokens, completion_tokens=written, usd=usd)


def _amount(value: Any) -> float:
    """A number that can be added up: with one that is none, no budget would ever be used up."""
    amount = float(value)
    if not math.isfinite(amount) or amount < 0:
        raise ValueError(f"{value} is no amount")
    return amount


def _paid(line: Line) -> Usage:
    """One line of the account."""
    record = line.record
    version = record.get("schema_version", VERSION)
    try:
        if version != VERSION:
            raise ValueError(f"schema version {version!r}, and this deepcoder reads {VERSION}")
        return Usage(
            prompt_tokens=int(_amount(record["prompt_tokens"])),
            completion_tokens=int(_amount(record["completion_tokens"])),
            requests=1,
            usd=_amount(record["usd"]),
        )
    except (LookupError, TypeError, ValueError) as error:
        raise line.unusable(error) from None


class Spending:
    """What a run has paid so far. `path=None` keeps the account in memory only.

    `on_exhausted` is called once when a budget is used up, also when it was before this start.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        max_usd: float | None = None,
        max_tokens: int | None = None,
        on_exhausted: Callable[[], None] = lambda: None,
    ) -> None:
        self._file = LineFile(path, remedy=_ACCOUNT_REMEDY) if path else None
        sent = path.with_suffix(".sent") if path else None
        self._sent = LineFile(sent, remedy=_SENT_REMEDY) if sent else None
        self._in_flight: set[str] = set()
        self._count = 0
        self._start = uuid.uuid4().hex[:12]
        self._max_usd = max_usd
        self._max_tokens = max_tokens
        self._on_exhausted = on_exhausted
        self._told = False
        self.total = Usage()
        self._recover()
        self._look()

    @property
    def tokens(self) -> int:
        return self.total.prompt_tokens + self.total.completion_tokens

    @property
    def exhausted(self) -> str | None:
        """Which budget is used up, as `generation.<name>=<value>`; None while there is some."""
        if self._max_usd is not None and self.total.usd >= self._max_usd:
            return f"generation.max_usd={self._max_usd:g}"
        if self._max_tokens is not None and self.tokens >= self._max_tokens:
            return f"generation.max_tokens={self._max_tokens}"
        return None

    def sent(self, at_most: Usage, *, prompt_usd: float) -> str:
        """To be told before a request is sent, with what it can cost and what of it its prompt
        costs. Give what this returns to `book`, or to `unpaid`."""
        self._count += 1
        name = f"{self._start}-{self._count}"
        if self._sent is not None:
            self._sent.append(
                json.dumps({"request": name, **asdict(_Sent.of(at_most, prompt_usd))})
            )
            self._in_flight.add(name)
        return name

    def unpaid(self, sent: str) -> None:
        """The request cost nothing: it was refused, or never arrived."""
        if self._sent is not None and sent in self._in_flight:
            # Not forced to disk: what is lost of it makes the account too high, never too low.
            self._sent.append(json.dumps({"unpaid": sent}), sync=False)
            self._in_flight.discard(sent)

    def book(self, usage: Usage, *, estimated: str | None = None, sent: str | None = None) -> None:
        """Add one request; `estimated` says why its usage had to be guessed."""
        self.total += usage.model_copy(update={"requests": 1})
        if self._file is not None:
            record: dict[str, float | str] = {
                "schema_version": VERSION,
                "time": round(time.time(), 3),
                "prompt_tokens": usage.prompt_tokens,
                "completion_tokens": usage.completion_tokens,
                "usd": usage.usd,
            }
            if estimated:
                record["estimated"] = estimated
            if sent:
                record["request"] = sent
            self._file.append(json.dumps(record))
            self._in_flight.discard(sent or "")
        self._look()

    def _recover(self) -> None:
        """Add up the account, and book what was in flight when an earlier process was killed: as
        estimates, with answers as long as the longest of the account, or as long as was asked for
        where there is none. Raises DataError, having changed nothing, for a line that this version
        did not write: a budget that forgets what was paid is none."""
        if self._file is None or self._sent is None:
            return
        pending: dict[str, _Sent] = {}
        for line in self._sent.lines():
            name = str(line.record.get("request", ""))
            if "unpaid" in line.record:
                pending.pop(str(line.record["unpaid"]), None)
            else:
                pending[name] = _Sent.read(line)
        longest = 0
        for line in self._file.lines():
            paid = _paid(line)
            self.total += paid
            pending.pop(str(line.record.get("request")), None)
            if "estimated" not in line.record:
                longest = max(longest, paid.completion_tokens)
        for name, sent in pending.items():
            self.book(sent.with_answer(longest), estimated="killed", sent=name)
        self._sent.remove()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        if self._sent is not None:
            self._sent.close()
            if not self._in_flight:
                self._sent.remove()

    def _look(self) -> None:
        if self.exhausted and not self._told:
            self._told = True
            self._on_exhausted()
