"""Examples to micro-batches: which sequences are trained together, in which step, on which rank.

    planner = StepPlanner(lengths, counts, settings)     # every optimizer step, beforehand
    data = TrajectoryDataModule(examples, settings)      # for a Lightning Trainer

`packing` lays sequences into rows, `planner` deals the rows out to steps, micro-batches and ranks
as a pure function of the seed, `batches` makes tensors, `datamodule` offers them to Lightning and
resumes at any optimizer step. Rendering and alignment happened before, in `deepcoder.prepare`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "BatchSettings": "planner",
    "Examples": "examples",
    "StepPlanner": "planner",
    "TrajectoryDataModule": "datamodule",
    "collate": "batches",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'deepcoder.data' has no attribute {name!r}")
    return getattr(import_module(f"deepcoder.data.{_HOMES[name]}"), name)
