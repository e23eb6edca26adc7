"""What stops a training that has gone wrong, in words that say what to change.

check_finite(loss, batch)            # DeepcoderError naming step and examples
with out_of_memory_advice(cfg): ...  # DeepcoderError naming what to lower
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor

from deepcoder.errors import DeepcoderError
from deepcoder.students.batch import TokenBatch

__all__ = ["check_finite", "out_of_memory_advice"]

SHOWN = 8
"""Example ids that a message lists."""


def check_finite(value: Tensor, what: str, batch: TokenBatch) -> None:
    """Raise DeepcoderError naming the batch when `value` is NaN or infinite."""
    if torch.isfinite(value).all():
        return
    names = ", ".join(batch.example_ids[:SHOWN])
    more = len(batch.example_ids) - SHOWN
    raise DeepcoderError(
        f"The {what} is {value.item()} at step {batch.step + 1}, micro-batch {batch.micro + 1}, "
        f"on the examples {names}{f' and {more} more' if more > 0 else ''}. "
        "Earlier checkpoints are kept.",
        fix="lower optim.optimizer.lr or set trainer.gradient_clip_val; if it is always the same "
        "examples, look at them",
    )


@contextlib.contextmanager
def out_of_memory_advice(batch_tokens: int, max_tokens: int) -> Iterator[None]:
    """Turn an allocation failure of torch into a message that names what to lower."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not _is_out_of_memory(error):
            raise
        raise DeepcoderError(
            f"Out of memory with {batch_tokens} tokens per micro-batch.",
            fix=f"lower data.batch_tokens (now {batch_tokens}) and, as far as needed, "
            f"student.max_tokens (now {max_tokens}); raise trainer.accumulate_grad_batches by the "
            "same factor; set student.gradient_checkpointing=true; then run again, it continues",
        ) from error


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    text = str(error).lower()
    return any(w in text for w in ("not enough memory", "out of memory", "allocate memory"))
