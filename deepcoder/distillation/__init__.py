"""Distillation training with Lightning: the module, its checkpoints, its metrics, its guards.

    module = DistillationModule(build_student, SpanLoss(cfg.loss, "hard"), HardSignal(), recipe)
    trainer.fit(module, datamodule=data, ckpt_path=latest_checkpoint(folder))

`module` is wiring only. Losses, signals, students and data are packages of their own.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "AtomicCheckpoints": "checkpoints",
    "DistillationModule": "module",
    "JsonLines": "metrics",
    "Recipe": "module",
    "StepCheckpoint": "checkpoints",
    "latest_checkpoint": "checkpoints",
    "learning_rate_factor": "schedule",
    "write_card": "card",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'deepcoder.distillation' has no attribute {name!r}")
    return getattr(import_module(f"deepcoder.distillation.{_HOMES[name]}"), name)
