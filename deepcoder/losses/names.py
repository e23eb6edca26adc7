"""The closed sets of the loss: divergences and normalisers. Imports nothing heavy, because the
configuration schema takes its choices from here.

    DivergenceName("forward_kl")

Members are lower case because OmegaConf reads an enum by the name of its member.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["DivergenceName", "Normaliser"]


class DivergenceName(StrEnum):
    """D(teacher‖student) at one token. p is the teacher, q the student; see docs/losses.md."""

    forward_kl = "forward_kl"
    """KL(p‖q): the student covers everything that the teacher finds likely. SAD's choice."""
    reverse_kl = "reverse_kl"
    """KL(q‖p): the student keeps to what the teacher finds likely."""
    jeffreys = "jeffreys"
    """KL(p‖q) + KL(q‖p)."""
    jsd = "jsd"
    """beta·KL(p‖m) + (1 - beta)·KL(q‖m) with m = beta·p + (1 - beta)·q; bounded."""
    skewed_forward_kl = "skewed_forward_kl"
    """KL(p‖alpha·p + (1 - alpha)·q); bounded."""
    skewed_reverse_kl = "skewed_reverse_kl"
    """KL(q‖alpha·q + (1 - alpha)·p); bounded."""
    total_variation = "total_variation"
    """½ Σ|p - q|; bounded by 1."""
    adaptive_kl = "adaptive_kl"
    """Forward and reverse KL, mixed by where p and q differ: in p's head or in its tail."""


class Normaliser(StrEnum):
    """What a weighted sum over tokens is divided by. Denominators are those of the whole
    optimizer step, over all micro-batches and ranks."""

    group_mean = "group_mean"
    """Each weight group by its own token count: long reasoning cannot drown actions."""
    token_mean = "token_mean"
    """Everything by the count of supervised tokens."""
    sum = "sum"
    """Nothing is divided."""
