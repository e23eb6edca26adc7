"""The prepared examples in memory: token ids and span kinds of every trajectory, as flat arrays.

    train, validation = load_examples(Path("runs/prepare/.../examples.parquet"))
    ids, kinds = train[3]

One array per column and an array of offsets: no Python object per token. Truncation, splitting
and rejection happened in `deepcoder.prepare`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8

from deepcoder.errors import DataError
from deepcoder.types import KINDS, WeightGroup

__all__ = ["SAMPLED", "Examples", "load_examples"]

SAMPLED = np.array([kind.group is not WeightGroup.NONE for kind in KINDS])
"""Which kinds a student samples itself, and which can therefore carry loss, by code."""


@dataclass(frozen=True)
class Examples:
    """Sequences of one split."""

    ids: tuple[str, ...]
    input_ids: Int[np.ndarray, " tokens"]
    """All sequences one after the other."""
    kinds: UInt8[np.ndarray, " tokens"]
    """`SpanKind.code` of every token."""
    offsets: Int[np.ndarray, " bounds"]
    """Sequence i is [offsets[i], offsets[i + 1])."""
    sources: tuple[str, ...] = ()
    """Name in `data.mixture` per sequence; none for a single source."""
    solved: tuple[bool | None, ...] = ()
    """Whether its trajectory solved the problem; None where nobody judged it."""
    first_row: int = 0
    """Place in a signal cache of the first target that can carry loss."""

    @classmethod
    def of(cls, rows: Sequence[tuple[str, Any, Any]]) -> Examples:
        """From (id, token ids, kinds) per sequence."""
        lengths = [len(row[1]) for row in rows]
        empty = [np.zeros(0, dtype=np.int64)]
        return cls(
            tuple(row[0] for row in rows),
            np.concatenate(empty + [np.asarray(row[1], dtype=np.int64) for row in rows]),
            np.concatenate(empty + [np.asarray(row[2]) for row in rows]).astype(np.uint8),
            np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64),
        )

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(
        self, index: int
    ) -> tuple[Int[np.ndarray, " tokens"], UInt8[np.ndarray, " tokens"]]:
        span = slice(self.offsets[index], self.offsets[index + 1])
        return self.input_ids[span], self.kinds[span]

    @property
    def lengths(self) -> list[int]:
        return np.diff(self.offsets).tolist()

    @cached_property
    def signal_starts(self) -> Int[np.ndarray, " bounds"]:
        """Place in a signal cache of each example's first target that can carry loss, and of what
        follows the last example."""
        counts = self.target_counts()[:, SAMPLED].sum(axis=1)
        return self.first_row + np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    def target_means(
        self, values: Float[np.ndarray, " positions"]
    ) -> Float[np.ndarray, " examples"]:
        """Mean per example over its targets that can carry loss, of values in the order of a signal
        cache. nan is left out; 0 where nothing is left."""
        means = np.zeros(len(self))
        for index, (first, end) in enumerate(pairwise(self.signal_starts.tolist())):
            known = values[first:end]
            known = known[~np.isnan(known)]
            if len(known):
                means[index] = known.mean(dtype=np.float64)
        return means

    def target_counts(self) -> Int[np.ndarray, "examples kinds"]:
        """Target tokens per example and span kind. The first token of a sequence is no target."""
        counts = np.zeros((len(self), len(KINDS)), dtype=np.int64)
        for index in range(len(self)):
            _, kinds = self[index]
            counts[index] = np.bincount(kinds[1:], minlength=len(KINDS))
        return counts


def load_examples(path: Path) -> tuple[Examples, Examples]:
    """The train and validation splits of a prepared file. In a signal cache, the targets of the
    one come before those of the other.

    Raises DataError when it cannot be read or holds no training example.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = ["id", "split", "input_ids", "kinds", "source", "solved"]
    try:
        table = pq.read_table(path, columns=columns)
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            f"{path} cannot be read ({error}).",
            fix="remove its folder; the next run prepares it again",
        ) from error
    splits = np.array(table["split"].to_pylist(), dtype=object)
    train = _take(table, np.flatnonzero(splits == "train"))
    if not len(train):
        raise DataError(
            f"{path} holds no example to train on.",
            fix="look at rejected.jsonl beside it for what was left out and why",
        )
    validation = _take(table, np.flatnonzero(splits == "validation"))
    return train, replace(validation, first_row=int(train.signal_starts[-1]))


def _take(table: Any, rows: Int[np.ndarray, " rows"]) -> Examples:
    part = table.take(rows).combine_chunks()
    chunk = {name: part[name].combine_chunks() for name in ("input_ids", "kinds")}
    if not len(rows):
        return Examples.of([])
    lengths = np.asarray(chunk["input_ids"].value_lengths())
    return Examples(
        tuple(part["id"].to_pylist()),
        chunk["input_ids"].flatten().to_numpy(zero_copy_only=False).astype(np.int64),
        chunk["kinds"].flatten().to_numpy(zero_copy_only=False).astype(np.uint8),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        tuple(part["source"].to_pylist()),
        tuple(part["solved"].to_pylist()),
    )
