"""What may happen around a training besides its steps: averages, stopping, the best, samples.

    callbacks = make_callbacks(cfg.callbacks, run.path, tokenizer)

All are off by default. What decides the result (`Ema`, `EarlyStop`) keeps its state in the
checkpoints, so that a resumed run goes on as if nothing had happened; what writes files
(`BestAdapters`, `Samples`) writes each step once, whoever repeats it.
"""

from __future__ import annotations

import json
import logging
import math
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from deepcoder.distillation.checkpoints import StepCheckpoint
from deepcoder.errors import ConfigError

__all__ = ["BestAdapters", "EarlyStop", "Ema", "make_callbacks"]

log = logging.getLogger(__name__)


class Ema(pl.Callback):
    """Exponential moving average of the adapter: validated, and exported at the end.

    mean ← decay · mean + (1 - decay) · weights, after every optimizer step, from the untrained
    adapter on. The optimizer never sees the mean.
    """

    def __init__(self, decay: float) -> None:
        if not 0 < decay < 1:
            raise ConfigError(
                f"callbacks.ema_decay={decay} is outside 0…1.", fix="use 0.999, or null for none"
            )
        self.decay = decay
        self.mean: dict[str, Tensor] = {}
        self._weights: dict[str, Tensor] = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        start = {name: p.detach().clone() for name, p in _trained(pl_module)}
        self.mean = {
            n: self.mean[n].to(p.device) if n in self.mean else p for n, p in start.items()
        }

    @torch.no_grad()
    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        if batch.micro + 1 == trainer.accumulate_grad_batches:
            for name, parameter in _trained(pl_module):
                self.mean[name].lerp_(parameter, 1 - self.decay)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.mean:
            self._weights = {name: p.detach().clone() for name, p in _trained(pl_module)}
            self.install(pl_module)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._weights:
            _install(pl_module, self._weights)
            self._weights = {}

    def install(self, pl_module: pl.LightningModule) -> None:
        """Put the mean in the place of the weights, for good."""
        _install(pl_module, self.mean)

    def state_dict(self) -> dict[str, Any]:
        return {"mean": {name: tensor.cpu() for name, tensor in self.mean.items()}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.mean = dict(state_dict["mean"])


class EarlyStop(pl.Callback):
    """Ends the training when a validation metric has not improved for `patience` validations."""

    def __init__(self, metric: str, patience: int, mode: str = "min", min_delta: float = 0.0):
        self.metric, self.patience, self.min_delta = metric, patience, min_delta
        self.sign = _sign(mode, "callbacks.early_stopping.mode")
        self.best = math.inf
        self.waited = 0

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.state.fn != "fit":
            return
        value = self.sign * _measured(pl_module, self.metric, "callbacks.early_stopping.metric")
        if value < self.best - self.min_delta:
            self.best, self.waited = value, 0
            return
        self.waited += 1
        if self.waited >= self.patience:
            log.info(
                "stopping early: %s has not improved for %s validations", self.metric, self.waited
            )
            trainer.should_stop = True

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.waited >= self.patience:  # stopped, then killed before it could finish
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "waited": self.waited}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best, self.waited = state_dict["best"], state_dict["waited"]


class BestAdapters(pl.Callback):
    """Keeps the adapters of the `keep` best validations in `folder/step-…`, each with metrics.json.

    The ranking is read from the folder, so it survives interruptions by itself.
    """

    def __init__(self, folder: Path, metric: str, keep: int, mode: str = "min") -> None:
        self.folder, self.metric, self.keep = folder, metric, keep
        self.sign = _sign(mode, "callbacks.best.mode")

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.state.fn != "fit":
            return
        value = _measured(pl_module, self.metric, "callbacks.best.metric")
        if not trainer.is_global_zero:
            return
        target = self.folder / f"step-{trainer.global_step:08d}"
        ranked = [entry for entry in self.ranking() if entry[1] != target]
        better = [entry for entry in ranked if entry[0] <= self.sign * value]
        if len(better) >= self.keep:
            return
        temporary = self.folder / f".{target.name}"
        shutil.rmtree(temporary, ignore_errors=True)
        pl_module.model.save_pretrained(temporary, save_embedding_layers=False)
        metrics = getattr(pl_module, "validation", {})
        (temporary / "metrics.json").write_text(json.dumps({"value": value, **metrics}, indent=1))
        shutil.rmtree(target, ignore_errors=True)
        temporary.rename(target)
        for _, old in self.ranking()[self.keep :]:
            shutil.rmtree(old)

    def ranking(self) -> list[tuple[float, Path]]:
        """(signed value, folder), the best first; the earlier one where two are equal."""
        return sorted(
            (self.sign * json.loads(path.read_text())["value"], path.parent)
            for path in self.folder.glob("step-*/metrics.json")
        )

    def restore(self, pl_module: pl.LightningModule) -> str | None:
        """Load the best adapter into the model; returns its folder's name, None without one."""
        from peft import load_peft_weights, set_peft_model_state_dict

        if not (ranked := self.ranking()):
            return None
        best = ranked[0][1]
        set_peft_model_state_dict(pl_module.model, load_peft_weights(str(best), device="cpu"))
        return best.name


def make_callbacks(cfg: Any, folder: Path, tokenizer: Callable[[], Any]) -> list[pl.Callback]:
    """The configured callbacks, in the order in which they must act."""
    callbacks: list[pl.Callback] = []
    if cfg.early_stopping.patience:
        callbacks.append(EarlyStop(**cfg.early_stopping))
    if cfg.best.keep:
        options = {name: cfg.best[name] for name in ("metric", "keep", "mode")}
        callbacks.append(BestAdapters(folder / "best", **options))
    if cfg.samples.count:
        from deepcoder.distillation.samples import Samples

        callbacks.append(Samples(folder / "samples.jsonl", tokenizer, **cfg.samples))
    if cfg.ema_decay is not None:
        callbacks.append(Ema(cfg.ema_decay))  # last: until then the mean stands in the model
    callbacks.append(StepCheckpoint(folder / "checkpoints", **cfg.checkpoint))
    return callbacks


def _trained(pl_module: pl.LightningModule) -> Iterator[tuple[str, Tensor]]:
    return ((name, p) for name, p in pl_module.named_parameters() if p.requires_grad)


@torch.no_grad()
def _install(pl_module: pl.LightningModule, values: Mapping[str, Tensor]) -> None:
    for name, parameter in _trained(pl_module):
        parameter.copy_(values[name])


def _sign(mode: str, field: str) -> int:
    if mode not in ("min", "max"):
        raise ConfigError(f"{field}={mode!r} is unknown.", fix="use min or max")
    return 1 if mode == "min" else -1


def _measured(pl_module: pl.LightningModule, metric: str, field: str) -> float:
    metrics: dict[str, float] = getattr(pl_module, "validation", {})
    if metric not in metrics:
        raise ConfigError(
            f"{field}={metric!r} is not measured.", fix=f"use one of {', '.join(sorted(metrics))}"
        )
    return metrics[metric]
