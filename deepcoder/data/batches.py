"""Tensors of one micro-batch: rows of documents, positions that restart, and where the loss looks.

    batch = collate(examples, MicroBatch(((0, 4, 2),)), supervised=table, ...)

Index arithmetic, once: in a document that begins at `start`, token t (t ≥ 1) is predicted from
position start + t - 1. A row's index in the flattened batch is row · width + position. The token
at t = 0 is never a target, so nothing is ever predicted from a neighbour.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Bool

from deepcoder.data.examples import SAMPLED, Examples
from deepcoder.data.planner import MicroBatch
from deepcoder.students.batch import TokenBatch
from deepcoder.types import WeightGroup

__all__ = ["collate"]


def collate(
    examples: Examples,
    micro: MicroBatch,
    supervised: Bool[np.ndarray, " kinds"],
    denominators: Mapping[WeightGroup, float],
    *,
    step: int = 0,
    index: int = 0,
    pad_id: int = 0,
    left: bool = False,
) -> TokenBatch:
    """One micro-batch. `supervised[code]` says which span kinds carry loss.

    Rows are filled with `pad_id` to the longest, on the right or the `left`. An empty micro-batch
    becomes one padding token without targets, so that every rank still runs its forward pass.
    """
    rows = micro.rows or ((),)
    widths = [sum(len(examples[i][0]) for i in row) for row in rows]
    width = max(*widths, 1)
    input_ids = np.full((len(rows), width), pad_id, dtype=np.int64)
    positions = np.zeros((len(rows), width), dtype=np.int64)
    documents, sources, targets, kinds, places = [], [], [], [], []
    for number, row in enumerate(rows):
        at = width - widths[number] if left else 0
        spans = []
        for i in row:
            ids, codes = examples[i]
            end = at + len(ids)
            input_ids[number, at:end] = ids
            positions[number, at:end] = np.arange(len(ids))
            spans.append((at, end))
            hits = np.flatnonzero(supervised[codes[1:]])  # hit h: token h + 1, from position h
            sources.append(number * width + at + hits)
            targets.append(ids[hits + 1])
            kinds.append(codes[hits + 1])
            places.append(examples.signal_starts[i] + np.cumsum(SAMPLED[codes[1:]])[hits] - 1)
            at = end
        documents.append(tuple(spans) or ((0, 1),))
    return TokenBatch(
        input_ids=torch.from_numpy(input_ids),
        position_ids=torch.from_numpy(positions),
        documents=tuple(documents),
        rows=_joined(sources, np.int64),
        targets=_joined(targets, np.int64),
        kinds=_joined(kinds, np.uint8),
        denominators=dict(denominators),
        step=step,
        micro=index,
        example_ids=tuple(examples.ids[i] for i in micro.examples),
        signal_rows=_joined(places, np.int64),
    )


def _joined(parts: list[np.ndarray], dtype: type[np.generic]) -> torch.Tensor:
    return torch.from_numpy(np.concatenate([np.zeros(0, dtype), *parts]).astype(dtype))
