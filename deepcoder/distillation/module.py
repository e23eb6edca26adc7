"""The LightningModule: wiring between student, signal, loss and optimizer. No mathematics here.

    module = DistillationModule(
        student=lambda: attach_lora(load_base(cfg.student, cache), cfg.student.lora),
        loss=SpanLoss(cfg.loss, "hard"),
        signal=HardSignal,
        recipe=Recipe(optimizer=build(cfg.optim.optimizer, _partial_=True)),
    )

One training step: hidden states of the supervised rows (never full logits), the loss over them,
backward. Each loss is already divided by the denominators of its whole optimizer step, so the
factors that Lightning and DDP divide by are multiplied back.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from deepcoder.distillation.guards import check_finite
from deepcoder.distillation.metrics import (
    exact_actions,
    memory_gb,
    training_metrics,
    validation_metrics,
)
from deepcoder.distillation.schedule import learning_rate_factor
from deepcoder.distillation.throughput import StepCost, peak_flops
from deepcoder.errors import DataError
from deepcoder.losses.span_loss import KindSums, LossOutput, SpanLoss
from deepcoder.signals.logit_map import logit_map_of
from deepcoder.students.attention import use_document_attention
from deepcoder.students.batch import TokenBatch, head_of, supervised_hidden
from deepcoder.students.fused import fuse_lora

__all__ = ["DistillationModule", "Recipe"]


@dataclass(frozen=True)
class Recipe:
    """How the adapter is optimised."""

    optimizer: Callable[[list[Tensor]], torch.optim.Optimizer]
    schedule: str = "cosine"
    warmup_steps: int = 10
    total_steps: int = 1
    """Optimizer steps of the whole training; the schedule ends there."""
    seed: int = 0
    """Seed of dropout, together with step, micro-batch and rank."""
    identity: Mapping[str, str] = field(default_factory=dict)
    """What a checkpoint must agree with to be resumed, e.g. the hash of the examples."""


class DistillationModule(pl.LightningModule):
    """A LoRA student that learns from a teacher signal. Checkpoints hold the adapter only."""

    def __init__(
        self,
        student: Callable[[], Any],
        loss: SpanLoss,
        signal: Callable[[], Any],
        recipe: Recipe,
        report: Callable[[Mapping[str, float]], None] = lambda metrics: None,
    ) -> None:
        """`student` and `signal` are called once, when and where Lightning wants the model;
        `report` gets the metrics of every optimizer step, e.g. for a progress bar."""
        super().__init__()
        self.strict_loading = False  # checkpoints have no base weights
        self.loss = loss
        self.recipe = recipe
        self.validation: dict[str, float] = {}
        """Metrics of the last validation."""
        self._build_student = student
        self._build_signal = signal
        self._report = report
        self._signal: list[Any] = []  # in a list: a teacher must not become a submodule
        self.model: Any = None
        self._sums = KindSums.zeros()
        self._step_tokens = 0
        self._step_flops = 0.0
        self._actions = torch.zeros(2, dtype=torch.int64)
        self._cost: StepCost | None = None
        self._step_began = 0.0
        self._facts: dict[str, float] = {}
        self._batch: TokenBatch | None = None

    def configure_model(self) -> None:
        if self.model is not None:
            return
        self.model = self._build_student()
        use_document_attention(self.model.get_base_model())
        fuse_lora(self.model)
        self._cost = StepCost.of(self.model)
        self._signal = [self._build_signal()]

    @property
    def approximate(self) -> bool:
        """Whether the teacher's tokens are not the student's, so that its signal is a guess."""
        return any(getattr(signal, "approximate", False) for signal in self._signal)

    def on_fit_start(self) -> None:
        self._signal[0].to(self.device)

    def on_validation_start(self) -> None:
        self._signal[0].to(self.device)

    # ------------------------------------------------------------------------- steps

    def training_step(self, batch: TokenBatch, batch_idx: int) -> Tensor:
        self._batch = batch
        output = self._forward(batch)
        check_finite(output.loss, "loss", batch)
        self._sums = self._sums + _on_cpu(output.sums)
        self._step_tokens += batch.tokens
        assert self._cost is not None  # configure_model came first
        lengths = (end - start for row in batch.documents for start, end in row)
        self._step_flops += self._cost.flops(lengths, len(batch.targets))
        self._facts["train/loss"] = self._facts.get("train/loss", 0.0) + output.loss.item()
        # Lightning divides by the first factor and DDP by the second.
        return output.loss * (self.trainer.accumulate_grad_batches * self.trainer.world_size)

    def validation_step(self, batch: TokenBatch, batch_idx: int) -> None:
        output = self._forward(batch)
        self._sums = self._sums + _on_cpu(output.sums)
        self._actions = self._actions + exact_actions(batch, output.correct)

    def _forward(self, batch: TokenBatch) -> LossOutput:
        base = self.model.get_base_model()
        hidden = supervised_hidden(base, batch)
        weight, bias = head_of(base)
        # The loss chooses its own precision, and the teacher computes in its own.
        with torch.autocast(self.device.type, enabled=False):
            teacher = self._signal[0](batch)
            return self.loss(
                hidden,
                weight,
                batch.targets,
                batch.kinds,
                batch.denominators,
                teacher,
                bias,
                logit_map_of(base),
            )

    # ----------------------------------------------------------------------- metrics

    def on_train_batch_start(self, batch: TokenBatch, batch_idx: int) -> None:
        if batch.micro == 0:
            self._reset_sums()
            self._step_began = time.perf_counter()
        # Randomness depends on the place in the plan only, so a resumed run repeats it.
        place = [self.recipe.seed, batch.step, batch.micro, self.global_rank]
        torch.manual_seed(int(np.random.SeedSequence(place).generate_state(1)[0]))

    def on_train_batch_end(self, outputs: Any, batch: TokenBatch, batch_idx: int) -> None:
        if batch.micro + 1 < self.trainer.accumulate_grad_batches:
            return
        seconds = time.perf_counter() - self._step_began
        sums = self._reduced(self._sums)
        tokens = self._total(self._step_tokens)
        supervised = float(sums.tokens.sum())
        metrics = {
            "train/loss": self._total(self._facts.pop("train/loss", 0.0)),
            **training_metrics(sums),
            "train/tokens": tokens,
            **self._facts,
            "tokens_per_second": tokens / seconds,
            "supervised_tokens_per_second": supervised / seconds,
            "memory_gb": memory_gb(self.device),
            **self._utilisation(seconds),
        }
        self._write(metrics, batch.step + 1)
        self._report(metrics)
        self._reset_sums()

    def on_validation_epoch_start(self) -> None:
        self._reset_sums()

    def on_validation_epoch_end(self) -> None:
        sums = self._reduced(self._sums)
        self.validation = validation_metrics(sums, divergence=self.loss.signal != "hard")
        actions, exact = self._total(float(self._actions[0])), self._total(float(self._actions[1]))
        if actions:
            self.validation["val/action_exact"] = exact / actions
        self._reset_sums()
        self.log_dict(self.validation, logger=False, rank_zero_only=False)
        self._write(self.validation, self.global_step)

    def _write(self, metrics: dict[str, float], step: int) -> None:
        # Written here and now rather than through `self.log`, which writes after checkpoints.
        if self.trainer.is_global_zero:
            for logger in self.loggers:
                logger.log_metrics(metrics, step=step)

    def _utilisation(self, seconds: float) -> dict[str, float]:
        """Arithmetic per second, and its share of the peak where the device is in the table."""
        rate = self._total(self._step_flops) / seconds
        facts = {"model_tflops_per_second": rate / 1e12}
        if self.device.type == "cuda" and (
            peak := peak_flops(torch.cuda.get_device_name(self.device))
        ):
            facts["mfu"] = rate / (peak * self.trainer.world_size)
        return facts

    def _reset_sums(self) -> None:
        self._sums = KindSums.zeros()
        self._actions = torch.zeros(2, dtype=torch.int64)
        self._step_tokens = 0
        self._step_flops = 0.0
        self._facts = {}

    def _reduced(self, sums: KindSums) -> KindSums:
        if self.trainer.world_size == 1:
            return sums
        total = self.trainer.strategy.reduce(sums.stacked().to(self.device), reduce_op="sum")
        return KindSums.from_stacked(total.cpu())

    def _total(self, value: float) -> float:
        if self.trainer.world_size == 1:
            return value
        tensor = torch.tensor(value, dtype=torch.float64, device=self.device)
        return float(self.trainer.strategy.reduce(tensor, reduce_op="sum"))

    # --------------------------------------------------------------------- optimizer

    def configure_optimizers(self) -> Any:
        recipe = self.recipe
        optimizer = recipe.optimizer([p for p in self.parameters() if p.requires_grad])
        factor = learning_rate_factor(recipe.schedule, recipe.warmup_steps, recipe.total_steps)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        if type(self.trainer.strategy).__name__ == "FSDPStrategy":
            # Each rank holds a part of every gradient: only the wrapped model knows their norm.
            norm = self.trainer.model.clip_grad_norm_(gradient_clip_val or math.inf)
            gradient_clip_val = None
        else:
            gradients = [p.grad for p in self.parameters() if p.grad is not None]
            norm = torch.nn.utils.get_total_norm(gradients)
        self._facts["lr"] = optimizer.param_groups[0]["lr"]
        self._facts["train/grad_norm"] = float(norm)
        assert self._batch is not None
        check_finite(norm, "gradient norm", self._batch)
        if gradient_clip_val is not None:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)

    # ------------------------------------------------------------------- checkpoints

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        trained = self._trained_names()
        state = checkpoint["state_dict"]
        checkpoint["state_dict"] = {name: state[name] for name in state if name in trained}
        checkpoint["deepcoder"] = dict(self.recipe.identity)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        theirs = checkpoint.get("deepcoder", {})
        for name, value in self.recipe.identity.items():
            if theirs.get(name) != value:
                raise DataError(
                    f"The checkpoint was made with another {name} ({theirs.get(name)}, now "
                    f"{value}).",
                    fix="remove the run's checkpoints folder to train from the beginning",
                )
        shapes = {name: p.shape for name, p in self.named_parameters() if p.requires_grad}
        saved = {name: tensor.shape for name, tensor in checkpoint["state_dict"].items()}
        if shapes != saved:
            odd = sorted(set(shapes.items()) ^ set(saved.items()), key=str)[0][0]
            raise DataError(
                f"The checkpoint does not fit this student: {odd} differs.",
                fix="remove the run's checkpoints folder, or use the student it was made with",
            )

    def _trained_names(self) -> set[str]:
        return {name for name, p in self.named_parameters() if p.requires_grad}


def _on_cpu(sums: KindSums) -> KindSums:
    return KindSums.from_stacked(sums.stacked().cpu())
