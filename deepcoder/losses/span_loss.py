"""The SAD loss: a span-weighted divergence between teacher and student, per-kind statistics beside.

    loss = SpanLoss(cfg.loss, signal="online")
    out = loss(hidden, head_weight, targets, kinds, denominators(counts, cfg.loss), teacher=rows)
    out.loss.backward(); total = total + out.sums

The loss is Σ_rows weight(kind) · ℓ / denominator(group), a row being one supervised position.
`objective.py` defines ℓ, `kinds.py` the weights and denominators, `linear.py` forms value and
gradient without building the logits. Without rows, or with all weights 0, it is exactly 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from deepcoder.errors import ConfigError, DataError
from deepcoder.losses.chunks import chunk_loss
from deepcoder.losses.divergences import Divergence
from deepcoder.losses.kinds import GROUPS, LossSettings, group_mask, kind_table
from deepcoder.losses.linear import LinearLoss, linear_distillation_loss
from deepcoder.losses.names import DivergenceName
from deepcoder.losses.objective import Objective
from deepcoder.losses.rows import (
    ChunkRows,
    HardRows,
    LogitMap,
    Signal,
    SparseRows,
    TeacherRows,
)
from deepcoder.types import KINDS, WeightGroup

__all__ = ["KindSums", "LossOutput", "SpanLoss", "objectives"]

_ROWS_OF: dict[str, tuple[type, ...]] = {
    "hard": (HardRows,),
    "online": (TeacherRows,),
    "cached": (SparseRows, ChunkRows),
}


@dataclass(frozen=True)
class KindSums:
    """Detached statistics, one number per span kind (indexed by `SpanKind.code`), float64.

    They add up over micro-batches and ranks: `a + b`, or all-reduce `stacked()`.
    """

    weighted: Float[Tensor, " kinds"]
    """Σ weight · ℓ, not divided: weighted[group].sum() / denominators[group] is its loss term."""
    divergence: Float[Tensor, " kinds"]
    """Σ ℓ, without weights: divided by `tokens`, the mean loss of a token of this kind."""
    nll: Float[Tensor, " kinds"]
    """Σ -log q(target), nats, at temperature 1."""
    tokens: Float[Tensor, " kinds"]
    correct: Float[Tensor, " kinds"]
    """Tokens for which no other token scores higher than the target."""

    def stacked(self) -> Float[Tensor, "5 kinds"]:
        """All statistics as one tensor, in the order of the fields."""
        return torch.stack([getattr(self, f.name) for f in fields(self)])

    @classmethod
    def from_stacked(cls, values: Float[Tensor, "5 kinds"]) -> KindSums:
        return cls(*values.unbind(0))

    @classmethod
    def zeros(cls, device: torch.device | None = None) -> KindSums:
        return cls.from_stacked(torch.zeros(5, len(KINDS), dtype=torch.float64, device=device))

    def __add__(self, other: KindSums) -> KindSums:
        return KindSums.from_stacked(self.stacked() + other.stacked())

    def group(self, group: WeightGroup) -> dict[str, float]:
        """The sums over the kinds of one weight group, by field name, as Python floats."""
        member = group_mask(group).to(self.weighted.device).bool()
        values = self.stacked()[:, member].sum(-1).tolist()
        return dict(zip((f.name for f in fields(self)), values, strict=True))


@dataclass(frozen=True)
class LossOutput:
    """`loss` is the scalar to backpropagate, already divided by the step's denominators."""

    loss: Float[Tensor, ""]
    sums: KindSums
    correct: Bool[Tensor, " rows"]
    """Detached: no other token scores higher than the target; False for rows that were skipped."""


def objectives(cfg: LossSettings) -> dict[WeightGroup, Objective]:
    """What a row of each group costs. Raises ConfigError for numbers out of range."""
    own = {WeightGroup.REASON: cfg.reason_divergence, WeightGroup.ACT: cfg.act_divergence}
    return {
        group: Objective(
            Divergence(DivergenceName(str(own[group] or cfg.divergence)), cfg.alpha, cfg.beta),
            temperature=cfg.temperature,
            ce_mix=cfg.ce_mix,
            label_smoothing=cfg.label_smoothing,
            z_loss=cfg.z_loss,
            focal=cfg.focal,
            confidence=cfg.confidence,
            entropy=cfg.entropy,
        )
        for group in GROUPS
    }


