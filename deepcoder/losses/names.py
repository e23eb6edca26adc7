"""The closed sets of the loss: divergences, normalisers, sparse forms. Imports nothing heavy,
because the configuration schema takes its choices from here.

    DivergenceName("forward_kl")

Members are lower case because OmegaConf reads an enum by the name of its member.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["DivergenceName", "Normaliser", "SparseScheme"]


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


class SparseScheme(StrEnum):
    """How a few stored numbers stand for a teacher's whole distribution p over V tokens."""

    tail = "tail"
    """The k largest p and the mass of all others: both distributions are compared over k + 1
    outcomes. A lower bound of D, exact for k = V."""
    renormalised = "renormalised"
    """The k largest p divided by their sum, 0 elsewhere; the student keeps its whole distribution,
    so that it is pushed off everything outside. Biased towards the head."""
    sampled = "sampled"
    """Draws from p (or from another proposal, with importance weights): the cross-entropy
    Σ weight_i · -log q_i, whose mean over draws is that of p, and so is its gradient (Sparse Logit
    Sampling, ACL 2025). Forward KL only: no other D is linear in p."""
    sorted = "sorted"
    """The k largest p and the mass of all others, without saying whose they are, against the k
    largest q: for teachers of another vocabulary (ULD, arXiv 2402.12030). An approximation."""
