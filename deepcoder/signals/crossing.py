"""A teacher of another tokenizer: where both begin a token at the same place of the text.

    stretches = common_stretches(student_offsets, teacher_offsets)   # [(s0, s1, t0, t1), …]

Student tokens [s0, s1) and teacher tokens [t0, t1) spell the same piece of text, and no shorter
pieces inside do. Boundaries are compared by where tokens end; one inside a character (byte-level
tokens may cut an emoji) is none. What becomes of the stretches is an approximation of the teacher:
see `deepcoder.losses.chunks` and `SparseScheme.sorted`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deepcoder.errors import DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["Crossing", "common_stretches", "cross"]

Offsets = Sequence[tuple[int, int]]
"""Characters [start, end) of every token."""


@dataclass(frozen=True)
class Crossing:
    """One text in both tokenizers."""

    teacher_ids: list[int]
    stretches: list[tuple[int, int, int, int]]
    """Tokens [s0, s1) of the student and [t0, t1) of the teacher."""


def cross(
    ids: Sequence[int], student: PreTrainedTokenizerFast, teacher: PreTrainedTokenizerFast
) -> Crossing:
    """The student's tokens and the teacher's own tokens of the same text.

    Control tokens of the student are plain text to a teacher that does not have them. Raises
    DataError when the text of the ids does not encode to these ids again.
    """
    text = student.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    ours = student(text, add_special_tokens=False, return_offsets_mapping=True)
    if ours["input_ids"] != list(ids):
        raise DataError(
            "an example's tokens are not those of its own text, so it cannot be aligned with "
            "another tokenizer.",
            fix="prepare it again with this student, or use a teacher of the same tokenizer",
        )
    theirs = teacher(text, add_special_tokens=False, return_offsets_mapping=True)
    stretches = common_stretches(ours["offset_mapping"], theirs["offset_mapping"])
    return Crossing(theirs["input_ids"], stretches)


def common_stretches(student: Offsets, teacher: Offsets) -> list[tuple[int, int, int, int]]:
    """
    >>> common_stretches([(0, 2), (2, 3), (3, 6)], [(0, 3), (3, 4), (4, 6)])
    [(0, 2, 0, 1), (2, 3, 1, 3)]
    """
    theirs = _clean_ends(teacher)
    stretches, s0, t0 = [], 0, 0
    for end, s1 in _clean_ends(student).items():
        t1 = theirs.get(end)
        if t1 is None:
            continue
        stretches.append((s0, s1, t0, t1))
        s0, t0 = s1, t1
    return stretches


def _clean_ends(offsets: Offsets) -> dict[int, int]:
    """Where in the text the first n tokens end, to n, unless a later token begins before that."""
    ends: dict[int, int] = {}
    least = offsets[-1][1] if offsets else 0
    for n in range(len(offsets), 0, -1):
        if offsets[n - 1][1] <= least:
            ends[offsets[n - 1][1]] = n
        least = min(least, offsets[n - 1][0])
    return dict(sorted(ends.items()))
