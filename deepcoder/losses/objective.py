"""What one row costs, and its gradient with respect to that row's logits. No GEMM, no chunks.

    ℓ = f · [ (1 - ce_mix) · T² · D(p_T‖q_T) + ce_mix · CE ] + z_loss · (log Σ exp z)²

p_T and q_T are softened by the temperature T, and T² is in value and gradient alike. CE is against
the target, smoothed by ε = label_smoothing over the vocabulary, at temperature 1. With hard
targets CE stands alone (ce_mix counts as 1). f weights a row by what is known of it, as a constant
that no gradient flows through:

    f = (1 - q(target))^focal · p_T(target)^confidence · (1 - H(p_T) / log V)^entropy

    objective = Objective(Divergence(DivergenceName.jsd), temperature=2.0, ce_mix=0.1)
    cost = objective.cost(logits, targets, SparseRows(...))     # logits now holds dℓ/dlogits

A row whose ℓ is not finite (an impossible target, NaN) keeps that value; `usable` says so, and its
gradient must be dropped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from deepcoder.errors import ConfigError
from deepcoder.losses.divergences import INFINITE, LOG_ZERO, Divergence, log_softmax_
from deepcoder.losses.names import DivergenceName
from deepcoder.losses.rows import HardRows, Signal, SparseRows, SparseScheme, TeacherRows

__all__ = ["Objective", "RowCost"]


class RowCost(NamedTuple):
    """Per row, detached. `value` is ℓ, before the row's weight."""

    value: Float[Tensor, " rows"]
    nll: Float[Tensor, " rows"]
    """-log q(target) at temperature 1, without smoothing; nats."""
    correct: Bool[Tensor, " rows"]
    """No other token scores higher than the target."""

    @property
    def usable(self) -> Bool[Tensor, " rows"]:
        return self.value.isfinite()


