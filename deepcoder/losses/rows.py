"""Teacher signals row by row: what the student is pulled towards at each supervised position.

Row i of every tensor belongs to row i of the student's hidden states. How signals are stored is
not known here (`deepcoder.signals` reads files and hands over these).

    TeacherRows(hidden=teacher_hidden, head_weight=teacher.lm_head.weight)
    SparseRows(ids, log_probs, SparseScheme.tail, log_tail=log_tail)

How k stored tokens are read, and with which bias, is defined by `SparseScheme`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, device

from deepcoder.losses.names import SparseScheme

__all__ = ["ChunkRows", "HardRows", "LogitMap", "SparseRows", "SparseScheme", "TeacherRows"]


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
    mask: Float[Tensor, " shared"] | None = None
    """Added to the logits of both: -inf takes a token that only one of them knows out of both
    distributions."""
    unknown: Bool[Tensor, " rows"] | None = None
    """Rows whose target the teacher does not know: `SpanLoss` takes cross-entropy there."""

    def select(self, rows: Int[Tensor, " n"] | slice) -> TeacherRows:
        return replace(self, hidden=self.hidden[rows], unknown=_pick(self.unknown, rows))


@dataclass(frozen=True)
class SparseRows:
    """k stored tokens a row. Distributions are those at the temperature of the objective.

    `tail` needs `log_tail` and ids that differ within a row; `renormalised` needs ids that
    differ; `sampled` reads `log_probs` as log-weights, allows repeated ids, and -inf fills a slot
    that is not used; `sorted` reads no ids and wants `log_probs` in descending order. With
    `entropy` the sampled value is an estimate of KL, without it of cross-entropy; the gradient is
    the same. Raises ValueError when parts are missing.
    """

    ids: Int[Tensor, "rows k"]
    log_probs: Float[Tensor, "rows k"]
    """Natural log of p, or of the importance weight (count / draws, when drawn from p itself)."""
    scheme: SparseScheme
    log_tail: Float[Tensor, " rows"] | None = None
    """Natural log of the mass of all tokens that are not stored; -inf when there is none."""
    entropy: Float[Tensor, " rows"] | None = None
    """Of p, nats."""
    log_target: Float[Tensor, " rows"] | None = None
    """Natural log of p(target)."""
    width: int | None = None
    """Token ids from 0 that both know: the student's head is sliced to them; null: all."""
    mask: Float[Tensor, " shared"] | None = None
    unknown: Bool[Tensor, " rows"] | None = None
    """As in `TeacherRows`."""

    def __post_init__(self) -> None:
        if self.ids.shape != self.log_probs.shape:
            raise ValueError(f"{self.ids.shape} ids for {self.log_probs.shape} log-probabilities")
        if self.scheme in (SparseScheme.tail, SparseScheme.sorted) and self.log_tail is None:
            raise ValueError(
                f"scheme {self.scheme} needs log_tail, the log mass outside the stored tokens"
            )

    def to(self, target: device | str) -> SparseRows:
        """The same rows with their tensors on another device."""
        names = ("ids", "log_probs", "log_tail", "entropy", "log_target", "mask", "unknown")
        parts = {name: getattr(self, name) for name in names}
        moved: dict[str, Any] = {n: None if x is None else x.to(target) for n, x in parts.items()}
        return replace(self, **moved)

    def select(self, rows: Int[Tensor, " n"] | slice) -> SparseRows:
        parts = ("log_tail", "entropy", "log_target", "unknown")
        return SparseRows(
            self.ids[rows],
            self.log_probs[rows],
            self.scheme,
            width=self.width,
            mask=self.mask,
            **{name: _pick(getattr(self, name), rows) for name in parts},
        )

    def outcomes(self, dtype: torch.dtype) -> Float[Tensor, "rows outcomes"]:
        """log p over the k tokens and, last, everything else (all but `sampled`)."""
        stored = self.log_probs.to(dtype)
        if self.scheme is SparseScheme.renormalised:
            stored = stored - stored.logsumexp(-1, keepdim=True)
            rest = torch.full_like(stored[:, :1], -torch.inf)
        else:
            assert self.log_tail is not None  # checked at construction
            rest = self.log_tail.to(dtype)[:, None]
        return torch.cat([stored, rest], dim=-1)


@dataclass(frozen=True)
class ChunkRows:
    """A teacher of another tokenizer: how likely it finds stretches of text, not tokens.

    Row i belongs to stretch `chunks[i]`, which both tokenizers begin and end at the same byte. An
    approximation: see `deepcoder.losses.chunks`.
    """

    chunks: Int[Tensor, " rows"]
    """Number of the stretch, from 0; -1 for a row that no stretch covers."""
    log_probs: Float[Tensor, " chunks"]
    """Natural log of the teacher's probability of the whole stretch, given what precedes it."""

    @property
    def unknown(self) -> Bool[Tensor, " rows"]:
        return self.chunks < 0


Signal = HardRows | TeacherRows | SparseRows


def _pick(x: Tensor | None, rows: Int[Tensor, " n"] | slice) -> Tensor | None:
    return None if x is None else x[rows]
