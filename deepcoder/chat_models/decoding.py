"""Continuous batching: rows join a running batch, finish, and leave, one token for all at a time.

`BatchDecoder` is synchronous and belongs to one thread; `deepcoder.chat_models.local` gives it an
async interface. It reuses what is already cached: a conversation that grew by a turn computes only
the new part, and a common beginning (the system prompt) is copied from any slot.

    decoder = BatchDecoder(model, slots=8, context=2048, stop_ids=[2])
    decoder.admit(Request(ids=[5, 6, 7], max_new=16))
    while decoder.active:
        for finished in decoder.step(): ...

Rows do not see each other: in float32 the tokens are those of one-by-one decoding. In bfloat16 the
rounding of a matrix product depends on the number of rows, so near-ties may fall otherwise.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from deepcoder.chat_models.decode_attention import applies, one_token_attention
from deepcoder.chat_models.slots import SlotCache

if TYPE_CHECKING:
    from deepcoder.chat_models.constraining import Constraint

__all__ = ["BatchDecoder", "Finished", "Request", "pick"]

_CHUNK = 1024
"""Prompt tokens per forward pass: bounds the memory of a long prompt's activations."""
_NUCLEUS = 512
"""Candidates that are sorted first for top-p; the whole vocabulary only when they fall short."""
_CONTINUES = 0.7
"""Share of a slot's tokens that a prompt must begin with to take the slot over, not copy it."""


@dataclass(frozen=True)
class Request:
    """What to decode. `key` is handed back; `decode_text` is needed for stop strings only."""

    ids: Sequence[int]
    max_new: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    decode_text: Callable[[Sequence[int]], str] | None = None
    key: Hashable = None
    constraint: Constraint | None = None
    """Which tokens may come next; it follows this one answer and is used up by it."""


@dataclass(frozen=True)
class Finished:
    """`ids` are all sampled tokens, the stop token included; `logprobs` their natural log.

    `reason` is 'stop' (a stop token or string was sampled) or 'length'.
    """

    request: Request
    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    reason: str


@dataclass
class _Row:
    request: Request
    random: random.Random
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)


@dataclass
class _Slot:
    """`cached` are the tokens whose keys and values lie in the slot; `used` is for LRU."""

    cached: list[int] = field(default_factory=list)
    used: int = 0


