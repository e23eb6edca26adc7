"""Asking a model: any number of answers to one question, within what an episode has left.

    asked = await ask(model, messages, episode, used=usage, budget=4096, samples=4)
    if isinstance(asked, Ended):
        return asked.update                   # the episode is over
    asked.completions, asked.usage

Samples are requests of their own, side by side: every backend can do that, also one that gives a
single answer at a time; a local model decodes them together, with the prompt computed once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from deepcoder.agent.state import Episode
from deepcoder.chat_models import ChatModel
from deepcoder.errors import BackendError
from deepcoder.types import Completion, Message, Sampling, StopReason, Usage

__all__ = ["Asked", "Ended", "ask"]

_SEED_STEP = 1_000_003
"""Between the seeds of two samples of a step; a prime, far from the steps between episodes."""


@dataclass(frozen=True)
class Asked:
    """Answers, at least one, and what the episode has used up with them."""

    completions: list[Completion]
    usage: Usage


@dataclass(frozen=True)
class Ended:
    """The episode is over, as this update of its state says."""

    update: dict[str, Any]


async def ask(
    model: ChatModel,
    messages: Sequence[Message],
    episode: Episode,
    *,
    used: Usage,
    budget: int,
    samples: int = 1,
) -> Asked | Ended:
    """`samples` answers to the same question, each with its share of the `budget` of tokens.

    The episode goes on while one of them was given. Raises BackendError when it is to be played
    again instead.
    """
    share = max(1, (budget - used.completion_tokens) // samples)
    limit = min(episode.sampling.max_tokens, share)
    sampling = episode.sampling.model_copy(update={"max_tokens": limit})
    # A model that bounds its own requests may stand in a provider's queue for long: only the
    # seconds in which it was being answered count against the episode.
    keeps_time = getattr(model, "keeps_time", False)
    began = time.monotonic()
    requests = (model.complete(messages, _sample(sampling, number)) for number in range(samples))
    try:
        async with asyncio.timeout(None if keeps_time else episode.seconds_left()):
            answers = await asyncio.gather(*requests, return_exceptions=True)
    except TimeoutError:
        return Ended({"stop": StopReason.MAX_SECONDS})
    given = [answer for answer in answers if isinstance(answer, Completion)]
    failed = [answer for answer in answers if not isinstance(answer, Completion)]
    for error in failed:
        if isinstance(error, BackendError) or not isinstance(error, Exception):
            raise error  # not the model's doing: the episode is not over
    if not given:
        described = f"{type(failed[0]).__name__}: {failed[0]}"
        return Ended({"stop": StopReason.MODEL_ERROR, "error": described})
    if keeps_time:
        answered = max(answer.usage.seconds for answer in given)
        episode.waited.append(max(0.0, time.monotonic() - began - answered))
    return Asked(given, reduce(add, map(_counted, given), used))


def _sample(sampling: Sampling, number: int) -> Sampling:
    """The sampling of one of several samples: seeds of their own, the first one's as it was."""
    if number == 0:
        return sampling
    seed = ((sampling.seed or 0) + number * _SEED_STEP) % (1 << 31)
    return sampling.model_copy(update={"seed": seed})


def _counted(completion: Completion) -> Usage:
    """A completion's usage; a backend that does not count its requests made one."""
    usage = completion.usage
    return usage if usage.requests else usage.model_copy(update={"requests": 1})
