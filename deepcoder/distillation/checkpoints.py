"""Checkpoints that a kill cannot spoil: adapter, optimizer and position, written whole or not.

    trainer = Trainer(plugins=[AtomicCheckpoints()], callbacks=[StepCheckpoint(folder, 20)])
    trainer.fit(module, datamodule=data, ckpt_path=latest_checkpoint(folder), weights_only=True)

The base model is not in them. They load with `weights_only`, so a foreign file cannot run code.
They are taken at the start of the next step, when everything that belongs to the step before
(optimizer, metrics, validation) is behind us.
"""

from __future__ import annotations

import logging
import math
import os
import time
import zipfile
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.io import CheckpointIO

from deepcoder.errors import DataError
from deepcoder.students.batch import TokenBatch

__all__ = ["AtomicCheckpoints", "StepCheckpoint", "latest_checkpoint"]

log = logging.getLogger(__name__)

KEPT = 2
"""Newest checkpoints that stay: the last, and one to fall back to."""


def latest_checkpoint(folder: Path) -> Path | None:
    """The newest readable checkpoint, or None where there is none yet.

    A damaged one is reported and the one before it taken. Raises DataError when all are damaged.
    """
    found = sorted(folder.glob("step-*.ckpt"), reverse=True)
    for path in found:
        try:
            _verify(path)
        except Exception as error:  # a torn zip, a bad pickle, a wrong checksum: all mean damaged
            log.warning(
                "checkpoint %s is damaged (%s): ignoring it", path, str(error).splitlines()[0]
            )
            continue
        return path
    if found:
        raise DataError(
            f"All checkpoints in {folder} are damaged.",
            fix=f"remove {folder} to train from the beginning",
        )
    return None


def _verify(path: Path) -> None:
    """Read the whole file; torch itself does not look at the checksums of the archive."""
    if path.is_dir():
        return  # DeepSpeed writes folders of its own making
    with zipfile.ZipFile(path) as archive:
        wrong = archive.testzip()
    if wrong is not None:
        raise ValueError(f"wrong checksum of {wrong}")
    torch.load(path, map_location="cpu", weights_only=True)


class AtomicCheckpoints(CheckpointIO):
    """Temporary file, fsync, rename; and loading that refuses anything but data."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.tmp")
        with temporary.open("wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)

    def load_checkpoint(
        self, path: Any, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        return torch.load(path, map_location=map_location or "cpu", weights_only=True)

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)


class StepCheckpoint(pl.Callback):
    """Saves every so many optimizer steps or seconds, and at the end; keeps the newest two."""

    def __init__(
        self, folder: Path, every_n_steps: int = 20, every_seconds: float = math.inf
    ) -> None:
        self.folder = folder
        self.every_n_steps = every_n_steps
        self.every_seconds = every_seconds
        self._last = 0
        self._saved_at = time.monotonic()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._last = trainer.global_step
        self._saved_at = time.monotonic()

    def on_train_batch_start(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        batch: TokenBatch,
        batch_idx: int,
    ) -> None:
        if batch.micro or batch.step <= self._last:
            return
        if batch.step % self.every_n_steps == 0 or self._overdue(trainer):
            self._save(trainer, batch.step)

    def _overdue(self, trainer: pl.Trainer) -> bool:
        overdue = time.monotonic() - self._saved_at >= self.every_seconds
        if trainer.world_size == 1 or math.isinf(self.every_seconds):
            return overdue
        return bool(trainer.strategy.broadcast(overdue))  # clocks differ, and all must save or none

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.global_step > self._last:
            self._save(trainer, trainer.global_step)

    def _save(self, trainer: pl.Trainer, step: int) -> None:
        self._last = step
        trainer.save_checkpoint(self.folder / f"step-{step:08d}.ckpt")
        if trainer.is_global_zero:
            for old in sorted(self.folder.glob("step-*.ckpt"))[:-KEPT]:
                old.unlink(missing_ok=True)
        self._saved_at = time.monotonic()
