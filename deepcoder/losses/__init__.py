"""Span-weighted distillation losses that never build the [tokens × vocabulary] logits.

    from deepcoder.losses import SpanLoss, TeacherRows, denominators

Names load on demand, so that the configuration can read `deepcoder.losses.names` without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "ChunkRows": "rows",
    "Divergence": "divergences",
    "DivergenceName": "names",
    "HardRows": "rows",
    "KindSums": "span_loss",
    "LinearLoss": "linear",
    "LogitMap": "rows",
    "LossOutput": "span_loss",
    "Normaliser": "names",
    "Objective": "objective",
    "SpanLoss": "span_loss",
    "SparseRows": "rows",
    "SparseScheme": "names",
    "TeacherRows": "rows",
    "denominators": "kinds",
    "linear_distillation_loss": "linear",
    "shuffle_kinds": "kinds",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'deepcoder.losses' has no attribute {name!r}")
    return getattr(import_module(f"deepcoder.losses.{_HOMES[name]}"), name)