@dataclass(frozen=True)
class Objective:
    """The cost of a row. Raises ConfigError for numbers out of range."""

    divergence: Divergence = field(default_factory=Divergence)
    temperature: float = 1.0
    ce_mix: float = 0.0
    label_smoothing: float = 0.0
    z_loss: float = 0.0
    """Weight of the squared log-normaliser, which keeps logits from drifting (PaLM uses 1e-4)."""
    focal: float = 0.0
    """Exponent that turns tokens down which the student already predicts (arXiv 1708.02002)."""
    confidence: float = 0.0
    """Exponent that turns tokens down which the teacher itself finds unlikely. Not with `hard`."""
    entropy: float = 0.0
    """Exponent that turns positions down at which the teacher is undecided. Not with `hard`."""

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ConfigError(
                f"loss.temperature={self.temperature} must be positive.", fix="raise it"
            )
        for name in ("ce_mix", "label_smoothing"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(
                    f"loss.{name}={getattr(self, name)} is outside 0…1.",
                    fix=f"set loss.{name} within 0 and 1",
                )
        for name in ("z_loss", "focal", "confidence", "entropy"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ConfigError(
                    f"loss.{name}={getattr(self, name)} may not be negative.", fix="use 0 or more"
                )

    def check(self, signal: Signal) -> None:
        """Raises ConfigError when this objective cannot be had from this kind of signal."""
        name = self.divergence.name
        for field_name, part in (("confidence", "log_target"), ("entropy", "entropy")):
            if not getattr(self, field_name) or isinstance(signal, TeacherRows):
                continue
            if getattr(signal, part, None) is None:
                raise ConfigError(
                    f"loss.{field_name} needs what this signal does not have: the teacher's "
                    f"{'p(token)' if part == 'log_target' else 'entropy'} at every position.",
                    fix=f"set loss.{field_name}=0, or use loss.signal=online",
                )
        if self.label_smoothing and getattr(signal, "mask", None) is not None:
            raise ConfigError(
                "loss.label_smoothing spreads over the vocabulary, and the teacher knows only a "
                "part of it.",
                fix="set loss.label_smoothing=0",
            )
        if not isinstance(signal, SparseRows):
            return
        if signal.scheme is SparseScheme.sampled and name is not DivergenceName.forward_kl:
            raise ConfigError(
                f"{name} from sampled teacher probabilities would be biased.",
                fix="use forward_kl, or a cache with scheme tail",
            )
        if signal.scheme is SparseScheme.renormalised and self.divergence.needs_full_support:
            raise ConfigError(
                f"{name} is infinite where renormalised teacher probabilities are 0.",
                fix="use a cache with scheme tail, or forward_kl",
            )

    def cost(
        self,
        logits: Float[Tensor, "rows vocab"],
        targets: Int[Tensor, " rows"],
        signal: Signal,
        teacher_logits: Float[Tensor, "rows vocab"] | None = None,
    ) -> RowCost:
        """Cost of each row; `logits` is overwritten with dℓ/dlogits, `teacher_logits` is used up.

        `teacher_logits` belongs to TeacherRows, cut to the same vocabulary.
        """
        column = targets.long()[:, None]
        score = logits.gather(1, column).squeeze(1)
        # Passes over the block are what this costs: the largest entry and one exp serve them all.
        top = logits.amax(-1)
        mass = torch.sub(logits, top[:, None]).exp_()
        total = mass.sum(-1)
        log_z = top + total.log()
        nll = log_z - score
        if teacher_logits is not None:
            log_softmax_(teacher_logits, self.temperature)
        factor = self._factor(nll, column, teacher_logits, signal, logits.shape[1])
        mix = 1.0 if isinstance(signal, HardRows) else self.ce_mix
        spread = self.label_smoothing / logits.shape[1]
        ce = log_z - (1 - self.label_smoothing) * score
        if spread:
            ce = ce - spread * logits.sum(-1)
        value = mix * factor * ce if mix else torch.zeros_like(nll)
        share = mix * factor + 2 * self.z_loss * log_z  # of the softmax, in the gradient
        if self.z_loss:
            value = value + self.z_loss * log_z.square()
        if mix < 1:
            softmax = (mass, total)
            distilled = self._distil(logits, signal, log_z, softmax, teacher_logits)
            value = value + (1 - mix) * factor * distilled
            scale = (1 - mix) * self.temperature
            if scale != 1.0 or self.focal or self.confidence or self.entropy:
                logits.mul_(scale * factor[:, None])
            if mix or self.z_loss:
                logits.addcmul_(mass, (share / total)[:, None])
        else:
            torch.mul(mass, (share / total)[:, None], out=logits)
        if mix:
            pull = mix * factor[:, None]
            logits.scatter_add_(1, column, -(1 - self.label_smoothing) * pull)
            if spread:
                logits.sub_(spread * pull)
        return RowCost(value, nll, score >= top)

    def _factor(
        self,
        nll: Float[Tensor, " rows"],
        column: Int[Tensor, "rows 1"],
        log_p: Float[Tensor, "rows vocab"] | None,
        signal: Signal,
        vocab: int,
    ) -> Float[Tensor, " rows"]:
        factor = torch.ones_like(nll)
        if self.focal:
            factor = (-torch.expm1(-nll)).clamp(min=0).pow(self.focal)
        target, nats = None, None  # log p(target) and H(p), as far as they are wanted and known
        if isinstance(signal, SparseRows):
            target, nats = signal.log_target, signal.entropy
        elif log_p is not None:
            target = log_p.gather(1, column).squeeze(1) if self.confidence else None
            nats = -(log_p.exp() * log_p).sum(-1) if self.entropy else None
        if self.confidence and target is not None:
            factor = factor * (self.confidence * target.to(nll.dtype)).exp()
        if self.entropy and nats is not None:
            certainty = 1 - nats.to(nll.dtype) / math.log(max(vocab, 2))
            factor = factor * certainty.clamp(min=0).pow(self.entropy)
        return factor

    def _distil(
        self,
        logits: Float[Tensor, "rows vocab"],
        signal: Signal,
        log_z: Float[Tensor, " rows"],
        softmax: tuple[Float[Tensor, "rows vocab"], Float[Tensor, " rows"]],
        log_p: Float[Tensor, "rows vocab"] | None,
    ) -> Float[Tensor, " rows"]:
        """T² · D per row; `logits` is overwritten with dD/du, u = logits / T.

        `softmax` is numerator and denominator at temperature 1, and is left as it is.
        """
        if not isinstance(signal, SparseRows):
            assert log_p is not None  # TeacherRows: the caller formed the teacher's logits
            log_q = log_softmax_(logits, self.temperature, log_z)
            value, gradient = self.divergence(log_p, log_q)
            if gradient is not logits:
                logits.copy_(gradient)
            return value * self.temperature**2
        ids = signal.ids.long()
        if signal.scheme is SparseScheme.sorted:  # whatever the student finds likeliest
            ids = logits.topk(ids.shape[1], dim=-1).indices
        if self.temperature == 1.0:
            stored = logits.gather(1, ids) - log_z[:, None]
            torch.div(softmax[0], softmax[1][:, None], out=logits)
        else:
            stored = log_softmax_(logits, self.temperature).gather(1, ids)
            logits.exp_()
        stored.clamp_(min=LOG_ZERO)
        sampled = signal.scheme is SparseScheme.sampled
        value = (self._sampled if sampled else self._bucketed)(logits, ids, stored, signal)
        return value * self.temperature**2

    def _sampled(
        self,
        q: Float[Tensor, "rows vocab"],
        ids: Int[Tensor, "rows k"],
        stored: Float[Tensor, "rows k"],
        signal: SparseRows,
    ) -> Float[Tensor, " rows"]:
        """Σ weight · -log q of the draws; q is overwritten with its gradient."""
        weights = signal.log_probs.to(q.dtype).exp()
        value = -(weights * stored).sum(-1)
        if signal.entropy is not None:
            value = value - signal.entropy.to(value.dtype)
        q.mul_(weights.sum(-1, keepdim=True)).scatter_add_(1, ids, -weights)
        return value.masked_fill_(value > INFINITE, math.inf)

    def _bucketed(
        self,
        q: Float[Tensor, "rows vocab"],
        ids: Int[Tensor, "rows k"],
        stored: Float[Tensor, "rows k"],
        signal: SparseRows,
    ) -> Float[Tensor, " rows"]:
        """D over k tokens and one bucket; q is overwritten with its gradient.

        Within the bucket dD/du is proportional to q. The bucket is summed over its own tokens:
        1 - Σ q_k would lose its digits when it is small.
        """
        rest = q.scatter_(1, ids, 0.0).sum(-1, keepdim=True)
        log_q = torch.cat([stored, rest.log().clamp_(min=LOG_ZERO)], dim=-1)
        log_p = signal.outcomes(q.dtype).clamp_(min=LOG_ZERO)
        value, gradient = self.divergence(log_p, log_q)
        share = torch.where(rest > torch.finfo(q.dtype).tiny, gradient[:, -1:] / rest, 0.0)
        q.mul_(share).scatter_(1, ids, gradient[:, :-1])
        return value
