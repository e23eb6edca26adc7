"""Every optimizer step beforehand: its sequences, its micro-batches, its ranks, its denominators.

A loss that is a mean per span kind must know how many reasoning and acting tokens the whole
optimizer step holds before its first micro-batch runs; otherwise the gradient depends on how the
step is cut. So the plan is made first, as a pure function of the seed (and of an `Order`, where
examples are balanced, mixed or taken from easy to hard), and training only follows it. The same
property makes resuming exact: step k is the same whoever asks for it, and when.

    planner = StepPlanner(lengths, counts, BatchSettings(batch_tokens=2048))
    for step in planner.steps():
        for rank, micro_batches in enumerate(step.ranks): ...

Every step has `accumulate` micro-batches on each of `ranks` ranks. Where an epoch ends in the
middle of a step, the rest of that step's micro-batches are empty: no sequence is counted twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from deepcoder.data.packing import efficiency, pack, pad_groups
from deepcoder.data.sampling import Order
from deepcoder.errors import DataError

__all__ = ["BatchSettings", "MicroBatch", "Step", "StepPlanner"]


NEAR_STEPS = 8
"""Optimizer steps within which a curriculum's sequences may change places to fill their rows."""


@dataclass(frozen=True)
class BatchSettings:
    """How sequences are batched. All of it decides the result, together with the seed."""

    batch_tokens: int
    """Tokens per micro-batch: filled by packing, respected by padding."""
    packing: bool = True
    accumulate: int = 1
    """Micro-batches per optimizer step on each rank."""
    ranks: int = 1
    epochs: int = 1
    max_steps: int = -1
    """Optimizer steps to stop after; -1 does all epochs."""
    seed: int = 0


@dataclass(frozen=True)
class MicroBatch:
    """Indices of examples: one row per inner tuple when padding, one row in all when packing."""

    rows: tuple[tuple[int, ...], ...]

    @property
    def examples(self) -> tuple[int, ...]:
        return tuple(itertools.chain.from_iterable(self.rows))


@dataclass(frozen=True)
class Step:
    """One optimizer step."""

    index: int
    epoch: int
    ranks: tuple[tuple[MicroBatch, ...], ...]
    """Per rank, its micro-batches in order."""
    counts: Int[np.ndarray, " kinds"]
    """Target tokens per span kind over the whole step."""

    @property
    def examples(self) -> tuple[int, ...]:
        return tuple(i for rank in self.ranks for micro in rank for i in micro.examples)


class StepPlanner:
    """The plan of a whole training, made an epoch at a time and kept."""

    def __init__(
        self,
        lengths: Sequence[int],
        counts: Int[np.ndarray, "examples kinds"],
        settings: BatchSettings,
        order: Callable[[int], Order] | None = None,
    ) -> None:
        """`lengths` in tokens; `counts[i]`: target tokens of example i per span kind.

        `order` is called with the draws that the whole training will make; null shuffles every
        epoch.

        Raises DataError when there is nothing to train on or a sequence exceeds the budget.
        """
        if not len(lengths):
            raise DataError(
                "There is no example to train on.",
                fix="look at the `prepare` run: its rejected.jsonl says what was left out and why",
            )
        self.lengths = [int(length) for length in lengths]
        self.counts = np.asarray(counts, dtype=np.int64)
        self.settings = settings
        self._order = None if order is None else order(self._draws())
        self._steps: list[Step] = []
        for epoch in range(settings.epochs):
            if 0 <= settings.max_steps <= len(self._steps):
                break
            self._steps += self._plan_epoch(epoch)
        if settings.max_steps >= 0:
            del self._steps[settings.max_steps :]

    @property
    def total_steps(self) -> int:
        return len(self._steps)

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of the first epoch (they may differ by one or two between epochs)."""
        return sum(step.epoch == 0 for step in self._steps)

    def steps(self, start: int = 0) -> Iterator[Step]:
        """The steps from `start` on."""
        return itertools.islice(self._steps, start, None)

    def fill(self) -> float:
        """Share of the token budget that holds tokens, over the whole plan."""
        used = sum(self.lengths[i] for step in self._steps for i in step.examples)
        micro = sum(bool(m.rows) for step in self._steps for rank in step.ranks for m in rank)
        return used / (micro * self.settings.batch_tokens) if micro else 0.0

    def _draws(self) -> int:
        """Sequences that the training will take: all epochs, or about as many as fill max_steps."""
        settings = self.settings
        every = len(self.lengths) * settings.epochs
        if settings.max_steps < 0:
            return every
        return min(every, round(settings.max_steps * self._per_step()) or 1)

    def _per_step(self) -> float:
        """Sequences that fit an optimizer step, about."""
        settings = self.settings
        budget = settings.batch_tokens * settings.accumulate * settings.ranks
        return budget * len(self.lengths) / max(sum(self.lengths), 1)

    def _plan_epoch(self, epoch: int) -> list[Step]:
        settings = self.settings
        generator = np.random.default_rng([settings.seed, epoch])
        if self._order is None:
            order = generator.permutation(len(self.lengths)).tolist()
        else:
            order = self._order.epoch()
        # An order that means something is kept: sequences are packed with near neighbours only.
        keeps = self._order is not None and self._order.sorted
        window = max(1, round(NEAR_STEPS * self._per_step())) if keeps else len(order)
        groups = []
        for start in range(0, len(order), window):
            groups += self._arrange(order[start : start + window], generator)
        micro = [_micro_batch(group, settings.packing) for group in groups]
        size = settings.accumulate * settings.ranks
        first = len(self._steps)
        return [
            self._step(first + n, epoch, micro[at : at + size])
            for n, at in enumerate(range(0, len(micro), size))
        ]

    def _arrange(self, order: list[int], generator: np.random.Generator) -> list[list[int]]:
        """Groups of examples that share a micro-batch, in random order."""
        arrange = pack if self.settings.packing else pad_groups
        lengths = [self.lengths[i] for i in order]
        groups = [
            [order[i] for i in group] for group in arrange(lengths, self.settings.batch_tokens)
        ]
        return [groups[i] for i in generator.permutation(len(groups))]

    def _step(self, index: int, epoch: int, micro: list[MicroBatch]) -> Step:
        settings = self.settings
        empty = [MicroBatch(())] * (settings.accumulate * settings.ranks - len(micro))
        dealt = micro + empty
        ranks = tuple(tuple(dealt[rank :: settings.ranks]) for rank in range(settings.ranks))
        examples = [i for batch in micro for i in batch.examples]
        return Step(index, epoch, ranks, self.counts[examples].sum(axis=0))


def _micro_batch(group: list[int], packing: bool) -> MicroBatch:
    return MicroBatch((tuple(group),) if packing else tuple((index,) for index in group))


def packing_report(lengths: Sequence[int], budget: int) -> float:
    """Efficiency that packing reaches on these lengths at this budget, for a log line."""
    return efficiency(lengths, pack(lengths, budget), budget)
