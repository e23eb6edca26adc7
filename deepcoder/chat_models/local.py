"""A transformers model in this process as a chat model: the local teacher, and every student.

Concurrent `complete()` calls are decoded together by one worker thread (`decoding.BatchDecoder`),
so the event loop goes on with the sandbox and the other episodes meanwhile. Prompts come from the
same renderer as the training texts. Alternative: a vLLM or SGLang server is the engine for a GPU
fleet; this needs nothing but torch.

    model = LocalChatModel(network, tokenizer, batch_size=8, fingerprint=fingerprint)
    completions = await asyncio.gather(*(model.complete(m, Sampling()) for m in conversations))
    await model.aclose()

Greedy answers are repeatable; in bfloat16 up to near-ties, whose rounding depends on how many rows
were decoded together. Models whose attention window is shorter than the context are used up to
that window.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from deepcoder.chat_models.throughput import Throughput
from deepcoder.rendering import ChatRenderer
from deepcoder.types import Capability, Completion, Fingerprint, Message, Sampling, Usage

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from deepcoder.chat_models.constraining import ActionGrammar
    from deepcoder.chat_models.decoding import BatchDecoder, Finished
    from deepcoder.config import TeacherConfig

__all__ = ["LocalChatModel", "load_local"]


@dataclass
class _Job:
    """A call on its way through the worker."""

    text: str
    sampling: Sampling
    future: Future[Completion] = field(default_factory=Future)
    began: float = field(default_factory=time.monotonic)
    prompt_tokens: int = 0


class LocalChatModel:
    """Answers with `model` in chat format; up to `batch_size` answers are decoded together.

    `context` caps prompt plus answer, in tokens; None takes what the model's configuration says.
    With a `grammar` no answer can leave it, except by being cut off at its last allowed token.
    A prompt that leaves no room in it is answered with an empty text and finish 'length'.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerFast,
        *,
        batch_size: int = 8,
        fingerprint: Fingerprint,
        context: int | None = None,
        grammar: ActionGrammar | None = None,
    ) -> None:
        self.fingerprint = fingerprint
        limit = model_context(model)
        self.context = min(context or limit, limit)
        self.capability = Capability(
            logprobs=True,
            logits=True,
            tokenizer=tokenizer.name_or_path or None,
            context=self.context,
        )
        self.throughput = Throughput()
        self._model = model.eval()
        self._tokenizer = tokenizer
        self._renderer = ChatRenderer.from_tokenizer(tokenizer)
        self._batch_size = batch_size
        self._grammar = grammar
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """The next assistant message. `token_ids` are all that was sampled, end of turn included.

        Raises RuntimeError after `aclose`, and whatever the model raised while decoding.
        """
        if self._closed:
            raise RuntimeError("the local model is closed")
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="decode", daemon=True)
            self._thread.start()
        job = _Job(self._renderer.prompt(messages), sampling)
        self._jobs.put(job)
        return await asyncio.wrap_future(job.future)

    async def aclose(self) -> None:
        """Stop the worker after the answers that are under way, and let go of the cache."""
        self._closed = True
        if self._thread is not None:
            self._jobs.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None

    # ------------------------------------------------------------------- the worker thread

    def _work(self) -> None:
        from deepcoder.chat_models.decoding import BatchDecoder

        decoder = BatchDecoder(
            self._model,
            slots=self._batch_size,
            context=self.context,
            stop_ids=self._renderer.stop_ids(self._tokenizer),
        )
        waiting: list[_Job] = []
        running: dict[Hashable, _Job] = {}
        open_ = True
        while open_ or waiting or running:
            if open_:
                open_ = self._collect(waiting, block=not waiting and not running)
            began = time.monotonic()
            try:
                self._turn(decoder, waiting, running)
            except Exception as error:
                # The decoder's state is unknown now: everybody in it is told, and it starts anew.
                for job in (*running.values(), *waiting):
                    _settle(job, error)
                running.clear()
                waiting.clear()
                decoder = decoder.fresh()
            self.throughput.seconds += time.monotonic() - began

    def _collect(self, waiting: list[_Job], *, block: bool) -> bool:
        """Move what has arrived to `waiting`; False when the model was closed."""
        try:
            while True:
                job = self._jobs.get(block)
                if job is None:
                    return False
                waiting.append(job)
                block = False
        except queue.Empty:
            return True

    def _turn(
        self, decoder: BatchDecoder, waiting: list[_Job], running: dict[Hashable, _Job]
    ) -> None:
        """Drop who gave up, admit who waits, decode one token."""
        for key, job in list(running.items()):
            if job.future.cancelled():
                decoder.abandon(key)
                del running[key]
        finished: list[Finished] = []
        while waiting and decoder.free:
            job = waiting.pop(0)
            if not job.future.cancelled():
                done = self._admit(decoder, job, running)
                finished += [done] if done else []
        finished += decoder.step()
        for done in finished:
            job = running[done.request.key]
            self.throughput.sampled_tokens += len(done.ids)
            _settle(job, self._completion(job, done))
            del running[done.request.key]

    def _admit(
        self, decoder: BatchDecoder, job: _Job, running: dict[Hashable, _Job]
    ) -> Finished | None:
        from deepcoder.chat_models.decoding import Request

        key = id(job)
        running[key] = job
        ids = self._tokenizer(job.text, add_special_tokens=False)["input_ids"]
        job.prompt_tokens = len(ids)
        room = min(job.sampling.max_tokens, self.context - len(ids))
        if room < 1:
            del running[key]
            _settle(job, Completion(text="", finish="length", usage=_usage(job, 0)))
            return None
        before = decoder.prefilled
        done = decoder.admit(
            Request(
                ids=ids,
                max_new=room,
                temperature=job.sampling.temperature,
                top_p=job.sampling.top_p,
                seed=job.sampling.seed,
                stop=job.sampling.stop,
                decode_text=self._text,
                key=key,
                constraint=self._grammar.start() if self._grammar is not None else None,
            )
        )
        self.throughput.prompt_tokens += len(ids)
        self.throughput.prefilled_tokens += decoder.prefilled - before
        return done

    def _completion(self, job: _Job, done: Finished) -> Completion:
        ids = list(done.ids)
        if done.reason == "stop" and ids[-1] in self._renderer.stop_ids(self._tokenizer):
            ids.pop()
        text = self._text(ids)
        found = [at for at in map(text.find, job.sampling.stop) if at >= 0]
        return Completion(
            text=text[: min(found)] if found else text,
            finish=done.reason,
            usage=_usage(job, len(done.ids)),
            token_ids=done.ids,
            logprobs=done.logprobs,
        )

    def _text(self, ids: Sequence[int]) -> str:
        decoded = self._tokenizer.decode(
            list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return str(decoded)


def _settle(job: _Job, result: Completion | Exception) -> None:
    """Hand over a result, unless the caller has gone."""
    if not job.future.set_running_or_notify_cancel():
        return
    if isinstance(result, Exception):
        job.future.set_exception(result)
    else:
        job.future.set_result(result)


def _usage(job: _Job, sampled: int) -> Usage:
    return Usage(
        prompt_tokens=job.prompt_tokens,
        completion_tokens=sampled,
        requests=1,
        seconds=time.monotonic() - job.began,
    )


def model_context(model: Any) -> int:
    """Tokens that the model can look at: its positions, or its sliding window if that is in use."""
    config = model.config.get_text_config()
    limits = [getattr(config, "max_position_embeddings", None) or 1 << 20]
    if "sliding_attention" in (getattr(config, "layer_types", None) or ()):
        limits.append(config.sliding_window)
    return min(limits)


def load_local(cfg: TeacherConfig) -> LocalChatModel:
    """The white-box teacher of the configuration, ready to answer.

    Raises MissingError when the model is neither in the cache nor reachable.
    """
    import torch

    from deepcoder.students.loading import load_pretrained, load_tokenizer, resolve_dtype

    device_map = cfg.device_map or ("auto" if torch.cuda.is_available() else None)
    model = load_pretrained(
        str(cfg.model), revision=cfg.revision, dtype=resolve_dtype(cfg.dtype), device_map=device_map
    )
    source = SimpleNamespace(source="hub", model=str(cfg.model), revision=cfg.revision)
    tokenizer = load_tokenizer(source, Path())
    fingerprint = Fingerprint(
        kind="local", model=str(cfg.model), revision=cfg.revision, settings={"dtype": cfg.dtype}
    )
    return LocalChatModel(model, tokenizer, batch_size=cfg.batch_size, fingerprint=fingerprint)
