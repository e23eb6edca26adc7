"""Teacher signals row by row: what the student is pulled towards at each supervised position.

Row i of every tensor belongs to row i of the student's hidden states. How signals are stored is
not known here (`deepcoder.signals` reads files and hands over these).

    TeacherRows(hidden=teacher_hidden, head_weight=teacher.lm_head.weight)
    SparseRows(ids, log_probs, SparseScheme.tail, log_tail=log_tail)

Three ways to read k stored tokens of a distribution p over a vocabulary of V:

tail          the k largest p and the mass of all others: both distributions are compared over
              k + 1 outcomes. A lower bound of D, exact for k = V.
renormalised  the k largest p divided by their sum, 0 elsewhere; the student keeps its whole
              distribution, so that it is pushed off everything outside. Biased towards the head.
sampled       draws from p (or from another proposal, with importance weights): the cross-entropy
              Σ weight_i · -log q_i, whose mean over draws is that of p, and so is its gradient
              (Sparse Logit Sampling, ACL 2025). Forward KL only: no other D is linear in p.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["HardRows", "LogitMap", "SparseRows", "SparseScheme", "TeacherRows"]


@dataclass(frozen=True)
class LogitMap:
    """What a model does to hidden @ head_weight.T + bias: scale, then soft-cap.

    logits = softcap · tanh(scale · x / softcap); `softcap=None` leaves the tanh out (Gemma has
    it; Cohere and Granite have a scale).
    """

    scale: float = 1.0
    softcap: float | None = None


@dataclass(frozen=True)
class HardRows:
    """Only the chosen tokens are known: every divergence becomes cross-entropy on `targets`."""

    def select(self, rows: Int[Tensor, " n"] | slice) -> HardRows:
        return self


@dataclass(frozen=True)
class TeacherRows:
    """A white-box teacher in this process: its logits are formed chunk by chunk inside the loss.

    Its head may be wider or narrower than the student's when both count the same tokens from 0
    (151,936 and 152,064): both are then sliced to the tokens that they share, and every
    distribution, the student's cross-entropy included, is over those. A bias of -inf takes a
    token out of the teacher's distribution.
    """

    hidden: Float[Tensor, "rows d_teacher"]
    head_weight: Float[Tensor, "vocab_teacher d_teacher"]
    head_bias: Float[Tensor, " vocab_teacher"] | None = None
    logit_map: LogitMap = LogitMap()

    def select(self, rows: Int[Tensor, " n"] | slice) -> TeacherRows:
        return replace(self, hidden=self.hidden[rows])


class SparseScheme(StrEnum):
    """How stored tokens stand for a whole distribution; defined in the module's docstring."""

    tail = "tail"
    renormalised = "renormalised"
    sampled = "sampled"


@dataclass(frozen=True)
class SparseRows:
    """k stored tokens a row. Distributions are those at the temperature of the objective.

    `tail` needs `log_tail` and ids that differ within a row; `renormalised` needs ids that
    differ; `sampled` reads `log_probs` as log-weights, allows repeated ids, and -inf fills a slot
    that is not used. With `entropy` (of p, nats) the sampled value is an estimate of KL, without
    it of cross-entropy; the gradient is the same. Raises ValueError when parts are missing.
    """

    ids: Int[Tensor, "rows k"]
    log_probs: Float[Tensor, "rows k"]
    """Natural log of p, or of the importance weight (count / draws, when drawn from p itself)."""
    scheme: SparseScheme
    log_tail: Float[Tensor, " rows"] | None = None
    """Natural log of the mass of all tokens that are not stored; -inf when there is none."""
    entropy: Float[Tensor, " rows"] | None = None

    def __post_init__(self) -> None:
        if self.ids.shape != self.log_probs.shape:
            raise ValueError(f"{self.ids.shape} ids for {self.log_probs.shape} log-probabilities")
        if self.scheme is SparseScheme.tail and self.log_tail is None:
            raise ValueError("scheme tail needs log_tail, the log mass outside the stored tokens")

    def select(self, rows: Int[Tensor, " n"] | slice) -> SparseRows:
        def pick(x: Tensor | None) -> Tensor | None:
            return None if x is None else x[rows]

        return SparseRows(
            self.ids[rows],
            self.log_probs[rows],
            self.scheme,
            pick(self.log_tail),
            pick(self.entropy),
        )

    def outcomes(self, dtype: torch.dtype) -> Float[Tensor, "rows outcomes"]:
        """log p over the k tokens and, last, everything else (tail and renormalised)."""
        stored = self.log_probs.to(dtype)
        if self.scheme is SparseScheme.renormalised:
            stored = stored - stored.logsumexp(-1, keepdim=True)
            rest = torch.full_like(stored[:, :1], -torch.inf)
        else:
            assert self.log_tail is not None  # checked at construction
            rest = self.log_tail.to(dtype)[:, None]
        return torch.cat([stored, rest], dim=-1)


Signal = HardRows | TeacherRows | SparseRows
