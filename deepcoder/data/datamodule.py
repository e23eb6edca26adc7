"""The micro-batches of a training, offered to Lightning, resumable at any optimizer step.

    data = TrajectoryDataModule(prepared, cfg.loss, settings, pad_id=tokenizer.pad_token_id)
    trainer.fit(module, datamodule=data)

`prepared` is a function that returns the path of examples.parquet; the `train` stage passes one
that runs `prepare` when the file is missing or stale. All epochs of the plan are one pass of
Lightning's loop (give the Trainer `max_epochs=1`): then the position in the data is
global_step · accumulate, and a resumed run continues with exactly the micro-batch it would have
seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
from jaxtyping import Bool, Float, Int

from deepcoder.config.names import Balance, Pacing
from deepcoder.data.batches import collate
from deepcoder.data.examples import SAMPLED, Examples, load_examples
from deepcoder.data.packing import pack, pad_groups
from deepcoder.data.planner import BatchSettings, MicroBatch, StepPlanner
from deepcoder.data.sampling import Curriculum, Order, complexity, length_buckets, strata
from deepcoder.errors import ConfigError, DataError
from deepcoder.losses import denominators, shuffle_kinds
from deepcoder.losses.kinds import GROUPS, kind_table
from deepcoder.students.batch import TokenBatch

__all__ = ["MicroBatches", "TrajectoryDataModule", "ValidationBatches"]

# Validation measures every kind that a student samples, whatever the loss weighs, so that arms
# can be compared; its sums are divided by its own counts later.
_ONES = dict.fromkeys(GROUPS, 1.0)


class TrajectoryDataModule(pl.LightningDataModule):
    """Plans and batches prepared examples for one loss configuration."""

    def __init__(
        self,
        prepared: Callable[[], Path],
        loss: Any,
        settings: BatchSettings,
        *,
        pad_id: int = 0,
        sampling: Any = None,
        entropies: Callable[[], Float[np.ndarray, " positions"] | None] | None = None,
    ) -> None:
        """`loss`: the config group, which decides what is supervised and the denominators.
        `sampling`: the `data` group, for its mixture, balance and curriculum; null has none.
        `entropies`: the teacher's, in the order of a signal cache, asked for only by a curriculum
        that weighs them."""
        super().__init__()
        self._prepared = prepared
        self.loss = loss
        self.settings = settings
        self.pad_id = pad_id
        self._sampling = sampling
        self._entropies = entropies
        self.planner: StepPlanner | None = None

    def setup(self, stage: str | None = None) -> None:
        """Read the examples and plan every step. Raises DataError when nothing can be trained."""
        if self.trainer is not None and self.trainer.world_size != self.settings.ranks:
            raise ConfigError(
                f"{self.trainer.world_size} processes train, and the plan was made for "
                f"{self.settings.ranks}.",
                fix="set trainer.devices and trainer.num_nodes to what the launcher starts",
            )
        if self.planner is not None:
            return
        self.train, self.validation = load_examples(self._prepared())
        entropy = self._mean_entropy()
        if self.loss.shuffle_spans:
            self.train = _shuffled(self.train, self.settings.seed)
        counts = self.train.target_counts()
        order = make_order(self.train, counts, self._sampling, self.settings.seed, entropy)
        self.planner = StepPlanner(self.train.lengths, counts, self.settings, order)
        self.supervised: Bool[np.ndarray, " kinds"] = kind_table(self.loss).numpy() > 0
        if not self.planner.counts.sum(axis=0)[self.supervised].any():
            raise ConfigError(
                f"loss={self.loss.name} gives weight to no token of the training examples.",
                fix="raise loss.reason_weight or loss.act_weight, or look at the kinds that "
                "`prepare` counted",
            )

    def _mean_entropy(self) -> Float[np.ndarray, " examples"] | None:
        """The teacher's mean entropy over each example's targets, if the curriculum weighs it."""
        data = self._sampling
        if data is None or self._entropies is None or not weighs_entropy(data.curriculum):
            return None
        values = self._entropies()
        return None if values is None else self.train.target_means(values)

    def train_dataloader(self) -> MicroBatches:
        trainer = self.trainer
        rank = trainer.global_rank if trainer is not None else 0
        return MicroBatches(self, rank)

    def val_dataloader(self) -> ValidationBatches:
        """The held-out examples, every rank its share."""
        trainer = self.trainer
        rank, ranks = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
        return ValidationBatches(list(self.validation_batches(rank, ranks)))

    def validation_batches(self, rank: int = 0, ranks: int = 1) -> Iterator[TokenBatch]:
        """Micro-batches of the validation split in a fixed order; every sampled kind counts."""
        arrange = pack if self.settings.packing else pad_groups
        groups = arrange(self.validation.lengths, self.settings.batch_tokens)
        for group in groups[rank::ranks]:
            rows = (tuple(group),) if self.settings.packing else tuple((i,) for i in group)
            yield collate(self.validation, MicroBatch(rows), SAMPLED, _ONES, pad_id=self.pad_id)

    def micro_batches(self, rank: int, start: int = 0) -> Iterator[TokenBatch]:
        """Training micro-batches of one rank from optimizer step `start` on."""
        assert self.planner is not None, "setup() comes first"
        for step in self.planner.steps(start):
            divisors = denominators(step.counts, self.loss)
            for index, micro in enumerate(step.ranks[rank]):
                yield collate(
                    self.train,
                    micro,
                    self.supervised,
                    divisors,
                    step=step.index,
                    index=index,
                    pad_id=self.pad_id,
                )


def weighs_entropy(curriculum: Any) -> bool:
    """Whether the order of examples depends on the teacher's entropy."""
    return bool(curriculum.gamma) and Pacing(str(curriculum.pacing)) is not Pacing.none


