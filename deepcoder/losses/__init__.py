"""Span-weighted distillation losses that never build the [tokens × vocabulary] logits.

    from deepcoder.losses import SpanLoss, TeacherRows, denominators

Names load on demand, so that the configuration can read `deepcoder.losses.names` without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "DivergenceName": "names",
    "KindSums": "span_loss",
    "LossOutput": "span_loss",
    "Normaliser": "names",
    "SpanLoss": "span_loss",
    "TeacherRows": "rows",
    "denominators": "kinds",
    "shuffle_kinds": "kinds",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'deepcoder.losses' has no attribute {name!r}")
    return getattr(import_module(f"deepcoder.losses.{_HOMES[name]}"), name)
