"""Answers from a file of recorded responses: for tests, notebooks, and parsing again.

It plays what a teacher behind an API once said, found by the conversation so far and the seed, so
that the same run, with another parser or another sandbox, costs nothing. It never makes anything
up: a conversation that was not recorded is an error that names the remedy.

Example::

    teacher = ReplayTeacher(Path("responses/groq-openai-gpt-oss-120b.jsonl"))
    completion = await teacher.complete(messages, Sampling(seed=7))
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deepcoder.chat_models.response_cache import CachedResponse, ResponseCache, conversation_key
from deepcoder.chat_models.wire import decode, encode
from deepcoder.errors import BackendError, MissingError
from deepcoder.types import Capability, Completion, Fingerprint, Message, Sampling, Usage

__all__ = ["ReplayTeacher"]


class ReplayTeacher:
    """`model` selects among several that the file holds.

    Raises MissingError for a file that is absent, holds no response, or holds several models while
    none was chosen.
    """

    def __init__(self, path: Path, *, model: str | None = None) -> None:
        path = path.expanduser()
        if not path.is_file():
            raise MissingError(
                f"There is no file of responses at {path}.",
                fix="set teacher.path to a .jsonl file of teacher.cache",
            )
        self._path = path
        self._found: dict[tuple[str, int | None], CachedResponse] = {}
        models = set()
        for response in ResponseCache(path).responses():
            models.add(response.model)
            if model in (None, response.model):
                self._found.setdefault((response.conversation, response.seed), response)
        if len(models) > 1 and model is None:
            raise MissingError(
                f"{path} holds responses of {len(models)} models.",
                fix=f"choose one: teacher.model={sorted(models)[0]}",
            )
        if not self._found:
            raise MissingError(
                f"{path} holds no response{f' of {model}' if model else ''}.",
                fix=f"use one of {', '.join(sorted(models))}" if models else "record one first",
            )
        self._model = model or models.pop()

    @property
    def fingerprint(self) -> Fingerprint:
        return Fingerprint(kind="replay", model=self._model)

    @property
    def capability(self) -> Capability:
        return Capability(reasoning_field=True)

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """The recorded answer. Raises BackendError when there is none.

        A record without a seed answers any; usage counts the tokens and no money.
        """
        key, bare = (
            conversation_key(encode(messages, replay_reasoning=flag)) for flag in (False, True)
        )
        seeds = (sampling.seed, None)
        found = (self._found.get((k, seed)) for seed in seeds for k in (key, bare))
        response = next((r for r in found if r is not None), None)
        if response is None:
            raise BackendError(
                f"{self._path} has no answer to this conversation ({len(messages)} messages, seed "
                f"{sampling.seed}).",
                fix="replay with the problems, prompt, seed and samples that it was recorded with",
            )
        answer = decode(response.response)
        return Completion(
            text=answer.text,
            reasoning=answer.reasoning,
            finish=answer.finish,
            usage=Usage(
                prompt_tokens=answer.prompt_tokens or 0,
                completion_tokens=answer.completion_tokens or 0,
                requests=1,
            ),
            token_ids=answer.token_ids,
            logprobs=answer.logprobs,
        )

    async def aclose(self) -> None:
        """Nothing to free."""
