"""The SAD loss: a span-weighted divergence between teacher and student, per-kind statistics beside.

    loss = SpanLoss(cfg.loss, signal="online")
    out = loss(hidden, head_weight, targets, kinds, denominators(counts, cfg.loss), teacher=rows)
    out.loss.backward(); total = total + out.sums

What a row (one supervised position) costs, with D_T between distributions softened by T:

    ℓ = (1 - ce_mix) · T² · D_T(p‖q) + ce_mix · CE(target, q)         (online)
    ℓ = CE(target, q)                                                 (hard)

Cross-entropy is always at temperature 1. The loss is Σ_rows weight(kind) · ℓ / denominator(group);
without rows, or with all weights 0, it is exactly 0 with a zero gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from deepcoder.errors import ConfigError
from deepcoder.losses.kinds import GROUPS, LossSettings, group_mask, kind_table
from deepcoder.losses.names import DivergenceName
from deepcoder.losses.rows import TeacherRows
from deepcoder.types import KINDS, WeightGroup

__all__ = ["KindSums", "LossOutput", "SpanLoss"]


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
        return torch.stack([self.weighted, self.divergence, self.nll, self.tokens, self.correct])

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
        mask = group_mask(group).to(self.weighted)
        values = (self.stacked() * mask).sum(-1).tolist()
        return dict(zip((f.name for f in fields(self)), values, strict=True))


@dataclass(frozen=True)
class LossOutput:
    """`loss` is the scalar to backpropagate, already divided by the step's denominators."""

    loss: Float[Tensor, ""]
    sums: KindSums


class SpanLoss:
    """SAD and its baselines, from the `loss` config group.

    `signal` is `hard` or `online` (what `deepcoder.config.resolve_signal` returns). Raises
    ConfigError when the settings contradict each other.
    """

    def __init__(self, cfg: LossSettings, signal: str) -> None:
        self.signal = str(signal)
        if self.signal not in ("hard", "online"):
            raise ConfigError(f"loss.signal={signal} is not known here.", fix="use hard or online")
        self.cfg = cfg
        self.table = kind_table(cfg)
        for name in (cfg.divergence, cfg.reason_divergence, cfg.act_divergence):
            if name is not None and DivergenceName(str(name)) is not DivergenceName.forward_kl:
                raise ConfigError(f"divergence {name} is not available.", fix="use forward_kl")

    def token_weights(self, kinds: UInt8[Tensor, " rows"]) -> Float[Tensor, " rows"]:
        """λ of the token's group × multiplier of its kind; 0 where unsupervised.

        A training loop hands in only rows with a positive weight: others cost time and change
        nothing but the statistics.
        """
        return self.table.to(kinds.device)[kinds.long()]

    def __call__(
        self,
        hidden: Float[Tensor, "rows d"],
        head_weight: Float[Tensor, "vocab d"],
        targets: Int[Tensor, " rows"],
        kinds: UInt8[Tensor, " rows"],
        denominators: Mapping[WeightGroup, float],
        teacher: TeacherRows | None = None,
        head_bias: Float[Tensor, " vocab"] | None = None,
    ) -> LossOutput:
        """Loss and statistics of supervised rows; row i predicts token `targets[i]`."""
        if (teacher is None) != (self.signal == "hard"):
            needs = "forbids" if teacher else "needs"
            raise ValueError(f"signal={self.signal} {needs} teacher rows")
        weights = self.token_weights(kinds)
        scale = torch.stack([group_mask(g) / float(denominators[g]) for g in GROUPS]).sum(0)
        values, nll, correct = self._rows(hidden, head_weight, head_bias, targets, teacher)
        total = (weights * scale.to(weights)[kinds.long()] * values).sum()
        detached = values.detach().double()
        columns = (weights * detached, detached, nll, torch.ones_like(detached), correct.double())
        sums = KindSums.zeros(hidden.device).stacked()
        stacked = torch.stack([column.double() for column in columns])
        return LossOutput(total, KindSums.from_stacked(sums.index_add(1, kinds.int(), stacked)))

    def _rows(
        self,
        hidden: Float[Tensor, "rows d"],
        head_weight: Float[Tensor, "vocab d"],
        head_bias: Float[Tensor, " vocab"] | None,
        targets: Int[Tensor, " rows"],
        teacher: TeacherRows | None,
    ) -> tuple[Float[Tensor, " rows"], Float[Tensor, " rows"], Tensor]:
        t, mix = float(self.cfg.temperature), float(self.cfg.ce_mix)
        logits = F.linear(hidden, head_weight, head_bias).float()
        if teacher is not None:
            shared = min(head_weight.shape[0], teacher.head_weight.shape[0])
            bias = None if teacher.head_bias is None else teacher.head_bias[:shared]
            with torch.no_grad():
                score = F.linear(teacher.hidden, teacher.head_weight[:shared], bias).float()
            logits = logits[:, :shared]
        nll = F.cross_entropy(logits, targets.long(), reduction="none")
        correct = logits.gather(1, targets.long()[:, None]).squeeze(1) >= logits.amax(-1)
        if teacher is None:
            return nll, nll.detach(), correct
        p, q = (score / t).log_softmax(-1), (logits / t).log_softmax(-1)
        divergence = F.kl_div(q, p, reduction="none", log_target=True).sum(-1) * t * t
        return (1 - mix) * divergence + mix * nll, nll.detach(), correct