class BatchDecoder:
    """Decodes up to `slots` requests together with a causal transformers model.

    Slots 0 … n-1 of the cache hold the n active rows, so that a step is a slice and not a gather;
    behind them lie finished conversations, kept for whoever continues them.
    """

    def __init__(
        self, model: Any, *, slots: int, context: int, stop_ids: Iterable[int] = ()
    ) -> None:
        self.model = model
        self.context = context
        self.stop_ids = frozenset(stop_ids)
        self._one_token = applies(model)
        self.cache = SlotCache(
            model.config.get_text_config().num_hidden_layers, slots, wide_keys=self._one_token
        )
        self.device = model.get_input_embeddings().weight.device
        self.prefilled = 0
        """Prompt tokens computed; the rest were found in the cache."""
        self._rows: list[_Row] = []
        self._slots = [_Slot() for _ in range(slots)]
        self._clock = 0

    def fresh(self) -> BatchDecoder:
        """A decoder like this one that holds nothing: for going on after an error."""
        return BatchDecoder(
            self.model, slots=len(self._slots), context=self.context, stop_ids=self.stop_ids
        )

    @property
    def active(self) -> int:
        """Rows being decoded."""
        return len(self._rows)

    @property
    def free(self) -> int:
        """Requests that can be admitted now."""
        return len(self._slots) - len(self._rows)

    # ----------------------------------------------------------------------------- joining

    @torch.inference_mode()
    def admit(self, request: Request) -> Finished | None:
        """Read the prompt and sample the first token; returns the result if that was all.

        Raises ValueError when no slot is free or prompt and `max_new` exceed the context.
        """
        if not self.free:
            raise ValueError("no free slot")
        if not request.ids or request.max_new < 1:
            raise ValueError("a request needs a prompt and at least one token to write")
        if len(request.ids) + request.max_new > self.context:
            raise ValueError("prompt and max_new exceed the context")
        ids = list(request.ids)
        slot = len(self._rows)
        known = self._place(ids, slot)
        logits = None
        for start in range(known, len(ids), _CHUNK):
            logits = self._prefill(slot, start, ids[start : start + _CHUNK])
        if logits is None:
            raise AssertionError("the last prompt token is always computed")
        self._slots[slot].cached = ids
        self._rows.append(_Row(request, random.Random(request.seed)))
        self.prefilled += len(ids) - known
        finished = self._extend(logits, [slot])
        return finished[0] if finished else None

    def _place(self, ids: list[int], slot: int) -> int:
        """Bring the longest cached beginning of `ids` into `slot`; returns its length.

        The last token is never taken from the cache: its logits are needed.
        """
        shared = [_common(s.cached, ids, len(ids) - 1) for s in self._slots]
        best = max(range(len(shared)), key=shared.__getitem__)
        known = shared[best]
        taken_over = best >= slot and known and known >= _CONTINUES * len(self._slots[best].cached)
        idle = range(slot, len(self._slots))
        target = best if taken_over else min(idle, key=lambda i: self._slots[i].used)
        if known and target != best:
            self.cache.copy(best, target, known)
        self._slots[target].cached = ids[:known]
        self._swap(slot, target)
        return known

    def _prefill(self, slot: int, start: int, ids: list[int]) -> Float[Tensor, "1 vocab"]:
        length = len(ids)
        self.cache.prefill(slot, start, length)
        positions = torch.arange(start, start + length, device=self.device)
        keys = torch.arange(start + length, device=self.device)
        seen = keys[None, :] <= positions[:, None]
        return self._forward([ids], positions[None, :], seen[None, None])

    # ---------------------------------------------------------------------------- decoding

    @torch.inference_mode()
    def step(self) -> list[Finished]:
        """One more token for every active row; returns the rows that ended."""
        if not self._rows:
            return []
        slots = list(range(len(self._rows)))
        lengths = [len(self._slots[i].cached) for i in slots]
        self.cache.decode(lengths)
        positions = torch.tensor(lengths, device=self.device)[:, None]
        keys = torch.arange(max(lengths) + 1, device=self.device)
        seen = keys[None, :] <= positions
        pending = [[row.ids[-1]] for row in self._rows]
        with one_token_attention(self.model) if self._one_token else contextlib.nullcontext():
            logits = self._forward(pending, positions, seen[:, None, None])
        for index, row in enumerate(self._rows):
            self._slots[index].cached.append(row.ids[-1])
        return self._extend(logits, slots)

    def _forward(
        self, ids: list[list[int]], positions: Tensor, seen: Bool[Tensor, "rows 1 new keys"]
    ) -> Float[Tensor, "rows vocab"]:
        # A mask of four dimensions is used by transformers as it is, for every kind of layer.
        output = self.model(
            input_ids=torch.tensor(ids, device=self.device),
            attention_mask=seen,
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: Tensor = output.logits
        return logits[:, -1]

    # ----------------------------------------------------------------------------- leaving

    def _extend(self, logits: Float[Tensor, "rows vocab"], slots: list[int]) -> list[Finished]:
        """Append one sampled token to the rows in `slots`; take out and return those that end."""
        rows = [self._rows[i] for i in slots]
        tokens, logprobs = pick(logits, [row.request for row in rows], [row.random for row in rows])
        finished = []
        for index, row, token, logprob in zip(slots, rows, tokens, logprobs, strict=True):
            row.ids.append(token)
            row.logprobs.append(logprob)
            if row.request.constraint is not None:
                row.request.constraint.advance(token)
            reason = self._reason(row)
            if reason:
                done = Finished(row.request, tuple(row.ids), tuple(row.logprobs), reason)
                finished.append((index, done))
        for index, _ in reversed(finished):
            self._leave(index)
        return [done for _, done in finished]

    def _reason(self, row: _Row) -> str | None:
        request = row.request
        if row.ids[-1] in self.stop_ids:
            return "stop"
        if request.stop and request.decode_text is not None:
            # A token is at least one byte, so the stop string ends within this many tokens.
            reach = max(len(text.encode()) for text in request.stop) + 4
            tail = request.decode_text(row.ids[-reach:])
            if any(text in tail for text in request.stop):
                return "stop"
        return "length" if len(row.ids) >= request.max_new else None

    @torch.inference_mode()
    def abandon(self, key: Hashable) -> None:
        """Drop the row whose request has this key, if it is still there."""
        for index in reversed(range(len(self._rows))):
            if self._rows[index].request.key == key:
                self._leave(index)

    def _leave(self, index: int) -> None:
        last = len(self._rows) - 1
        self._swap(index, last)
        self._rows[index] = self._rows[last]
        self._rows.pop()
        self._clock += 1
        self._slots[last].used = self._clock

    def _swap(self, one: int, other: int) -> None:
        if one != other:
            a, b = self._slots[one], self._slots[other]
            self.cache.swap(one, other, max(len(a.cached), len(b.cached)))
            self._slots[one], self._slots[other] = b, a


def _common(cached: list[int], ids: list[int], limit: int) -> int:
    """Length of the common beginning, at most `limit`."""
    length = 0
    for a, b in zip(cached, ids[:limit], strict=False):
        if a != b:
            break
        length += 1
    return length


def pick(
    logits: Float[Tensor, "rows vocab"],
    requests: Sequence[Request],
    randoms: Sequence[random.Random],
) -> tuple[list[int], list[float]]:
    """One token per row as its request says, and the natural log of the model's probability.

    Each row draws one number from its own generator and inverts the cumulative distribution, so
    what a seed gives does not depend on the neighbours. The log-probability is that of the model
    itself: temperature 1, nothing cut off, nothing forbidden.
    """
    logits = logits.float()
    tokens = logits.argmax(dim=-1)
    for index, (request, generator) in enumerate(zip(requests, randoms, strict=True)):
        row = logits[index]
        if request.constraint is not None:
            allowed = request.constraint.allowed().to(row.device)
            row = row.masked_fill(~allowed, float("-inf"))
            tokens[index] = row.argmax()
        if request.temperature > 0:
            tokens[index] = _draw(row / request.temperature, request.top_p, generator)
    logprobs = logits.gather(1, tokens[:, None])[:, 0] - logits.logsumexp(dim=-1)
    return tokens.tolist(), logprobs.tolist()


def _draw(logits: Float[Tensor, " vocab"], top_p: float, generator: random.Random) -> int:
    probabilities = logits.double().softmax(dim=-1)
    candidates = None
    if top_p < 1:
        count = min(_NUCLEUS, len(probabilities))
        ranked, candidates = probabilities.topk(count)
        if ranked.sum() < top_p:
            ranked, candidates = probabilities.sort(descending=True)
        # The smallest set that reaches top_p: a token stays while the mass before it is less.
        keep = max(1, int((ranked.cumsum(0) - ranked < top_p).sum()))
        probabilities, candidates = ranked[:keep], candidates[:keep]
    cumulative = probabilities.cumsum(0)
    at = torch.searchsorted(cumulative, generator.random() * float(cumulative[-1]), right=True)
    chosen = min(int(at), len(cumulative) - 1)
    return chosen if candidates is None else int(candidates[chosen])