class SpanLoss:
    """SAD and its baselines, from the `loss` config group.

    `signal` says what will be handed in: `hard` (nothing but targets), `online` (TeacherRows) or
    `cached` (SparseRows, or ChunkRows from a teacher of another tokenizer). Raises ConfigError
    when the settings contradict each other.
    """

    def __init__(self, cfg: LossSettings, signal: str) -> None:
        self.signal = str(signal)
        if self.signal not in _ROWS_OF:
            raise ConfigError(
                f"loss.signal={signal} is not known here.", fix=f"use {', '.join(_ROWS_OF)}"
            )
        self.table = kind_table(cfg)
        self.objectives = objectives(cfg)
        if self.signal == "hard":
            for objective in self.objectives.values():
                objective.check(HardRows())
        trained = torch.stack([group_mask(group) for group in GROUPS]).sum(0) > 0
        self._some_weigh_nothing = bool((self.table[trained] == 0).any())

    def token_weights(self, kinds: UInt8[Tensor, " rows"]) -> Float[Tensor, " rows"]:
        """λ of the token's group × multiplier of its kind; 0 where unsupervised.

        A training loop hands in only rows with a positive weight; validation may hand in all
        rows of interest, for their statistics.
        """
        return self.table.to(kinds.device)[kinds.long()]

    def __call__(
        self,
        hidden: Float[Tensor, "rows d"],
        head_weight: Float[Tensor, "vocab d"],
        targets: Int[Tensor, " rows"],
        kinds: UInt8[Tensor, " rows"],
        denominators: Mapping[WeightGroup, float],
        teacher: TeacherRows | SparseRows | ChunkRows | None = None,
        head_bias: Float[Tensor, " vocab"] | None = None,
        logit_map: LogitMap | None = None,
    ) -> LossOutput:
        """Loss and statistics of supervised rows; row i predicts token `targets[i]`.

        While gradients are formed, rows without weight are skipped and counted nowhere; under
        `torch.no_grad` they are counted. Raises ValueError when the teacher's rows are not of
        this loss's signal, DataError when the teacher's numbers are not finite.
        """
        signal = HardRows() if teacher is None else teacher
        if not isinstance(signal, _ROWS_OF[self.signal]):
            raise ValueError(f"signal={self.signal} was given {type(signal).__name__}")
        weights = self.token_weights(kinds)
        share = torch.stack([group_mask(g) / float(denominators[g]) for g in GROUPS]).sum(0)
        scaled = weights * share.to(weights.device)[kinds.long()]
        loss: Tensor | None = None
        sums = KindSums.zeros(hidden.device)
        correct = torch.zeros(len(kinds), dtype=torch.bool, device=hidden.device)
        for objective, source, rows in self._parts(kinds, weights, signal):
            head: dict[str, Any] = {"head_bias": head_bias, "logit_map": logit_map}
            if isinstance(source, ChunkRows):
                mine = torch.zeros_like(weights, dtype=torch.bool).index_fill_(0, rows, True)
                part = chunk_loss(
                    hidden,
                    head_weight,
                    source,
                    scaled,
                    targets=targets,
                    objective=objective,
                    rows=mine,
                    **head,
                )
                part = LinearLoss(part.loss, *(x[rows] for x in part[1:]))
            else:
                part = linear_distillation_loss(
                    hidden,
                    head_weight,
                    source,
                    scaled,
                    targets=targets,
                    objective=objective,
                    rows=rows,
                    **head,
                )
            loss = part.loss if loss is None else loss + part.loss
            sums = sums + _per_kind(part, weights, kinds, rows)
            correct[slice(None) if rows is None else rows] = part.correct
        assert loss is not None  # there is at least one part
        if teacher is not None and not bool(loss.detach().isfinite()):
            _blame_teacher(teacher)
        return LossOutput(loss, sums, correct)

    def _parts(
        self,
        kinds: UInt8[Tensor, " rows"],
        weights: Float[Tensor, " rows"],
        signal: Signal | ChunkRows,
    ) -> list[tuple[Objective, Signal | ChunkRows, Any]]:
        """Rows by what they cost. None stands for all rows: no index, no copy of them.

        Rows whose target the teacher does not know cost cross-entropy.
        """
        keep = weights != 0 if torch.is_grad_enabled() and self._some_weigh_nothing else None
        unknown = None if isinstance(signal, HardRows) else signal.unknown
        first = self.objectives[GROUPS[0]]
        alike = all(objective == first for objective in self.objectives.values())
        if alike and unknown is None:
            return [(first, signal, None if keep is None else keep.nonzero().squeeze(1))]
        parts: list[tuple[Objective, Signal | ChunkRows, Any]] = []
        for group, objective in self.objectives.items():
            mine = group_mask(group).to(kinds.device).bool()[kinds.long()]
            mine = mine if keep is None else mine & keep
            if unknown is not None:
                plain = replace(objective, confidence=0.0, entropy=0.0)
                parts.append((plain, HardRows(), (mine & unknown).nonzero().squeeze(1)))
                mine = mine & ~unknown
            parts.append((objective, signal, mine.nonzero().squeeze(1)))
        return parts


def _per_kind(part: LinearLoss, weights: Tensor, kinds: Tensor, rows: Tensor | None) -> KindSums:
    if rows is not None:
        weights, kinds = weights[rows], kinds[rows]
    values = part.values.double()
    columns = torch.stack(
        [
            torch.where(weights != 0, weights * values, 0.0),
            values,
            part.nll.double(),
            torch.ones_like(values),
            part.correct.double(),
        ]
    )
    total = KindSums.zeros(values.device).stacked()
    return KindSums.from_stacked(total.index_add(1, kinds.int(), columns))


def _blame_teacher(teacher: TeacherRows | SparseRows | ChunkRows) -> None:
    """Raises DataError if the teacher's numbers are why a loss is not finite."""
    if isinstance(teacher, TeacherRows):
        tensors = {"hidden states": teacher.hidden, "head": teacher.head_weight}
        bad = {name: ~x.isfinite() for name, x in tensors.items()}
    else:
        tensors = {"log-probabilities": teacher.log_probs}
        bad = {name: x.isnan() | (x > 1e-2) for name, x in tensors.items()}
    for name, where in bad.items():
        if bool(where.any()):
            row = int(where.reshape(where.shape[0], -1).any(-1).nonzero()[0])
            raise DataError(
                f"the teacher's {name} hold NaN or infinity, first in row {row}.",
                fix="run the teacher in bfloat16 or float32 (float16 overflows), "
                "or make its cache again",
            )
