"""Alignment of segments to tokens in one pass. See the package docstring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from jaxtyping import Bool, Int, Int16, Int32, UInt8

from deepcoder.rendering import Rendered
from deepcoder.rendering.control import require_offsets
from deepcoder.spans.units import Units
from deepcoder.types import KINDS, WeightGroup

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["NO_STEP", "WEIGHTED", "Aligned", "align", "owned"]

NO_STEP = -1
"""Step of the tokens before the first step."""

WEIGHTED = np.array([kind.group is not WeightGroup.NONE for kind in KINDS])
"""Whether a kind code may carry loss: `WEIGHTED[kinds]`."""


SPACE = np.array([ord(letter) for letter in " \t\n\v\f\r"], np.uint32)


@dataclass(frozen=True, eq=False)
class Aligned:
    """One text as tokens; position t of each array describes token t itself.

    (The loss predicts token t from position t - 1; that shift happens there.) `straddling` marks
    the tokens that reach from one segment into the next; they belong to the first.
    """

    input_ids: Int32[np.ndarray, " tokens"]
    kinds: UInt8[np.ndarray, " tokens"]
    steps: Int16[np.ndarray, " tokens"]
    straddling: Bool[np.ndarray, " tokens"]

    @property
    def straddlers(self) -> int:
        """How many tokens straddle a border of segments."""
        return int(np.count_nonzero(self.straddling))

    @cached_property
    def weighted(self) -> Bool[np.ndarray, " tokens"]:
        """Whether each token may carry loss."""
        return WEIGHTED[self.kinds]

    def first(self, count: int) -> Aligned:
        """The first `count` tokens."""
        if count == len(self.input_ids):
            return self
        return self.part(0, count)

    def part(self, start: int, end: int) -> Aligned:
        """The tokens from `start` to before `end`."""
        span = slice(start, end)
        return Aligned(
            self.input_ids[span], self.kinds[span], self.steps[span], self.straddling[span]
        )

    @classmethod
    def joined(cls, parts: Sequence[Aligned]) -> Aligned:
        """The tokens of all parts, one after the other."""
        names = ("input_ids", "kinds", "steps", "straddling")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def align(rendered: Sequence[Rendered], tokenizer: PreTrainedTokenizerFast) -> list[Aligned]:
    """Tokenise each text once and give each token the kind of its first character.

    Chat templates write their own beginning-of-text token, so none is added. Cost is linear in the
    characters; the tokenizer's threads work on the texts of one call together. Raises ConfigError
    for a tokenizer that cannot say where its tokens stand.
    """
    backend = require_offsets(tokenizer)
    # Earlier calls of a tokenizer leave their settings behind in the backend.
    backend.no_truncation()
    backend.no_padding()
    backend.encode_special_tokens = False
    units = Units.of(tokenizer)
    aligned: list[Aligned | None] = [None] * len(rendered)
    if units is not None:
        aligned = _by_units(rendered, units)
    others = [index for index, one in enumerate(aligned) if one is None]
    texts = [rendered[index].text for index in others]
    encodings = backend.encode_batch(texts, add_special_tokens=False)
    for index, encoding in zip(others, encodings, strict=True):
        aligned[index] = _align(rendered[index], encoding)
    return cast("list[Aligned]", aligned)


def _by_units(rendered: Sequence[Rendered], units: Units) -> list[Aligned | None]:
    """Each text, by what the tokenizer said of its parts before; None where that does not do.

    Positions count through all texts, so that numpy sees them at once.
    """
    aligned: list[Aligned | None] = [None] * len(rendered)
    usable = [index for index, one in enumerate(rendered) if one.text and units.takes(one.text)]
    if not usable:
        return aligned
    chosen = [rendered[index] for index in usable]
    try:
        written = "".join(one.text for one in chosen).encode()
    except UnicodeEncodeError:  # a lone surrogate
        return aligned
    ids, counts = units.ids([one.text for one in chosen])
    ends = np.cumsum(units.bytes_of(ids))
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    sizes = np.cumsum([len(one.text) for one in chosen])
    closes = sizes
    if not written.isascii():
        # The letter that each byte is a part of; the last one is beyond all.
        letters = np.cumsum((np.frombuffer(written, np.uint8) & 0xC0) != 0x80) - 1
        closes = np.flatnonzero(np.diff(letters, append=letters[-1] + 1))[sizes - 1] + 1
    last = np.cumsum(counts)
    if len(ids) == 0 or (ends[last - 1] != closes).any():
        return aligned  # the tokenizer has no token for some byte, and lost it
    if not written.isascii():
        starts, ends = letters[starts], letters[ends - 1] + 1
    for index, one in zip(usable, _owned(chosen, ids, starts, ends, last), strict=True):
        aligned[index] = one
    return aligned


def owned(
    rendered: Rendered,
    ids: Int32[np.ndarray, " tokens"],
    sizes: Int[np.ndarray, " tokens"],
) -> Aligned:
    """One text as given tokens, of which `sizes` are the bytes of UTF-8 that each stands for."""
    ends = np.cumsum(sizes)
    starts = ends - sizes
    if not rendered.text.isascii():
        # The letter that each byte is a part of.
        written = np.frombuffer(rendered.text.encode(), np.uint8)
        letters = np.cumsum((written & 0xC0) != 0x80) - 1
        starts, ends = letters[starts], letters[ends - 1] + 1
    return _owned([rendered], ids, starts, ends, np.array([len(ids)]))[0]


def _align(rendered: Rendered, encoding: Any) -> Aligned:
    ids = np.array(encoding.ids, dtype=np.int32)
    flat = np.fromiter(chain.from_iterable(encoding.offsets), np.int32, 2 * len(ids))
    if not len(ids):
        nothing = np.zeros(0, bool)
        return Aligned(ids, nothing.astype(np.uint8), nothing.astype(np.int16), nothing)
    starts, ends = _cover(rendered.text, flat[0::2], flat[1::2])
    return _owned([rendered], ids, starts, ends, np.array([len(ids)]))[0]


def _owned(
    rendered: Sequence[Rendered],
    ids: Int32[np.ndarray, " tokens"],
    starts: Int[np.ndarray, " tokens"],
    ends: Int[np.ndarray, " tokens"],
    last: Int[np.ndarray, " texts"],
) -> list[Aligned]:
    """Tokens of one or several texts, of which `last` are the ends, with the kinds of the segments
    of their first characters. Positions count through all texts."""
    begins, ends_at, of_kind, of_step = zip(
        *chain.from_iterable(one.segments for one in rendered), strict=True
    )
    closes = np.cumsum(np.array(ends_at) - np.array(begins))
    codes = np.array([kind.code for kind in of_kind], np.uint8)
    numbers = np.array([NO_STEP if step is None else step for step in of_step], np.int16)
    owner = np.searchsorted(closes, starts, side="right")  # segment of the first character
    kinds, steps, straddling = codes[owner], numbers[owner], ends > closes[owner]
    bounds = [0, *last.tolist()]
    return [Aligned(ids[a:b], kinds[a:b], steps[a:b], straddling[a:b]) for a, b in pairwise(bounds)]


def _cover(
    text: str, starts: Int32[np.ndarray, " tokens"], ends: Int32[np.ndarray, " tokens"]
) -> tuple[Int32[np.ndarray, " tokens"], Int32[np.ndarray, " tokens"]]:
    """Offsets that leave no character out.

    Space that a tokenizer trims off a token's range belongs to that token; anything else between
    two ranges (an accent that normalisation merged into its letter) belongs to the earlier one.
    Tokens that share one character, such as the bytes of an emoji, all have its range.
    """
    ends = np.maximum.accumulate(ends)
    before = np.concatenate([np.zeros(1, np.int32), ends[:-1]])[: len(starts)]
    gaps = np.flatnonzero(starts > before)
    if len(gaps):
        letters = np.frombuffer(text.encode("utf-32-le"), np.uint32)
        trimmed = np.isin(letters[before[gaps]], SPACE) | (gaps == 0)
        starts, ends = starts.copy(), ends.copy()
        starts[gaps[trimmed]] = before[gaps[trimmed]]
        merged = gaps[~trimmed]
        ends[merged - 1] = starts[merged]
    return starts, ends
