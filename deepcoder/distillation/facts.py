"""What a model card must say, gathered from the configuration, the run and the plan.

write_adapter(model, folder, card_facts(cfg, run.info(), data, "hard", label, before, after))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from omegaconf import OmegaConf

from deepcoder.config import Config, LossConfig
from deepcoder.distillation.card import CardFacts
from deepcoder.students.packaged import PACKAGED
from deepcoder.types import KINDS

__all__ = ["card_facts"]


def card_facts(
    cfg: Config,
    info: Mapping[str, Any],
    data: Any,
    signal: str,
    label: str,
    before: Mapping[str, float],
    after: Mapping[str, float],
) -> CardFacts:
    """`data` is the TrajectoryDataModule that was trained on; `info` the run's run.json; `label`
    a `SignalLabel`."""
    student, planner = cfg.student, data.planner
    assert planner is not None
    packaged = PACKAGED.get(student.model) if student.source == "package" else None
    kept = "in 4 bits (NF4, double quantised)" if student.quantization == "nf4" else student.dtype
    where = f"from the package `{packaged.distribution}` (GGUF, dequantised)" if packaged else ""
    counts = planner.counts.sum(axis=0)
    teacher = f"{cfg.teacher.kind}, {cfg.teacher.model or 'scripted from reference solutions'}"
    return CardFacts(
        base=packaged.hub_id if packaged else student.model,
        base_note=f"Kept frozen {where or f'as {student.model}'}, {kept}.",
        base_licence=packaged.licence if packaged else "its own licence",
        loss=cfg.loss.name,
        signal=signal,
        label=label,
        loss_settings={f.name: getattr(cfg.loss, f.name) for f in fields(LossConfig)},
        teacher=f"as in the file `{cfg.data.trajectories}`" if cfg.data.trajectories else teacher,
        examples={
            "trained on": f"{len(data.train)} trajectories, {sum(planner.lengths):,} tokens",
            "held out": f"{len(data.validation)} trajectories",
            "sha256 of the examples": info["inputs"]["examples"]["sha256"],
        },
        tokens_per_kind={str(kind): int(n) for kind, n in zip(KINDS, counts, strict=True) if n},
        training={
            "optimizer steps": planner.total_steps,
            "epochs": cfg.trainer.max_epochs,
            "tokens per micro-batch": data.settings.batch_tokens,
            "micro-batches per step": data.settings.accumulate * data.settings.ranks,
            "token budget filled": f"{planner.fill():.1%}",
            "learning rate": f"{cfg.optim.optimizer.lr:g}, {cfg.optim.schedule}",
            "LoRA": f"rank {student.lora.r}, alpha {student.lora.alpha}",
            "precision": cfg.trainer.precision,
            "seed": cfg.seed,
        },
        versions=info["packages"],
        commit=f"{info['commit']}{' with local changes' if info['dirty'] else ''}",
        config=OmegaConf.to_yaml(cfg, resolve=True),
        before=before,
        after=after,
    )
