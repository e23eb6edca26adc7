"""Numbers of a training: named from span sums, written as JSON lines.

    metrics = loss_metrics("train", sums)    # {"train/reason_loss": …, "train/act_tokens": …}
    logger = JsonLines(run.path / "metrics.jsonl", resumed_at=40)

`JsonLines` is a Lightning logger, so it stands beside wandb or TensorBoard. A resumed run replays
the steps since its checkpoint: lines of replayed steps are dropped, so no step appears twice.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Int
from pytorch_lightning.loggers.logger import Logger
from torch import Tensor

from deepcoder.losses.kinds import group_mask
from deepcoder.losses.span_loss import KindSums
from deepcoder.students.batch import TokenBatch
from deepcoder.types import KINDS, WeightGroup

__all__ = ["JsonLines", "exact_actions", "memory_gb", "training_metrics", "validation_metrics"]

GROUPS = (WeightGroup.REASON, WeightGroup.ACT)
_ACT = group_mask(WeightGroup.ACT).bool()


def training_metrics(sums: KindSums) -> dict[str, float]:
    """Mean loss per token and token count of each span group, over one optimizer step."""
    metrics: dict[str, float] = {}
    for group in GROUPS:
        totals = sums.group(group)
        if totals["tokens"]:
            metrics[f"train/{group}_loss"] = totals["divergence"] / totals["tokens"]
        metrics[f"train/{group}_tokens"] = totals["tokens"]
    return metrics


def validation_metrics(sums: KindSums, divergence: bool) -> dict[str, float]:
    """NLL in nats per token and accuracy under teacher forcing: by kind, by group, over all.

    `divergence`: the signal is a distribution, so its mean divergence is a number of its own.
    """
    metrics: dict[str, float] = {}
    total = {"nll": 0.0, "correct": 0.0, "tokens": 0.0}
    for group in GROUPS:
        values = sums.group(group)
        for name in total:
            total[name] += values[name]
        if not values["tokens"]:
            continue
        metrics[f"val/{group}_nll"] = values["nll"] / values["tokens"]
        metrics[f"val/{group}_accuracy"] = values["correct"] / values["tokens"]
        if divergence:
            metrics[f"val/{group}_loss"] = values["divergence"] / values["tokens"]
    columns = (sums.nll.tolist(), sums.correct.tolist(), sums.tokens.tolist())
    for kind, nll, correct, tokens in zip(KINDS, *columns, strict=True):
        if tokens:
            metrics[f"val/{kind}/nll"] = nll / tokens
            metrics[f"val/{kind}/accuracy"] = correct / tokens
    if total["tokens"]:
        metrics["val/nll"] = total["nll"] / total["tokens"]
        metrics["val/token_accuracy"] = total["correct"] / total["tokens"]
    return metrics


def exact_actions(batch: TokenBatch, correct: Bool[Tensor, " supervised"]) -> Int[Tensor, 2]:
    """How many actions the batch holds, and of how many every token is the student's first choice.

    An action is a run of acting tokens without a gap: name, arguments and scaffolding of one turn.
    The batch must supervise all kinds that are sampled, as validation does.
    """
    act = _ACT.to(batch.kinds.device)[batch.kinds.long()]
    rows, right = batch.rows[act], correct[act]
    if not len(rows):
        return torch.zeros(2, dtype=torch.int64)
    fresh = torch.ones_like(rows)
    fresh[1:] = rows[1:] != rows[:-1] + 1
    action = fresh.cumsum(0) - 1
    count = int(action[-1]) + 1
    wrong = torch.zeros(count, dtype=torch.int64, device=rows.device)
    wrong.index_add_(0, action, (~right).long())
    return torch.tensor([count, int((wrong == 0).sum())])


def memory_gb(device: torch.device) -> float:
    """Peak memory so far in GB: of the accelerator where there is one, else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e9 if sys.platform == "darwin" else peak / 1e6


class JsonLines(Logger):
    """Appends one JSON object per call to a file, flushed before it returns."""

    def __init__(self, path: Path, resumed_at: int = 0, write: bool = True) -> None:
        """Keeps the lines of `path` up to step `resumed_at` and those that have no step.

        `write`: false in all ranks of a distributed run but one.
        """
        super().__init__()
        self.path = path
        self._seen: set[tuple[int, str]] = set()
        self._write = write
        if write:
            self._cut(resumed_at)

    @property
    def name(self) -> str:
        return "metrics"

    @property
    def version(self) -> str:
        return ""

    def log_hyperparams(
        self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any
    ) -> None:
        """The run folder has config.yaml."""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """One line; the same kind of line for the same step is written once."""
        if not self._write:
            return
        at = int(step or 0)
        if (key := _key(at, metrics)) in self._seen:
            return
        self._seen.add(key)
        line = json.dumps({"time": round(time.time(), 3), "step": at, **metrics}, default=float)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def read(self) -> list[dict[str, Any]]:
        """All lines so far."""
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def _cut(self, resumed_at: int) -> None:
        if not self.path.exists():
            return
        kept = []
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue  # torn by a kill
            step = record.get("step")
            if step is not None and step > resumed_at:
                continue
            kept.append(line)
            if step is not None:
                self._seen.add(_key(step, record))
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        os.replace(temporary, self.path)


def _key(step: int, metrics: dict[str, Any]) -> tuple[int, str]:
    """A training line and a validation line of one step are different lines."""
    return step, "val" if any(name.startswith("val/") for name in metrics) else "train"
