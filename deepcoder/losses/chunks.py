"""Teachers of another tokenizer: likelihoods of stretches of text instead of tokens.

Two tokenizers cut a text differently, but every so often both begin a token at the same byte.
Between two such places lies a stretch c whose probability both models can tell: the product over
their own tokens. What is compared is the pair {c, anything else},

    D( (p(c), 1 - p(c)) ‖ (q(c), 1 - q(c)) )

with any divergence (binarised likelihood matching, ALM, arXiv 2503.20083). A temperature T replaces
p and q by p^(1/T) and q^(1/T): long stretches are improbable for both, and a T of 2 or more keeps
their difference visible. It is an approximation: nothing is said of how the teacher would go on
otherwise.

    loss = chunk_loss(hidden, head, ChunkRows(chunks, log_probs), weights, targets=targets)

Every row of a stretch of n rows costs ℓ = (1 - ce_mix) · T² · D / n + ce_mix · CE.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from deepcoder.errors import ConfigError
from deepcoder.losses.divergences import Divergence
from deepcoder.losses.linear import LinearLoss, linear_nll
from deepcoder.losses.objective import Objective
from deepcoder.losses.rows import ChunkRows, LogitMap

__all__ = ["check_chunks", "chunk_loss"]

SUREST = -1e-6
"""Largest log-probability of a stretch: 1 - q must not vanish."""


def check_chunks(objective: Objective) -> None:
    """Raises ConfigError for settings that have no meaning without single tokens."""
    for name in ("focal", "confidence", "entropy", "label_smoothing", "z_loss"):
        if getattr(objective, name):
            raise ConfigError(
                f"loss.{name} weights single tokens, and this teacher has another tokenizer: only "
                "stretches of text can be compared.",
                fix=f"set loss.{name}=0, or choose a teacher of the student's tokenizer",
            )


def chunk_loss(
    hidden: Float[Tensor, "rows d"],
    head_weight: Float[Tensor, "vocab d"],
    signal: ChunkRows,
    weights: Float[Tensor, " rows"],
    *,
    targets: Int[Tensor, " rows"],
    objective: Objective,
    rows: Bool[Tensor, " rows"] | None = None,
    head_bias: Float[Tensor, " vocab"] | None = None,
    logit_map: LogitMap | None = None,
) -> LinearLoss:
    """Σ_i weights_i · ℓ_i over the rows of `rows` (null: all) that a stretch covers.

    All rows are read, because a stretch's likelihood needs every one of its tokens. Values and
    statistics are those of all rows, 0 where no stretch is. Raises ConfigError for a head that
    needs a gradient and for settings that belong to single tokens.
    """
    check_chunks(objective)
    if head_weight.requires_grad and torch.is_grad_enabled():
        raise ConfigError(
            "A head that is trained cannot learn from a teacher of another tokenizer.",
            fix="leave the output head out of student.lora.target_modules",
        )
    nll, correct = linear_nll(
        hidden, head_weight, targets=targets, head_bias=head_bias, logit_map=logit_map
    )
    covered = ~signal.unknown
    inside = signal.chunks[covered].long()
    count = signal.log_probs.shape[0]
    log_q = nll.new_zeros(count).index_add(0, inside, -nll[covered])
    size = nll.new_zeros(count).index_add(0, inside, torch.ones_like(nll[covered]))
    value = _binary(objective.divergence, signal.log_probs, log_q, objective.temperature)
    per_row = (value / size.clamp(min=1))[signal.chunks.long().clamp(min=0)]
    per_row = (1 - objective.ce_mix) * per_row + objective.ce_mix * nll
    per_row = torch.where(covered, per_row, 0.0)
    counted = weights if rows is None else torch.where(rows, weights, 0.0)
    loss = torch.where(counted != 0, counted.to(per_row.dtype) * per_row, 0.0).sum()
    return LinearLoss(loss, per_row.detach(), nll.detach(), correct)


def _binary(
    divergence: Divergence,
    log_p: Float[Tensor, " chunks"],
    log_q: Float[Tensor, " chunks"],
    temperature: float,
) -> Float[Tensor, " chunks"]:
    """T² · D of two-outcome distributions, differentiable with respect to `log_q`.

    With u the two logits, dD/d(log q) = (dD/du)_1 / (1 - q).
    """
    ours = (log_q / temperature).clamp(max=SUREST)
    fixed = ours.detach()
    theirs = (log_p.to(fixed.dtype) / temperature).clamp(max=SUREST)
    value, gradient = divergence(_with_rest(theirs), _with_rest(fixed))
    slope = gradient[:, 0] / -torch.expm1(fixed)
    return (value + slope * (ours - fixed)) * temperature**2


def _with_rest(log_p: Float[Tensor, " chunks"]) -> Float[Tensor, "chunks 2"]:
    return torch.stack([log_p, torch.log(-torch.expm1(log_p))], dim=1)
