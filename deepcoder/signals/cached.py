"""Signals that the `score` stage wrote before: nothing of the teacher is loaded while training.

signal = CachedSignal(SignalCache(folder, key), vocabulary.mask)
rows = signal(batch)     # SparseRows or ChunkRows of the batch's targets
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from deepcoder.losses.names import SparseScheme
from deepcoder.losses.rows import ChunkRows, SparseRows
from deepcoder.signals.cache import SignalCache
from deepcoder.students.batch import TokenBatch

__all__ = ["CachedSignal"]


class CachedSignal:
    """Reads the rows of a batch by their places in the cache."""

    kind = "cached"

    def __init__(self, cache: SignalCache, mask: Tensor | None = None) -> None:
        """`mask`: -inf for the tokens that only one of teacher and student knows."""
        self.cache = cache
        self.mask = mask

    @property
    def approximate(self) -> bool:
        """Whether the teacher had another tokenizer."""
        layout = self.cache.layout
        return layout.chunks or layout.scheme is SparseScheme.sorted

    def to(self, device: torch.device) -> CachedSignal:
        """Rows go to the device of the batch; the files stay where they are."""
        return self

    def __call__(self, batch: TokenBatch) -> SparseRows | ChunkRows:
        assert batch.signal_rows is not None, "the batch does not say where its targets are stored"
        rows = self.cache.read(batch.signal_rows.numpy())
        device = batch.targets.device
        if isinstance(rows, ChunkRows):
            return ChunkRows(rows.chunks.to(device), rows.log_probs.to(device))
        width = None if rows.scheme is SparseScheme.sorted else rows.width
        return replace(rows, width=width, mask=self.mask).to(device)
