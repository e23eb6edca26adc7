"""Between the rows of a loss and the columns of a file: quantise, pack, and back.

    layout = Layout(SparseScheme.tail, vocabulary=49152, k=64)
    columns = encode(rows, layout)          # numpy arrays, ready to be written
    rows = decode(columns, layout, places)  # SparseRows or ChunkRows of any rows of them

Bytes a position, V = 151,936: tail with k = 64 in float16 is 144 (ids of 18 bits) + 128 + 2 (tail)
+ 2 (target) + 2 (entropy) = 278. `sampled` keeps equal draws once, with their number: 3 bytes for
each token that was drawn at all, and 5 for the rest.

Rounded probabilities do not add up to 1 any more, and the divergences rely on that: reading divides
by their sum.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from deepcoder.losses.names import SparseScheme
from deepcoder.losses.rows import ChunkRows, SparseRows
from deepcoder.signals.bits import bits_for, pack, packed_width, unpack, unpack_at

__all__ = ["Columns", "Layout", "decode", "encode", "row_starts"]

Columns = dict[str, np.ndarray]
"""One array per column; the first axis counts positions (of `entries`, bytes)."""

LEAST = -60.0
"""Log-probabilities below are stored as this: exp(-60) is 1e-26."""


@dataclass(frozen=True)
class Layout:
    """What a position holds. `chunks` is a teacher of another tokenizer; see ChunkRows."""

    scheme: SparseScheme
    vocabulary: int
    """Token ids from 0 that teacher and student share."""
    k: int = 0
    draws: int = 0
    values: str = "float16"
    chunks: bool = False

    @property
    def bits(self) -> int:
        """Of one token id, and of the number of its draws."""
        return bits_for(self.vocabulary) + (bits_for(self.draws + 1) if self.sampled else 0)

    @property
    def sampled(self) -> bool:
        return self.scheme is SparseScheme.sampled and not self.chunks

    def expected_bytes(self) -> float:
        """Bytes of a position; for `sampled` with the 12 different tokens that 50 draws take of a
        language model (measured: docs/benchmarks.md), which vary with it."""
        if self.chunks:
            return 5.0
        if self.sampled:
            return 5 + packed_width(round(12 * self.draws / 50) or 1, self.bits)
        width = {"float16": 2, "float32": 4, "uint8": 1}[self.values]
        ids = 0 if self.scheme is SparseScheme.sorted else packed_width(self.k, self.bits)
        tail = 0 if self.scheme is SparseScheme.renormalised else 2
        return ids + self.k * width + (4 if self.values == "uint8" else 0) + tail + 4

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "scheme": str(self.scheme)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Layout:
        return cls(**{**values, "scheme": SparseScheme(values["scheme"])})


def encode(rows: SparseRows | ChunkRows, layout: Layout) -> Columns:
    """Columns of these rows."""
    if isinstance(rows, ChunkRows):
        return _encode_chunks(rows)
    columns: Columns = {}
    for name in ("log_target", "entropy"):
        part = getattr(rows, name)
        if part is not None:
            columns[name] = _numbers(part, layout)
    if rows.unknown is not None:
        columns["unknown"] = rows.unknown.numpy().astype(np.uint8)
    if layout.sampled:
        return columns | _encode_draws(rows, layout)
    if layout.scheme is not SparseScheme.sorted:
        columns["ids"] = pack(rows.ids.numpy().astype(np.int64), layout.bits)
    if rows.log_tail is not None:
        columns["log_tail"] = _numbers(rows.log_tail, layout)
    values = rows.log_probs.float().clamp(min=LEAST).numpy()
    if layout.values != "uint8":
        return columns | {"values": values.astype(layout.values)}
    low, high = values.min(1).astype(np.float16), values.max(1).astype(np.float16)
    span = np.maximum((high - low).astype(np.float32), 1e-6)
    levels = np.rint((values - low[:, None].astype(np.float32)) / span[:, None] * 255)
    columns["range"] = np.stack([low, high], axis=1)
    return columns | {"values": levels.clip(0, 255).astype(np.uint8)}


def decode(
    columns: Columns,
    layout: Layout,
    places: Int[np.ndarray, " rows"],
    starts: Int[np.ndarray, " positions"] | None = None,
) -> SparseRows | ChunkRows:
    """The rows at `places`, distributions summing to 1. `starts`: from `row_starts`, to spare
    adding up the lengths of all rows before."""
    if layout.chunks:
        return _decode_chunks(columns, places)
    more: dict[str, Any] = {
        name: torch.from_numpy(columns[name][places].astype(np.float32))
        for name in ("log_target", "entropy", "log_tail")
        if name in columns
    }
    if "unknown" in columns:
        more["unknown"] = torch.from_numpy(columns["unknown"][places].astype(bool))
    if layout.sampled:
        starts = row_starts(columns, layout) if starts is None else starts
        ids, weights = _decode_draws(columns, layout, places, starts)
        return SparseRows(ids, weights, layout.scheme, width=layout.vocabulary, **more)
    values = columns["values"][places].astype(np.float32)
    if layout.values == "uint8":
        low, high = columns["range"][places].astype(np.float32).T
        values = low[:, None] + values * (np.maximum(high - low, 1e-6) / 255)[:, None]
    log_probs = torch.from_numpy(values)
    if layout.scheme is SparseScheme.sorted:
        ids = torch.zeros(log_probs.shape, dtype=torch.int64)
    else:
        ids = torch.from_numpy(unpack(columns["ids"][places], layout.k, layout.bits))
    if "log_tail" in more:
        total = torch.cat([log_probs, more["log_tail"][:, None]], dim=1).logsumexp(1)
        more["log_tail"] = more["log_tail"] - total
        log_probs = log_probs - total[:, None]
    return SparseRows(ids, log_probs, layout.scheme, width=layout.vocabulary, **more)


def _numbers(part: Float[Tensor, " rows"], layout: Layout) -> np.ndarray:
    kind = np.float32 if layout.values == "float32" else np.float16
    return part.float().numpy().astype(kind)


# ------------------------------------------------------------------------------- draws


def _encode_draws(rows: SparseRows, layout: Layout) -> Columns:
    """Each different token once: id in the low bits, number of draws above."""
    counts = torch.round(rows.log_probs.double().exp() * layout.draws).long().numpy()
    used = counts > 0
    order = np.argsort(~used, axis=1, kind="stable")  # used slots first
    ids = np.take_along_axis(rows.ids.numpy().astype(np.int64), order, axis=1)
    counts = np.take_along_axis(counts, order, axis=1)
    entries = np.where(counts > 0, ids | (counts << bits_for(layout.vocabulary)), 0)
    number = used.sum(1)
    packed = pack(entries, layout.bits)
    widths = -(-number * layout.bits // 8)
    inside = np.arange(packed.shape[1])[None] < widths[:, None]
    return {"number": number.astype(np.uint8), "entries": packed[inside]}


def row_starts(columns: Columns, layout: Layout) -> Int[np.ndarray, " positions"]:
    """Byte of `entries` at which each position begins."""
    widths = -(-columns["number"].astype(np.int64) * layout.bits // 8)
    return np.concatenate([[0], np.cumsum(widths)[:-1]]).astype(np.int64)


def _decode_draws(
    columns: Columns,
    layout: Layout,
    places: Int[np.ndarray, " rows"],
    starts: Int[np.ndarray, " positions"],
) -> tuple[Int[Tensor, "rows k"], Float[Tensor, "rows k"]]:
    number = columns["number"][places].astype(np.int64)
    most = int(number.max(initial=1))
    entries = unpack_at(columns["entries"], starts[places], most, layout.bits)
    entries = np.where(np.arange(most)[None] < number[:, None], entries, 0)
    split = bits_for(layout.vocabulary)
    ids, counts = entries & ((1 << split) - 1), entries >> split
    weights = torch.from_numpy(counts.astype(np.float64)).log() - np.log(layout.draws)
    return torch.from_numpy(ids), weights.float()


# -------------------------------------------------------------------------- stretches


def _encode_chunks(rows: ChunkRows) -> Columns:
    """The number of a row's stretch modulo 255; 255 is no stretch. Rows are in order of the text,
    so that neighbours of different stretches have different marks."""
    chunks = rows.chunks.numpy().astype(np.int64)
    values = rows.log_probs.float().numpy()
    per_row = np.where(chunks >= 0, values[chunks.clip(min=0)] if len(values) else 0, 0)
    marks = np.where(chunks >= 0, chunks % 255, 255).astype(np.uint8)
    return {"mark": marks, "values": per_row.astype(np.float32)}


def _decode_chunks(columns: Columns, places: Int[np.ndarray, " rows"]) -> ChunkRows:
    """A stretch of which not every row is asked for cannot be compared: its rows get -1."""
    every = np.concatenate([[255], columns["mark"], [255]]).astype(np.int64)
    marks = every[places + 1]
    joined = (marks[1:] == marks[:-1]) & (np.diff(places) == 1)
    begins = np.concatenate([[True], ~joined])[: len(places)]
    ends = np.concatenate([~joined, [True]])[: len(places)]
    number = np.cumsum(begins) - 1  # of the run of equal marks
    cut = (begins & (every[places] == marks)) | (ends & (every[places + 2] == marks))
    whole = (np.bincount(number, weights=cut, minlength=number.max(initial=-1) + 1) == 0)[number]
    covered = whole & (marks != 255)
    first = covered & begins
    chunks = np.where(covered, np.cumsum(first) - 1, -1)
    values = columns["values"][places][first].astype(np.float32)
    return ChunkRows(torch.from_numpy(chunks), torch.from_numpy(values))
