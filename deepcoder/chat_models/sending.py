"""One request to a provider, sent as often as it takes.

It waits for the circuit breaker and the limiter, is sent, and is judged by class of fault: asked
again, salvaged, or given up with one clear line. What came back is booked and kept before anybody
reads it. Nothing here knows an SDK and nothing holds the key but the transport.

Example::

    sender = Sender(cfg, provider, transport, account=account, key_env="GROQ_API_KEY")
    response, seconds = await sender.ask(request)
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from deepcoder.chat_models.accounting import Account
from deepcoder.chat_models.faults import (
    Fault,
    Reply,
    SendError,
    classify,
    describe,
    failed_generation,
)
from deepcoder.chat_models.limiter import Limiter, Ticket
from deepcoder.chat_models.providers import Provider, Transport, given_up
from deepcoder.chat_models.response_cache import Request, ResponseCache
from deepcoder.chat_models.retry import CircuitBreaker, backoff
from deepcoder.chat_models.wire import Unreadable, decode
from deepcoder.errors import UnavailableError

if TYPE_CHECKING:
    from deepcoder.config import TeacherConfig

__all__ = ["Sender"]

log = logging.getLogger(__name__)

STEADY = 20
"""Answers after which it is known how long one takes."""
SHORTEST = 30.0
"""Seconds that any request may take."""
DOUBTS = 2
"""Times that a refusal for good is asked again, once something was answered: gateways say 401 or
404 in the middle of a run while they are being replaced."""


class Sender:
    """See the module's text. Any number of `ask` calls may run at once."""

    def __init__(
        self,
        cfg: TeacherConfig,
        provider: Provider,
        transport: Transport,
        *,
        account: Account,
        key_env: str | None,
        cache: ResponseCache | None = None,
        random: Random | None = None,
    ) -> None:
        self._cfg = cfg
        self._provider = provider
        self._transport = transport
        self._account = account
        self._key_env = key_env
        self._cache = cache
        self._random = random or Random()
        self._limiter = Limiter(
            requests_per_minute=cfg.requests_per_minute,
            tokens_per_minute=cfg.tokens_per_minute,
            patience=cfg.patience_seconds,
            first=2 * cfg.retry_seconds,
            random=self._random,
        )
        self._breaker = CircuitBreaker(
            first=4 * cfg.retry_seconds, patience=cfg.patience_seconds, random=self._random
        )
        self.answered = 0
        """Answers so far, those of the response cache included."""
        self._timed = 0  # answers that were waited for
        self._slowest = 0.0  # of them, in seconds
        self.faults: Counter[Fault] = Counter()
        """What was met so far, for the log."""

    def hurry(self, seconds: float) -> None:
        """From now on nobody waits longer than this for a limit or an outage."""
        self._limiter.hurry(seconds)
        self._breaker.hurry(seconds)

    def headroom(self) -> dict[str, Any]:
        """What is left of the provider's limits."""
        return self._limiter.headroom()

    def limits(self) -> tuple[float | None, float | None]:
        """(requests, tokens) a minute that are known to bound it; None is not known."""
        return self._limiter.limits()

    async def ask(self, request: Request) -> tuple[Any, float]:
        """(the response's JSON, seconds it took), after as many attempts as it takes."""
        failures = doubts = 0
        clock = asyncio.get_running_loop().time
        refused_since: float | None = None
        while True:
            ticket = await self._admit(request)
            outcome = await self._attempt(request, ticket, first=not failures)
            if isinstance(outcome, _Done):
                return outcome.response, outcome.seconds
            self.faults[outcome.fault] += 1
            if outcome.fault is Fault.RATE:  # the limiter says when
                refused_since = refused_since or clock()
                if clock() - refused_since > 2 * self._cfg.patience_seconds:
                    raise UnavailableError(
                        f"{self._provider.label} refuses one request again and again as too much "
                        f"({outcome.detail}), while it may answer others.",
                        fix="run the same command again, or lower teacher.max_tokens",
                    )
                continue
            failures += 1
            if not outcome.fault.retried:
                doubts += 1
                if not self.answered or outcome.fault is Fault.TOO_LONG or doubts > DOUBTS:
                    raise self._given_up(outcome)
            if failures >= self._cfg.attempts:
                raise UnavailableError(
                    f"{self._provider.label} failed {failures} times in a row to answer one "
                    f"request, last with {outcome.fault} ({outcome.detail}).",
                    fix="run the same command again; teacher.attempts says how often one is sent",
                )
            await asyncio.sleep(backoff(failures, self._cfg.retry_seconds, self._random))

    async def _admit(self, request: Request) -> Ticket:
        await self._breaker.closed()
        try:
            return await self._limiter.acquire(lambda: self._account.expected(request))
        except BaseException:
            self._breaker.abandoned()
            raise

    def _timeout(self, first: bool) -> float:
        """Seconds that a request may take. Where answers are quick, a stall is seen early; asked
        again, it gets all the time there is, so that a provider that slows down is waited for."""
        most = self._cfg.timeout_seconds
        if not first or self._timed < STEADY:
            return most
        return min(most, max(SHORTEST, 8 * self._slowest))

    async def _attempt(self, request: Request, ticket: Ticket, *, first: bool) -> _Done | _Failure:
        """Send once. Tells limiter, breaker and account how it went."""
        seconds = self._timeout(first)
        reply = None
        clock = asyncio.get_running_loop().time
        began = clock()
        sent = self._account.announce(request)
        try:
            async with asyncio.timeout(seconds):
                reply = await self._transport.send(request, seconds)
            fault = classify(reply)
            failure = _Failure(fault, describe(reply)) if fault else None
        except TimeoutError:
            failure = _Failure(Fault.TIMEOUT, f"no answer in {seconds:g} s")
        except SendError as error:
            failure = _Failure(error.fault, error.detail, billed=error.sent)
        except BaseException:
            self._limiter.failed(ticket)
            self._breaker.abandoned()
            self._account.guess(request, "cancelled", sent)
            raise
        if reply is not None and failure is not None and failure.fault is Fault.TOOL_USE:
            salvaged = {
                "message": {"role": "assistant", "content": failed_generation(reply)},
                "finish_reason": "tool_use_failed",
            }
            self.faults[Fault.TOOL_USE] += 1
            done = _Done({"choices": [salvaged]}, clock() - began)
            return self._accept(request, ticket, reply, done, sent)
        if reply is not None and failure is None:
            try:
                response = self._read(reply)
            except (Unreadable, ValueError, RecursionError) as error:
                failure = _Failure(Fault.BROKEN, _first_line(error, reply.body))
            else:
                done = _Done(response, clock() - began)
                return self._accept(request, ticket, reply, done, sent)
        assert failure is not None
        self._tell(failure, ticket, reply)
        if failure.billed and failure.fault.perhaps_billed:
            self._account.guess(request, str(failure.fault), sent)
        else:
            self._account.unpaid(sent)
        return failure

    def _read(self, reply: Reply) -> Any:
        """The response's JSON. Raises Unreadable, ValueError or RecursionError."""
        response = json.loads(reply.body)
        if b"\\u" in reply.body:  # an escape could hide the key from the transport
            response = json.loads(self._transport.strike(json.dumps(response)))
        decode(response)
        return response

    def _accept(
        self, request: Request, ticket: Ticket, reply: Reply, done: _Done, sent: str
    ) -> _Done:
        """Book and keep an answer before anybody uses it."""
        self.answered += 1
        self._timed += 1
        self._slowest = max(self._slowest, done.seconds)
        usage = self._account.book(request, decode(done.response), sent)
        self._limiter.answered(
            ticket, reply.headers, tokens=usage.prompt_tokens + usage.completion_tokens
        )
        self._breaker.succeeded()
        if self._cache is not None:
            self._cache.put(request, done.response, seconds=done.seconds)
        return done

    def _tell(self, failure: _Failure, ticket: Ticket, reply: Reply | None) -> None:
        log.debug("%s: %s (%s)", self._provider.label, failure.fault, failure.detail)
        if failure.fault is Fault.RATE and reply is not None:
            self._limiter.refused(ticket, reply.headers, failure.detail)
            self._breaker.abandoned()
            return
        self._limiter.failed(ticket)
        if failure.fault.retried:
            self._breaker.failed(failure.detail)
        else:
            self._breaker.abandoned()

    def _given_up(self, failure: _Failure) -> Exception:
        return given_up(
            failure.fault,
            failure.detail,
            label=self._provider.label,
            model=str(self._cfg.model),
            key_env=self._key_env,
            answered=self.answered > 0,
        )


@dataclass(frozen=True)
class _Done:
    response: Any
    seconds: float


@dataclass(frozen=True)
class _Failure:
    fault: Fault
    detail: str
    billed: bool = True


def _first_line(error: Exception, body: bytes) -> str:
    if not body.strip():
        return "an empty body"
    if isinstance(error, Unreadable):
        return str(error)[:200]
    start = body[:60].decode("utf-8", "replace").strip()
    return f"not JSON: {' '.join(start.split())!r}"
