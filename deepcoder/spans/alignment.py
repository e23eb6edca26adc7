"""Alignment of segments to tokens in one pass. See the package docstring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Int16, Int32, UInt8

from deepcoder.errors import ConfigError
from deepcoder.rendering import Rendered
from deepcoder.types import KINDS, WeightGroup

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["NO_STEP", "WEIGHTED", "Aligned", "align"]

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

    @property
    def weighted(self) -> Bool[np.ndarray, " tokens"]:
        """Whether each token may carry loss."""
        return WEIGHTED[self.kinds]

    def first(self, count: int) -> Aligned:
        """The first `count` tokens."""
        return Aligned(
            self.input_ids[:count], self.kinds[:count], self.steps[:count], self.straddling[:count]
        )


def align(rendered: Sequence[Rendered], tokenizer: PreTrainedTokenizerFast) -> list[Aligned]:
    """Tokenise each text once and give each token the kind of its first character.

    Chat templates write their own beginning-of-text token, so none is added. Cost is linear in the
    characters; the tokenizer's threads work on the texts of one call together. Raises ConfigError
    for a tokenizer that cannot say where its tokens stand.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ConfigError(
            f"The tokenizer {type(tokenizer).__name__} gives no character offsets, without which "
            "spans cannot be exact.",
            fix="choose a student with a fast tokenizer (a tokenizer.json)",
        )
    # Earlier calls of a tokenizer leave their settings behind in the backend.
    backend.no_truncation()
    backend.no_padding()
    backend.encode_special_tokens = False
    encodings = backend.encode_batch([one.text for one in rendered], add_special_tokens=False)
    return [_align(one, encoding) for one, encoding in zip(rendered, encodings, strict=True)]


def _align(rendered: Rendered, encoding: Any) -> Aligned:
    ids = np.array(encoding.ids, dtype=np.int32)
    flat = np.fromiter(chain.from_iterable(encoding.offsets), np.int32, 2 * len(ids))
    starts, ends = _cover(rendered.text, flat[0::2], flat[1::2])
    segments = rendered.segments
    borders = np.array([segment.start for segment in segments], dtype=np.int32)
    closes = np.array([segment.end for segment in segments], dtype=np.int32)
    kinds = np.array([segment.kind.code for segment in segments], dtype=np.uint8)
    steps = np.array(
        [NO_STEP if segment.step is None else segment.step for segment in segments], dtype=np.int16
    )
    owner = np.searchsorted(borders, starts, side="right") - 1  # segment of the first character
    return Aligned(
        input_ids=ids,
        kinds=kinds[owner],
        steps=steps[owner],
        straddling=ends > closes[owner],
    )


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
