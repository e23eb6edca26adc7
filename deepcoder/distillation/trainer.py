"""From the `trainer`, `logger` and `callbacks` groups to a Lightning Trainer.

    check_trainer(cfg.trainer)                     # one line about what is missing, at once
    ranks = world_size(cfg.trainer)                # the plan of the data needs it
    trainer = make_trainer(cfg, folder, loggers, callbacks, val_check_interval=40)

The trainer of the configuration is Lightning's own, with the parts fixed that exact training needs:
all epochs of the plan are one pass, samplers are ours, checkpoints are atomic.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepcoder.config import build
from deepcoder.errors import ConfigError, MissingError

if TYPE_CHECKING:
    import pytorch_lightning as pl
    from torch import nn

__all__ = ["check_trainer", "make_loggers", "make_trainer", "validation_interval", "world_size"]


def world_size(trainer: Any) -> int:
    """Processes that train together, known before a Trainer exists.

    What torchrun or Lightning's launcher says; otherwise `devices` × `num_nodes`.
    """
    if (given := os.environ.get("WORLD_SIZE", "")).isdigit() and "strategy" in trainer:
        return int(given)
    return _devices(trainer) * int(trainer.get("num_nodes", 1))


def _devices(trainer: Any) -> int:
    devices = trainer.get("devices", 1)
    if isinstance(devices, int) and devices >= 0:
        return devices
    if isinstance(devices, str) and devices.isdigit():
        return int(devices)
    if isinstance(devices, str) and "," in devices:
        return len([part for part in devices.split(",") if part.strip()])
    if not isinstance(devices, str | int):
        return len(devices)
    return max(1, _gpus()) if str(trainer.get("accelerator", "auto")) != "cpu" else 1


def _gpus() -> int:
    if os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        return 0
    import torch

    return torch.cuda.device_count()


def check_trainer(trainer: Any) -> None:
    """Raises MissingError or ConfigError, in one line, when this trainer cannot run here."""
    strategy = trainer.get("strategy", "auto")
    name = strategy if isinstance(strategy, str) else str(strategy.get("_target_", ""))
    cpu = str(trainer.get("accelerator", "auto")) == "cpu"
    if "deepspeed" in name.lower():
        import importlib.util

        if importlib.util.find_spec("deepspeed") is None:
            raise MissingError(
                "trainer=deepspeed needs the package `deepspeed`, which is not installed.",
                fix="run `pip install deepspeed`, or use trainer=ddp",
            )
    if ("fsdp" in name.lower() or "deepspeed" in name.lower()) and (cpu or not _gpus()):
        raise MissingError(
            f"trainer.strategy={name.rpartition('.')[2]} shards over GPUs, and there is no CUDA "
            "device to use.",
            fix="use trainer=ddp (trainer.accelerator=cpu trainer.devices=2 runs it on a CPU)",
        )
    wanted, gpus = _devices(trainer), _gpus()
    if not cpu and wanted > max(1, gpus) and "WORLD_SIZE" not in os.environ:
        raise MissingError(
            f"trainer.devices={wanted} asks for more devices than there are ({gpus} GPUs).",
            fix=f"set trainer.devices={max(1, gpus)}, or trainer.accelerator=cpu",
        )
    if wanted * int(trainer.get("num_nodes", 1)) > 1 and strategy == "auto":
        raise ConfigError(
            f"trainer.devices={wanted} without a strategy.",
            fix="use trainer=ddp, or trainer=fsdp for a student that does not fit one GPU",
        )


def make_trainer(
    cfg: Any,
    folder: Path,
    loggers: Sequence[Any],
    callbacks: Sequence[Any],
    *,
    val_check_interval: int,
    validate: bool,
) -> pl.Trainer:
    """The configured trainer. `val_check_interval` counts micro-batches."""
    from deepcoder.distillation.checkpoints import AtomicCheckpoints

    return build(cfg.trainer, _partial_=True, _convert_="all")(
        max_epochs=1,  # all epochs of the plan are one pass: see TrajectoryDataModule
        max_steps=-1,
        val_check_interval=val_check_interval,
        limit_val_batches=None if validate else 0,
        num_sanity_val_steps=0,
        logger=list(loggers),
        callbacks=list(callbacks),
        plugins=[AtomicCheckpoints()],
        enable_checkpointing=False,  # ours are callbacks of their own
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        default_root_dir=str(folder),
    )


def validation_interval(trainer: Any, steps_per_epoch: int, total_steps: int) -> int:
    """Micro-batches between validations: `trainer.val_check_interval` counts optimizer steps when
    it is an integer, and is a share of an epoch when it is a fraction."""
    interval = trainer.val_check_interval
    steps = interval if isinstance(interval, int) else round(interval * steps_per_epoch)
    return min(max(1, steps), total_steps) * trainer.accumulate_grad_batches


def make_loggers(logger: Any, folder: Path, info: Mapping[str, Any]) -> list[Any]:
    """The configured logger beside metrics.jsonl, or nothing.

    A wandb run is named after the folder and continues after an interruption. Raises MissingError
    when the logger's package is not installed.
    """
    if not logger or "_target_" not in logger:
        return []
    options: dict[str, Any] = {"save_dir": str(folder)}
    target = str(logger._target_)
    if target.endswith("WandbLogger"):
        options |= {"id": f"{folder.name}-{info.get('key')}", "resume": "allow"}
        options |= {"name": folder.name}
    try:
        return [build(logger, _partial_=True, _convert_="all")(**options)]
    except ModuleNotFoundError as error:
        raise MissingError(
            f"logger {target.rpartition('.')[2]} needs a package that is not installed ({error}).",
            fix="install it (`pip install deepcoder[tensorboard]` or wandb), or use logger=none",
        ) from error


def wrap_layers(module: nn.Module, recurse: bool, nonwrapped_numel: int) -> bool:
    """FSDP policy: every decoder layer of a transformers model is a unit of its own."""
    return recurse or type(module).__name__.endswith("DecoderLayer")
