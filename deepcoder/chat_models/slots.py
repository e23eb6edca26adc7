"""A key/value cache of fixed slots, each with its own length, for batches whose rows come and go.

The cache that transformers grows by concatenation copies everything it holds at every token and
needs rows of one length. Here every layer owns one tensor of `slots` rows; a row writes at its own
position, so a row that joins or leaves moves nothing, and what an earlier conversation left in a
slot can be continued or copied (`deepcoder.chat_models.decoding` decides which). Which rows a
forward pass touches is said beforehand:

    cache = SlotCache(layers=2, slots=8)
    cache.prefill(slot=3, start=0, length=5)        # then model(..., past_key_values=cache)
    cache.decode(positions=[5, 9])                  # one token for each of the slots 0 and 1

Only full attention is supported: a sliding window shorter than the context is the caller's to
refuse.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

__all__ = ["SlotCache"]

_BLOCK = 256
"""Tokens by which the capacity grows."""


class _Layer(CacheLayerMixin):
    """Keys and values of one attention layer: [slots, kv_heads, capacity, head_dim] each."""

    def __init__(self, owner: SlotCache) -> None:
        super().__init__()
        self.owner = owner

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        def pool(like: Tensor, dtype: torch.dtype) -> Tensor:
            size = (self.owner.slots, like.shape[1], self.owner.capacity, like.shape[3])
            return like.new_zeros(size, dtype=dtype)

        keys = torch.float32 if self.owner.wide_keys else key_states.dtype
        self.keys, self.values = pool(key_states, keys), pool(value_states, value_states.dtype)
        self.is_initialized = True

    def update(
        self,
        key_states: Float[Tensor, "rows kv_heads new head_dim"],
        value_states: Float[Tensor, "rows kv_heads new head_dim"],
        *args: Any,
        **kwargs: Any,
    ) -> tuple[Tensor, Tensor]:
        """Write the new states where the owner points and return views of the rows so far."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        keys, values = self.both()
        rows, end = self.owner.rows, self.owner.end
        if self.owner.positions is None:
            keys[rows, :, self.owner.start : end] = key_states
            values[rows, :, self.owner.start : end] = value_states
            return keys[rows, :, :end].to(key_states.dtype), values[rows, :, :end]
        else:
            positions = self.owner.positions.to(keys.device)
            index = torch.arange(len(positions), device=keys.device)
            keys[index, :, positions] = key_states[:, :, 0].to(keys.dtype)
            values[index, :, positions] = value_states[:, :, 0]
        if self.owner.wide_keys:
            return keys[rows, :, :end], values[rows]
        return keys[rows, :, :end], values[rows, :, :end]

    def both(self) -> tuple[Tensor, Tensor]:
        if self.keys is None or self.values is None:
            raise RuntimeError("the layer has seen no forward pass yet")
        return self.keys, self.values

    def grow(self, capacity: int) -> None:
        if self.is_initialized:
            self.keys, self.values = (
                torch.cat(
                    [old, old.new_zeros(*old.shape[:2], capacity - old.shape[2], old.shape[3])],
                    dim=2,
                )
                for old in self.both()
            )

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.owner.end, 0

    def get_seq_length(self) -> int:
        return self.owner.start

    def get_max_length(self) -> int:
        return -1


class SlotCache(Cache):
    """`slots` rows of keys and values that grow together and are filled apart.

    `wide_keys` keeps the keys in float32 and hands them to decoding steps like that (see
    `decode_attention`); a prefill gets them in the model's own format.
    """

    def __init__(self, layers: int, slots: int, *, wide_keys: bool = False) -> None:
        self.slots = slots
        self.wide_keys = wide_keys
        self.capacity = 0
        self.rows = slice(0, 0)
        self.start = 0
        self.end = 0
        self.positions: Tensor | None = None
        self._layers = [_Layer(self) for _ in range(layers)]
        super().__init__(layers=list(self._layers))

    def prefill(self, slot: int, start: int, length: int) -> None:
        """The next forward pass has one row: `length` tokens at [start, start + length)."""
        self.rows, self.start, self.end = slice(slot, slot + 1), start, start + length
        self.positions = None
        self._reserve(self.end)

    def decode(self, positions: list[int]) -> None:
        """The next forward pass has one token for each of the first `len(positions)` slots."""
        self.rows, self.start, self.end = slice(0, len(positions)), 0, max(positions) + 1
        self.positions = torch.tensor(positions)
        self._reserve(self.end)

    def copy(self, source: int, target: int, length: int) -> None:
        """Make the first `length` tokens of `target` those of `source`."""
        for layer in self._layers:
            for pool in layer.both():
                pool[target, :, :length] = pool[source, :, :length]

    def swap(self, one: int, other: int, length: int) -> None:
        """Exchange the first `length` tokens of two slots."""
        for layer in self._layers:
            if layer.is_initialized:
                for pool in layer.both():
                    kept = pool[one, :, :length].clone()
                    pool[one, :, :length] = pool[other, :, :length]
                    pool[other, :, :length] = kept

    def _reserve(self, tokens: int) -> None:
        if tokens > self.capacity:
            self.capacity = -(-max(tokens, self.capacity * 5 // 4) // _BLOCK) * _BLOCK
            for layer in self._layers:
                layer.grow(self.capacity)
