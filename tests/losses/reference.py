"""The loss as the documentation defines it, slow, dense, in float64: what everything is held to."""

from __future__ import annotations

import torch
from torch import Tensor

from deepcoder.types import KINDS, WeightGroup


def forward_kl(p: Tensor, q: Tensor) -> Tensor:
    """KL(p‖q) of log-probabilities, per row."""
    return (p.exp() * (p - q)).sum(-1)


def span_loss(
    student: Tensor,
    targets: Tensor,
    kinds: Tensor,
    *,
    teacher: Tensor | None = None,
    reason_weight: float = 1.0,
    act_weight: float = 1.0,
    normaliser: str = "group_mean",
    ce_mix: float = 0.0,
    temperature: float = 1.0,
    kind_weights: dict[str, float] | None = None,
) -> Tensor:
    """Loss of one batch that is a whole optimizer step, from logits [rows, vocab]."""
    student = student.double()
    terms: dict[WeightGroup, list[Tensor]] = {WeightGroup.REASON: [], WeightGroup.ACT: []}
    for row in range(student.shape[0]):
        kind = KINDS[int(kinds[row])]
        if kind.group is WeightGroup.NONE:
            continue
        lam = reason_weight if kind.group is WeightGroup.REASON else act_weight
        weight = lam * (kind_weights or {}).get(str(kind), 1.0)
        if weight == 0:
            continue
        ce = -student[row].log_softmax(-1)[int(targets[row])]
        value = ce
        if teacher is not None:
            p = (teacher[row].double() / temperature).log_softmax(-1)
            q = (student[row] / temperature).log_softmax(-1)
            value = (1 - ce_mix) * temperature**2 * forward_kl(p, q) + ce_mix * ce
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
