"""The loss as the documentation defines it, slow, dense, in float64, differentiated by autograd.

Nothing here is shared with the package but the names of things: it is what everything is held to.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from deepcoder.types import KINDS, WeightGroup


def kl(p: Tensor, q: Tensor) -> Tensor:
    """Σ p (log p - log q) of probabilities, with 0 log 0 = 0, per row."""
    terms = torch.where(p > 0, p * (p.clamp(min=1e-300).log() - q.clamp(min=1e-300).log()), 0.0)
    impossible = ((p > 0) & (q == 0)).any(-1)
    return terms.sum(-1).masked_fill(impossible, torch.inf)


def divergence(name: str, p: Tensor, q: Tensor, alpha: float = 0.1, beta: float = 0.5) -> Tensor:
    """D(p‖q) per row, from probabilities."""
    if name == "forward_kl":
        return kl(p, q)
    if name == "reverse_kl":
        return kl(q, p)
    if name == "jeffreys":
        return kl(p, q) + kl(q, p)
    if name == "jsd":
        m = beta * p + (1 - beta) * q
        return beta * kl(p, m) + (1 - beta) * kl(q, m)
    if name == "skewed_forward_kl":
        return kl(p, alpha * p + (1 - alpha) * q)
    if name == "skewed_reverse_kl":
        return kl(q, alpha * q + (1 - alpha) * p)
    if name == "total_variation":
        return (p - q).abs().sum(-1) / 2
    if name == "adaptive_kl":
        share = head_share(p, q.detach())
        return share * kl(p, q) + (1 - share) * kl(q, p)
    raise AssertionError(name)


def head_share(p: Tensor, q: Tensor, mass: float = 0.5) -> Tensor:
    """Of all |p - q|, the share on the likeliest tokens that make up `mass` (ties included)."""
    shares = []
    for row_p, row_q in zip(p, q, strict=True):
        ordered = sorted(row_p.tolist(), reverse=True)
        total, threshold = 0.0, 0.0
        for value in ordered:
            total, threshold = total + value, value
            if total >= mass:
                break
        gap = (row_p - row_q).abs()
        whole = gap.sum()
        shares.append(gap[row_p >= threshold].sum() / whole if whole > 0 else whole + 0.5)
    return torch.stack(shares)


def sparse(
    name: str,
    q: Tensor,
    alpha: float,
    beta: float,
    *,
    scheme: str,
    ids: Tensor,
    log_probs: Tensor,
    log_tail: Tensor | None = None,
    entropy: Tensor | None = None,
) -> Tensor:
    """D per row from k stored tokens and the student's probabilities q [rows, vocab]."""
    values = []
    for row in range(q.shape[0]):
        own, stored = q[row][ids[row]], log_probs[row].double().exp()
        if scheme == "sampled":
            value = -(stored * own.log()).sum()
            if entropy is not None:
                value = value - entropy[row].double()
            values.append(value)
            continue
        others = torch.ones_like(q[row], dtype=torch.bool)
        others[ids[row]] = False
        if log_tail is not None:
            rest = log_tail[row].double().exp()
        else:
            stored, rest = stored / stored.sum(), stored.new_zeros(())
        p = torch.cat([stored, rest[None]])[None]
        bucketed = torch.cat([own, q[row][others].sum()[None]])[None]
        values.append(divergence(name, p, bucketed, alpha, beta)[0])
    return torch.stack(values)


def row_cost(
    z: Tensor,
    targets: Tensor,
    *,
    teacher: Tensor | None = None,
    sparse_parts: dict[str, Any] | None = None,
    name: str = "forward_kl",
    alpha: float = 0.1,
    beta: float = 0.5,
    temperature: float = 1.0,
    ce_mix: float = 0.0,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    focal: float = 0.0,
    confidence: float = 0.0,
    entropy: float = 0.0,
) -> Tensor:
    """ℓ of each row, from float64 logits [rows, vocab]."""
    log_q = z.log_softmax(-1)
    picked = log_q.gather(1, targets[:, None]).squeeze(1)
    ce = -(1 - label_smoothing) * picked
    if label_smoothing:
        ce = ce - label_smoothing * log_q.mean(-1)
    factor = (1 - picked.detach().exp()) ** focal if focal else torch.ones_like(picked)
    q = (z / temperature).softmax(-1)
    if teacher is not None:
        p = (teacher / temperature).softmax(-1)
        kd = divergence(name, p, q, alpha, beta)
        factor = factor * p.gather(1, targets[:, None]).squeeze(1) ** confidence
        nats = -(p * p.clamp(min=1e-300).log()).sum(-1)
        factor = factor * (1 - nats / torch.tensor(float(p.shape[1])).log()) ** entropy
    elif sparse_parts is not None:
        kd = sparse(name, q, alpha, beta, **sparse_parts)
    else:
        kd, ce_mix = torch.zeros_like(ce), 1.0
    mixed = ce_mix * ce
    if ce_mix < 1:
        mixed = mixed + (1 - ce_mix) * temperature**2 * kd
    return factor * mixed + z_loss * z.logsumexp(-1) ** 2


def span_loss(
    student: Tensor,
    targets: Tensor,
    kinds: Tensor,
    *,
    teacher: Tensor | None = None,
    reason_weight: float = 1.0,
    act_weight: float = 1.0,
    normaliser: str = "group_mean",
    kind_weights: dict[str, float] | None = None,
    reason_divergence: str | None = None,
    act_divergence: str | None = None,
    divergence: str = "forward_kl",
    **cost: Any,
) -> Tensor:
    """Loss of one batch that is a whole optimizer step, from logits [rows, vocab]."""
    terms: dict[WeightGroup, list[Tensor]] = {WeightGroup.REASON: [], WeightGroup.ACT: []}
    for row in range(student.shape[0]):
        kind = KINDS[int(kinds[row])]
        if kind.group is WeightGroup.NONE:
            continue
        reason = kind.group is WeightGroup.REASON
        weight = reason_weight if reason else act_weight
        weight = weight * (kind_weights or {}).get(str(kind), 1.0)
        if weight == 0:
            continue
        value = row_cost(
            student[row : row + 1],
            targets[row : row + 1],
            teacher=None if teacher is None else teacher[row : row + 1],
            name=(reason_divergence if reason else act_divergence) or divergence,
            **cost,
        )[0]
        terms[kind.group].append(weight * value)
    counts = {group: len(values) for group, values in terms.items()}
    total = student.sum() * 0.0
    for group, values in terms.items():
        if not values:
            continue
        divisor = {
            "group_mean": counts[group],
            "token_mean": sum(counts.values()),
            "sum": 1,
        }[normaliser]
        total = total + torch.stack(values).sum() / divisor
    return total
