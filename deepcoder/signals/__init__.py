"""Teacher signals: what the student is pulled towards at a supervised token.

`hard` is the token that the teacher chose: there is nothing to load, and every divergence becomes
cross-entropy. `online` is a white-box transformers model that reads the same batch as the student
and hands its hidden states and head to the loss, which forms teacher logits chunk by chunk.
`cached` is what the `score` stage stored of a teacher before: sparse distributions in memory-mapped
files (`cache`), made by a local model (`local`) or a server (`server`).

    signal = load_signal("online", cfg.teacher, tokenizer)
    out = loss(hidden, head, targets, kinds, denominators, teacher=signal(batch))

What a signal needs of its teacher (a tokenizer that can be compared) is checked when it is loaded.
Loss and divergence live in `deepcoder.losses`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from deepcoder.errors import ConfigError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast

    from deepcoder.losses.rows import ChunkRows, SparseRows, TeacherRows
    from deepcoder.students.batch import TokenBatch

__all__ = ["HardSignal", "TeacherSignal", "load_signal"]


class TeacherSignal(Protocol):
    """Gives the loss what it needs from the teacher for one micro-batch."""

    kind: str
    """`hard`, `online` or `cached`."""

    def to(self, device: torch.device) -> Any:
        """Move what the signal holds; returns the signal."""
        ...

    def __call__(self, batch: TokenBatch) -> TeacherRows | SparseRows | ChunkRows | None: ...


class HardSignal:
    """The teacher's own tokens, which are the batch's targets: nothing to add."""

    kind = "hard"

    def to(self, device: torch.device) -> HardSignal:
        return self

    def __call__(self, batch: TokenBatch) -> None:
        return None


def load_signal(
    kind: str, teacher: Any, student_tokenizer: PreTrainedTokenizerFast
) -> TeacherSignal:
    """The signal of `kind` for the `teacher` config group. Cached ones come from a run folder:
    `deepcoder.score.scored_signal`.

    Raises MissingError when the teacher's model cannot be had, and ConfigError when its tokenizer
    differs from the student's.
    """
    if kind == "hard":
        return HardSignal()
    if kind == "online":
        from deepcoder.signals.online import OnlineSignal

        return OnlineSignal.load(teacher, student_tokenizer)
    raise ConfigError(f"loss.signal={kind} is not known here.", fix="use hard or online")
