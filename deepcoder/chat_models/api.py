"""A teacher behind an API: the same for every provider, around any transport.

A conversation becomes a request, the request is looked up in the response cache or else sent
(`sending`), and what came back becomes a completion. Nothing here knows an SDK (`groq.py`,
`openai_compatible.py` do) and nothing holds the key but the transport.

Two errors leave an episode for a later run: `UnavailableError` (every attempt failed) and
`BackendError` (nothing will go better until a person acts). `RefusedError` is the end of one
episode: the provider will not take this conversation.

Example::

    teacher = ApiTeacher(cfg.teacher, provider, transport, cache=cache, spending=spending)
    completion = await teacher.complete(messages, Sampling(seed=7))
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from deepcoder.chat_models.accounting import Account, find_price
from deepcoder.chat_models.pricing import Spending
from deepcoder.chat_models.providers import Provider, Transport
from deepcoder.chat_models.response_cache import Request, ResponseCache
from deepcoder.chat_models.sending import Sender
from deepcoder.chat_models.wire import Answer, decode, encode
from deepcoder.types import Capability, Completion, Fingerprint, Message, Sampling

if TYPE_CHECKING:
    from deepcoder.config import TeacherConfig

__all__ = ["ApiTeacher"]

log = logging.getLogger(__name__)

LONGEST_TOKEN = 64
"""Characters that one token may stand for; an answer beyond `max_tokens` of them is cut off."""

HURRY = 20.0
"""Seconds that a run which is being stopped still waits for a limit or an outage."""


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
        self._cache = cache
        self._account = Account(
            spending or Spending(),
            find_price(cfg, self_hosted=provider.self_hosted),
            most_field=provider.max_tokens_field,
        )
        self._sender = Sender(
            cfg,
            provider,
            transport,
            account=self._account,
            key_env=key_env,
            cache=cache,
            random=random,
        )

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
            self._sender.answered += 1
            return self._completion(request, decode(cached.response), cached.seconds)
        response, seconds = await self._sender.ask(request)
        return self._completion(request, decode(response), seconds)

    def hurry(self, seconds: float = HURRY) -> None:
        """The run is being stopped: episodes in flight finish, unless they would have to wait for
        the provider longer than this. What they have paid for is in the cache."""
        self._sender.hurry(seconds)

    def headroom(self) -> dict[str, Any]:
        """What is left of the provider's limits, for the progress line."""
        return self._sender.headroom()

    def limits(self) -> tuple[float | None, float | None]:
        """(requests, tokens) a minute that are known to bound it; None is not known."""
        return self._sender.limits()

    async def aclose(self) -> None:
        if faults := self._sender.faults:
            met = ", ".join(f"{fault} {count}" for fault, count in faults.most_common())
            answered = self._sender.answered
            log.info("%s: %d answers; faults met: %s.", self._provider.label, answered, met)
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


def _plain(node: Any) -> dict[str, Any]:
    """A node of the configuration as a plain dict."""
    from omegaconf import OmegaConf

    if OmegaConf.is_config(node):
        node = OmegaConf.to_container(node, resolve=True)
    return dict(node or {})
