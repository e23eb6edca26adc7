"""A teacher behind an API: one loop around any transport, the same for every provider.

A request is looked up in the response cache, waits for the circuit breaker and the limiter, is
sent, and is judged by class of fault: asked again, salvaged, or given up with one clear line. What
came back is booked, kept, and only then read. Nothing here knows an SDK (`groq.py`,
`openai_compatible.py` do) and nothing holds the key but the transport.

Two errors leave an episode for a later run: `UnavailableError` (every attempt failed) and
`BackendError` (nothing will go better until a person acts). `RefusedError` is the end of one
episode: the provider will not take this conversation.

Example::

    teacher = ApiTeacher(cfg.teacher, provider, transport, cache=cache, spending=spending)
    completion = await teacher.complete(messages, Sampling(seed=7))
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from deepcoder.chat_models.accounting import Account, find_price
from deepcoder.chat_models.faults import (
    Fault,
    Reply,
    SendError,
    classify,
    describe,
    failed_generation,
)
from deepcoder.chat_models.limiter import Limiter, Ticket
from deepcoder.chat_models.pricing import Spending
from deepcoder.chat_models.providers import Provider, Transport, given_up
from deepcoder.chat_models.response_cache import Request, ResponseCache
from deepcoder.chat_models.retry import CircuitBreaker, backoff
from deepcoder.chat_models.wire import Answer, Unreadable, decode, encode
from deepcoder.errors import UnavailableError
from deepcoder.types import Capability, Completion, Fingerprint, Message, Sampling

if TYPE_CHECKING:
    from deepcoder.config import TeacherConfig

__all__ = ["ApiTeacher"]

log = logging.getLogger(__name__)

LONGEST_TOKEN = 64
"""Characters that one token may stand for; an answer beyond `max_tokens` of them is cut off."""
STEADY = 20
"""Answers after which it is known how long one takes."""
SHORTEST = 30.0
"""Seconds that any request may take."""
HURRY = 20.0
"""Seconds that a run which is being stopped still waits for a limit or an outage."""
DOUBTS = 2
"""Times that a refusal for good is asked again, once something was answered: gateways say 401 or
404 in the middle of a run while they are being replaced."""


class ApiTeacher:
    """See the module's text. Any number of `complete` calls may run at once."""

    def __init__(
        self,
        cfg: TeacherConfig,
        provider: Provider,
        transport: Transport,
        *,
        key_env: str | None,
        cache: ResponseCache | None = None,
        spending: Spending | None = None,
        random: Random | None = None,
    ) -> None:
        assert cfg.model is not None  # validate() saw to it
        self._cfg = cfg
        self._model = cfg.model
        self._provider = provider
        self._transport = transport
        self._key_env = key_env
        self._cache = cache
        self._random = random or Random()
        self._account = Account(
            spending or Spending(),
            find_price(cfg, self_hosted=provider.self_hosted),
            most_field=provider.max_tokens_field,
        )
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
        self._answered = 0
        self._slowest = 0.0  # seconds
        self.faults: Counter[Fault] = Counter()
        """What was met so far, for the log."""

    # ------------------------------------------------------------------------------ what it is

    @property
    def fingerprint(self) -> Fingerprint:
        cfg = self._cfg
        settings: dict[str, Any] = {
            "temperature": cfg.temperature,
            "top_p": cfg.top_p,
            "max_tokens": cfg.max_tokens,
        }
        for name in ("preset", "reasoning_format", "reasoning_effort"):
            value = getattr(cfg, name)
            if value is not None:
                settings[name] = str(value)
        if cfg.extra_body:
            settings["extra_body"] = json.loads(json.dumps(_plain(cfg.extra_body)))
        return Fingerprint(kind=str(cfg.kind), model=self._model, settings=settings)

    @property
    def capability(self) -> Capability:
        return self._provider.capability

    keeps_time = True
    """It bounds its own requests; waiting for a provider's limits is not the model's time."""

    @property
    def spending(self) -> Spending:
        return self._account.spending

    # -------------------------------------------------------------------------------- answering

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """The next assistant message; from the cache when it was paid for before.

        Raises UnavailableError, BackendError or RefusedError as the module's text says.
        """
        request = self.request(messages, sampling)
        cached = self._cache.get(request.key) if self._cache else None
        if cached is not None:
            self._answered += 1
            return self._completion(request, decode(cached.response), cached.seconds)
        response, seconds = await self._ask(request)
        return self._completion(request, decode(response), seconds)

    def hurry(self, seconds: float = HURRY) -> None:
        """The run is being stopped: episodes in flight finish, unless they would have to wait for
        the provider longer than this. What they have paid for is in the cache."""
        self._limiter.hurry(seconds)
        self._breaker.hurry(seconds)

    def headroom(self) -> dict[str, Any]:
        """What is left of the provider's limits, for the progress line."""
        return self._limiter.headroom()

    def limits(self) -> tuple[float | None, float | None]:
        """(requests, tokens) a minute that are known to bound it; None is not known."""
        return self._limiter.limits()

    async def aclose(self) -> None:
        if self.faults:
            met = ", ".join(f"{fault} {count}" for fault, count in self.faults.most_common())
            log.info("%s: %d answers; faults met: %s.", self._provider.label, self._answered, met)
        await self._transport.aclose()
        self._account.spending.close()
        if self._cache is not None:
            self._cache.close()

    def request(self, messages: Sequence[Message], sampling: Sampling) -> Request:
        """What is sent for a conversation."""
        cfg, provider = self._cfg, self._provider
        body: dict[str, Any] = {
            "model": self._model,
            "messages": encode(messages, replay_reasoning=provider.capability.replay_reasoning),
            provider.max_tokens_field: sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
        }
        if sampling.stop:
            body["stop"] = list(sampling.stop)
        if provider.takes_seed and sampling.seed is not None:
            body["seed"] = sampling.seed
        if cfg.reasoning_effort:
            body["reasoning_effort"] = cfg.reasoning_effort
        extra = dict(_plain(cfg.extra_body))
        if cfg.reasoning_format:
            extra["reasoning_format"] = cfg.reasoning_format
        if cfg.logprobs and provider.capability.logprobs:
            extra |= provider.with_logprobs
        to = {
            "kind": str(cfg.kind),
            "preset": str(cfg.preset) if cfg.preset else None,
            "address": cfg.base_url or provider.base_url,
        }
        return Request(to=to, body=body, seed=sampling.seed, extra=extra)

    async def _ask(self, request: Request) -> tuple[Any, float]:
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
                if not self._answered or outcome.fault is Fault.TOO_LONG or doubts > DOUBTS:
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
        if not first or self._answered < STEADY:
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
        self._answered += 1
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
            model=self._model,
            key_env=self._key_env,
            answered=self._answered > 0,
        )

    def _completion(self, request: Request, answer: Answer, seconds: float) -> Completion:
        longest = LONGEST_TOKEN * int(request.body[self._provider.max_tokens_field])
        text, reasoning = answer.text[:longest], answer.reasoning
        cut = len(text) < len(answer.text)
        return Completion(
            text=text,
            reasoning=None if reasoning is None else reasoning[:longest],
            finish="length" if cut else answer.finish,
            usage=self._account.usage(request, answer, seconds),
            token_ids=answer.token_ids,
            logprobs=answer.logprobs,
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


def _plain(node: Any) -> dict[str, Any]:
    """A node of the configuration as a plain dict."""
    from omegaconf import OmegaConf

    if OmegaConf.is_config(node):
        node = OmegaConf.to_container(node, resolve=True)
    return dict(node or {})


def _first_line(error: Exception, body: bytes) -> str:
    if not body.strip():
        return "an empty body"
    if isinstance(error, Unreadable):
        return str(error)[:200]
    start = body[:60].decode("utf-8", "replace").strip()
    return f"not JSON: {' '.join(start.split())!r}"
