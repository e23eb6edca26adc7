"""Feeds a progress display, whatever it is, once per optimizer step.

with progress("training", total) as advance:
    Trainer(callbacks=[StepProgress(advance)])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl

from deepcoder.students.batch import TokenBatch

__all__ = ["StepProgress"]


class StepProgress(pl.Callback):
    """Calls `advance(1, **facts)` with the newest numbers of the step."""

    def __init__(self, advance: Callable[..., None]) -> None:
        self.advance = advance

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: Any,
        outputs: Any,
        batch: TokenBatch,
        batch_idx: int,
    ) -> None:
        # Callbacks run before the module's own hook, so these are the numbers of the step before.
        if batch.micro + 1 == trainer.accumulate_grad_batches and trainer.is_global_zero:
            self.advance(1, **_brief(pl_module.last_step))


def _brief(metrics: dict[str, float]) -> dict[str, str]:
    shown = {
        "reason": ("train/reason_loss", "{:.3f}"),
        "act": ("train/act_loss", "{:.3f}"),
        "tokens/s": ("tokens_per_second", "{:.0f}"),
    }
    return {k: f.format(metrics[name]) for k, (name, f) in shown.items() if name in metrics}
