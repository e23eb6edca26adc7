"""Which tokens count, by how much, and what their sum is divided by. No logits here.

With masks m_r and m_a over tokens, SAD (arXiv 2505.13820) is

    L = λ_r · N(Σ m_r D) + λ_a · N(Σ m_a D)

`reason_weight` is λ_r, `act_weight` is λ_a, and N divides by `denominators(...)`, which are those
of the whole optimizer step: they must be known before its first micro-batch, so that the gradient
is the same however the step is cut. A kind whose weight is 0 is not supervised and is counted
nowhere.

    weights = kind_table(cfg)[kinds.long()]
    per_group = denominators({"reason": 900, "act.arguments": 100}, cfg)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from deepcoder.errors import ConfigError
from deepcoder.losses.names import Normaliser
from deepcoder.types import KINDS, SpanKind, WeightGroup

__all__ = ["GROUPS", "LossSettings", "denominators", "group_mask", "kind_table", "shuffle_kinds"]

GROUPS = (WeightGroup.REASON, WeightGroup.ACT)
"""The groups that carry loss."""

KindCounts = Mapping[Any, float | int] | Sequence[float | int] | np.ndarray | Tensor
"""Tokens per span kind: by kind, or indexed by `SpanKind.code`."""


@runtime_checkable
class LossSettings(Protocol):
    """What is read from `deepcoder.config.LossConfig`, whose docstrings give the units."""

    reason_weight: float
    act_weight: float
    divergence: Any
    reason_divergence: Any
    act_divergence: Any
    beta: float
    alpha: float
    normaliser: Any
    ce_mix: float
    temperature: float
    kind_weights: Any
    label_smoothing: float
    z_loss: float
    focal: float
    confidence: float
    entropy: float


def kind_table(cfg: LossSettings) -> Float[Tensor, " kinds"]:
    """Weight of a token of each kind, indexed by `SpanKind.code`: λ of its group × its multiplier.

    Raises ConfigError for a multiplier that is negative, or of a kind that has no loss.
    """
    share = {
        WeightGroup.NONE: 0.0,
        WeightGroup.REASON: float(cfg.reason_weight),
        WeightGroup.ACT: float(cfg.act_weight),
    }
    trained = [kind for kind in KINDS if kind.group is not WeightGroup.NONE]
    multipliers = dict(cfg.kind_weights or {})
    for name, value in multipliers.items():
        if name not in [str(kind) for kind in trained]:
            raise ConfigError(
                f"loss.kind_weights names {name!r}, which is not a kind of token that is trained.",
                fix=f"use one of {', '.join(trained)}",
            )
        if not 0 <= float(value) < float("inf"):
            raise ConfigError(
                f"loss.kind_weights.{name}={value} is not a weight.", fix="use a number from 0 up"
            )
    return torch.tensor([share[k.group] * float(multipliers.get(str(k), 1.0)) for k in KINDS])


def group_mask(group: WeightGroup) -> Float[Tensor, " kinds"]:
    """1 for the kinds of `group`, else 0, indexed by `SpanKind.code`."""
    return torch.tensor([float(kind.group is group) for kind in KINDS])


def denominators(kind_counts: KindCounts, cfg: LossSettings) -> dict[WeightGroup, float]:
    """What each group's weighted sum is divided by, for one optimizer step.

    `kind_counts` holds tokens per kind, summed over all micro-batches and ranks of the step:
    a mapping from kind to count, or an array indexed by `SpanKind.code`. `group_mean` divides each
    group by its own count, `token_mean` both by the count of all supervised tokens, `sum` by 1.
    Counts are of tokens, not of weights: doubling λ or a multiplier doubles that term. A group
    without supervised tokens gets 1; its sum is 0 whatever it is divided by.
    """
    counts = _counts(kind_counts)
    supervised = [
        count if weight > 0 else 0.0
        for count, weight in zip(counts, kind_table(cfg).tolist(), strict=True)
    ]
    normaliser = Normaliser(str(cfg.normaliser))
    result = {}
    for group in GROUPS:
        if normaliser is Normaliser.sum:
            total = 1.0
        elif normaliser is Normaliser.token_mean:
            total = sum(supervised)
        else:
            total = sum(c for c, kind in zip(supervised, KINDS, strict=True) if kind.group is group)
        result[group] = total or 1.0
    return result


def _counts(kind_counts: KindCounts) -> list[float]:
    if isinstance(kind_counts, Mapping):
        by_name = {str(key): float(value) for key, value in kind_counts.items()}
        unknown = set(by_name) - {str(kind) for kind in KINDS}
        if unknown:
            raise ValueError(f"not a span kind: {', '.join(sorted(unknown))}")
        return [by_name.get(str(kind), 0.0) for kind in KINDS]
    values = [float(value) for value in kind_counts]
    if len(values) != len(KINDS):
        raise ValueError(f"expected {len(KINDS)} counts, one per span kind, got {len(values)}")
    return values


def shuffle_kinds(
    kinds: UInt8[np.ndarray, " tokens"], generator: np.random.Generator
) -> UInt8[np.ndarray, " tokens"]:
    """The control arm: permute the kinds of the supervised tokens of ONE example.

    Prompt and observation tokens stay where they are, and the count of every kind stays the same,
    so that only the placement of reason and act tokens is destroyed. Returns a new array.
    """
    trained = np.array([kind.group is not WeightGroup.NONE for kind in SpanKind])
    places = np.flatnonzero(trained[kinds])
    shuffled = kinds.copy()
    shuffled[places] = kinds[generator.permutation(places)]
    return shuffled
