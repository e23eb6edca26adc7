"""Teacher signals row by row: what the student is pulled towards at each supervised position.

Row i of every tensor belongs to supervised position i: the hidden state at t-1 and the token t
that it predicts. Files and caches are not known here (`deepcoder.signals` reads them).

    TeacherRows(hidden=teacher_hidden[rows], head_weight=teacher.lm_head.weight)
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

__all__ = ["TeacherRows"]


@dataclass(frozen=True)
class TeacherRows:
    """A white-box teacher in this process: its logits are formed chunk by chunk inside the loss.

    Its head may be wider or narrower than the student's when both count the same tokens from 0
    (151,936 and 152,064): both are then sliced to the tokens that they share.
    """

    hidden: Float[Tensor, "rows d_teacher"]
    head_weight: Float[Tensor, "vocab_teacher d_teacher"]
    head_bias: Float[Tensor, " vocab_teacher"] | None = None