def make_order(
    examples: Examples,
    counts: Int[np.ndarray, "examples kinds"],
    data: Any,
    seed: int,
    entropy: Float[np.ndarray, " examples"] | None = None,
) -> Callable[[int], Order] | None:
    """The order that the `data` group asks for, given the draws of the training; None is random.

    `entropy`: the teacher's mean entropy per example, in nats, where it is known.
    """
    if data is None:
        return None
    pacing = Pacing(str(data.curriculum.pacing))
    balance, mixture = Balance(str(data.balance)), data.mixture
    if pacing is Pacing.none and balance is Balance.none and not mixture:
        return None
    difficulty = None
    if pacing is not Pacing.none:
        curriculum = data.curriculum
        if curriculum.gamma and entropy is None:
            raise ConfigError(
                f"data.curriculum.gamma={curriculum.gamma} weighs the teacher's entropy, which is "
                "not stored for these examples.",
                fix="set data.curriculum.gamma=0, or score with a teacher=local that shares the "
                "student's tokenizer",
            )
        difficulty = complexity(
            counts, curriculum.alpha, curriculum.beta, curriculum.gamma, entropy
        )
    sources = examples.sources or ("",) * len(examples)
    marks: Sequence[object] = ("",) * len(examples)
    if balance is Balance.length:
        marks = length_buckets(examples.lengths)
    elif balance is Balance.success:
        marks = examples.solved
    weights = {name: float(source.weight) for name, source in mixture.items()} or None
    for name, weight in (weights or {}).items():
        if weight and name not in sources:
            raise DataError(
                f"data.mixture.{name} gave no example to train on.",
                fix="look at rejected.jsonl of `prepare`, or give it weight 0",
            )
    groups = strata(
        list(zip(sources, marks, strict=True)),
        dict(weights) if weights else None,
        difficulty,
        balanced=balance is not Balance.none,
    )
    pace = Curriculum(
        pacing, data.curriculum.start, data.curriculum.full_at, data.curriculum.stages
    )
    return lambda total: Order(groups, size=len(examples), total=total, curriculum=pace, seed=seed)


class MicroBatches:
    """What Lightning iterates over: sized, and stateful so that it resumes mid-way.

    The state is the number of finished optimizer steps, not of batches handed out: Lightning
    fetches ahead.
    """

    def __init__(self, data: TrajectoryDataModule, rank: int) -> None:
        self.data = data
        self.rank = rank
        self.start = 0

    def __len__(self) -> int:
        assert self.data.planner is not None, "setup() comes first"
        return self.data.planner.total_steps * self.data.settings.accumulate

    def __iter__(self) -> Iterator[TokenBatch]:
        return self.data.micro_batches(self.rank, self.start)

    def state_dict(self) -> dict[str, int]:
        trainer = self.data.trainer
        return {"step": trainer.global_step if trainer is not None else 0}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.start = state["step"]


class ValidationBatches:
    """Held-out micro-batches. A class of its own: Lightning reads a list as several loaders."""

    def __init__(self, batches: list[TokenBatch]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[TokenBatch]:
        return iter(self.batches)


def _shuffled(examples: Examples, seed: int) -> Examples:
    """The control arm: span kinds permuted within each example, the same in every epoch."""
    kinds = examples.kinds.copy()
    for index in range(len(examples)):
        span = slice(examples.offsets[index], examples.offsets[index + 1])
        generator = np.random.default_rng([seed, index])
        kinds[span] = shuffle_kinds(kinds[span], generator)
    return replace(examples, kinds=kinds)
