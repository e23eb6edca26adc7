"""Sequences into rows of a token budget: best-fit packing, or groups of similar length to pad.

    pack([900, 500, 120, 480], budget=1024)       -> [[0, 2], [1, 3]]
    pad_groups([900, 500, 120, 480], budget=1024) -> [[0], [1, 3], [2]]   one sequence a row

Both are pure functions of the order they are given: shuffle before, not inside. No sequence is
cut, none is lost, none appears twice.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from deepcoder.errors import DataError

__all__ = ["efficiency", "pack", "pad_groups"]

WINDOW = 4096
"""Sequences packed together; bounds the time of packing, and a large one fills better."""


def pack(lengths: Sequence[int], budget: int, window: int = WINDOW) -> list[list[int]]:
    """Indices per bin, by best fit decreasing within windows: each sequence goes where least room
    would remain. O(n log n).

    Raises DataError when a sequence is longer than the budget.
    """
    _check(lengths, budget)
    bins: list[list[int]] = []
    for start in range(0, len(lengths), window):
        chunk = range(start, min(start + window, len(lengths)))
        room: list[tuple[int, int]] = []  # (tokens left, bin), sorted
        for index in sorted(chunk, key=lambda i: (-lengths[i], i)):
            at = bisect.bisect_left(room, (lengths[index], -1))
            if at == len(room):
                bins.append([])
                left, target = budget, len(bins) - 1
            else:
                left, target = room.pop(at)
            bins[target].append(index)
            bisect.insort(room, (left - lengths[index], target))
    return bins


def pad_groups(lengths: Sequence[int], budget: int, window: int = WINDOW) -> list[list[int]]:
    """Indices per batch, of similar length, such that rows × longest stays within the budget.

    Raises DataError when a sequence is longer than the budget.
    """
    _check(lengths, budget)
    groups: list[list[int]] = []
    for start in range(0, len(lengths), window):
        chunk = range(start, min(start + window, len(lengths)))
        group: list[int] = []
        for index in sorted(chunk, key=lambda i: (-lengths[i], i)):
            longest = lengths[group[0]] if group else lengths[index]
            if group and longest * (len(group) + 1) > budget:
                groups.append(group)
                group = []
            group.append(index)
        if group:
            groups.append(group)
    return groups


def efficiency(lengths: Sequence[int], bins: Sequence[Sequence[int]], budget: int) -> float:
    """Share of the budget that holds tokens: 1 is perfect."""
    used = sum(lengths[index] for group in bins for index in group)
    return used / (len(bins) * budget) if bins else 0.0


def _check(lengths: Sequence[int], budget: int) -> None:
    longest = max(lengths, default=0)
    if longest > budget:
        raise DataError(
            f"A trajectory has {longest} tokens and a batch holds {budget}.",
            fix=f"set data.batch_tokens={longest} or more, or lower student.max_tokens",
        )
