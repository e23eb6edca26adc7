"""Train a student on prepared trajectories: `python -m deepcoder.train [group=option] [field=…]`.

Without arguments it trains SmolLM2-135M on the oracle's trajectories of the built-in problems,
and first makes whatever is missing (`generate`, `prepare`). Examples:

    python -m deepcoder.train loss=sad student=smollm2
    python -m deepcoder.train -m loss=sad,token_kd,sft,action_only seed=0,1

The run folder holds the adapter with its card, the checkpoints and metrics.jsonl. Kill it when you
like: the same command continues and ends with the same adapter. A finished run returns at once.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepcoder.config import Config, LossConfig, SignalKind, TeacherKind, build, resolve_signal
from deepcoder.errors import MissingError
from deepcoder.runs import RunFolder, progress, stage

if TYPE_CHECKING:
    import pytorch_lightning as pl

    from deepcoder.data import TrajectoryDataModule
    from deepcoder.distillation import DistillationModule, JsonLines
    from deepcoder.distillation.card import CardFacts

log = logging.getLogger(__name__)

FILES = {
    "adapter/": "the trained LoRA adapter (safetensors) and its card",
    "checkpoints/": "adapter, optimizer and position, to continue after an interruption",
}


@stage("train", files=FILES)
def main(cfg: Config, run: RunFolder) -> None:
    """Train the configured student; continue where an earlier attempt stopped."""
    if cfg.teacher.kind is TeacherKind.oracle:
        # Two spinning OpenMP threads and one busy neighbour make a step several times slower. Read
        # once, when torch is first imported; a local teacher that may decode here needs it unset.
        os.environ.setdefault("GOMP_SPINCOUNT", "0")

    from deepcoder.students import preflight
    from deepcoder.students.checks import require_model

    preflight(cfg.student)
    if resolve_signal(cfg) is SignalKind.online:
        require_model(str(cfg.teacher.model), cfg.teacher.revision, "teacher")
    examples = prepared_examples(cfg)
    digest = _accept_input(run, examples)
    if run.done:
        if (run.path / "adapter" / "adapter_model.safetensors").exists():
            log.info("already trained: %s", run.path / "adapter")
            return
        run.restart()
    from deepcoder.distillation.guards import out_of_memory_advice

    budget = cfg.data.batch_tokens or cfg.student.max_tokens
    with out_of_memory_advice(budget, cfg.student.max_tokens):
        summary = _train(cfg, run, examples, digest)
    run.finish(**summary)


def prepared_examples(cfg: Config) -> Path:
    """The examples of this configuration; makes them when they are missing or stale."""
    from deepcoder.prepare import main as prepare

    folder = prepare.open(cfg)
    prepare.run(cfg, folder)
    if folder.info()["status"] == "running":
        folder.finish()
    return folder.path / "examples.parquet"


def _accept_input(run: RunFolder, examples: Path) -> str:
    """Note what is trained on. What was trained on other examples is put aside, not mixed."""
    before = run.info()["inputs"].get("examples", {}).get("sha256")
    digest = run.record_input("examples", examples)
    if before is not None and before != digest:
        aside = run.path / f"trained-on-{before}"
        log.warning("the examples have changed: earlier results go to %s", aside)
        aside.mkdir(exist_ok=True)
        for name in ("adapter", "checkpoints", "metrics.jsonl"):
            if (run.path / name).exists():
                shutil.rmtree(aside / name, ignore_errors=True)
                (run.path / name).rename(aside / name)
        run.restart()
    return digest


def _train(cfg: Config, run: RunFolder, examples: Path, digest: str) -> dict[str, Any]:
    import pytorch_lightning as pl

    from deepcoder.distillation import JsonLines, latest_checkpoint
    from deepcoder.distillation.card import comparison, write_adapter

    started = time.monotonic()
    _quiet_lightning()
    pl.seed_everything(cfg.seed, verbose=False)
    data = _data(cfg, examples)
    resume = latest_checkpoint(run.path / "checkpoints")
    done = int(resume.stem.removeprefix("step-")) if resume else 0
    lines = JsonLines(run.path / "metrics.jsonl", resumed_at=done)
    planner = data.planner
    assert planner is not None
    log.info(
        "%s examples (%s held out), %s steps, %.0f%% of the token budget filled",
        len(data.train),
        len(data.validation),
        planner.total_steps,
        100 * planner.fill(),
    )
    if resume:
        log.info("continuing at step %s of %s", done, planner.total_steps)
    with progress("training", planner.total_steps) as advance:
        advance(done)
        module = _module(cfg, data, digest, lambda metrics: advance(1, **_brief(metrics)))
        trainer = _trainer(cfg, run, data, lines)
        _fit(trainer, module, data, lines, resume)
    before, after = _validations(lines)
    facts = _card_facts(cfg, run, data, module.loss.signal, before, after)
    write_adapter(module.model, run.path / "adapter", facts)
    for label, *values in comparison(before, after):
        log.info("held out: %-40s %s -> %s (%s)", label, *values)
    log.info("adapter: %s", run.path / "adapter")
    return {
        "steps": planner.total_steps,
        "seconds": round(time.monotonic() - started, 1),
        "signal": module.loss.signal,
        "validation_before": before,
        "validation_after": after,
    }


def _data(cfg: Config, examples: Path) -> TrajectoryDataModule:
    from deepcoder.data import BatchSettings, TrajectoryDataModule
    from deepcoder.students import load_tokenizer

    tokenizer = load_tokenizer(cfg.student, cfg.paths.cache)
    settings = BatchSettings(
        batch_tokens=cfg.data.batch_tokens or cfg.student.max_tokens,
        packing=cfg.data.packing,
        accumulate=cfg.trainer.accumulate_grad_batches,
        epochs=cfg.trainer.max_epochs,
        max_steps=cfg.trainer.max_steps,
        seed=cfg.seed,
    )
    data = TrajectoryDataModule(
        lambda: examples, cfg.loss, settings, pad_id=tokenizer.pad_token_id or 0
    )
    data.setup()
    return data


def _module(
    cfg: Config, data: TrajectoryDataModule, digest: str, report: Callable[..., None]
) -> DistillationModule:
    from deepcoder.distillation import DistillationModule, Recipe
    from deepcoder.losses import SpanLoss
    from deepcoder.signals import load_signal
    from deepcoder.students import attach_lora, load_base, load_tokenizer

    signal = str(resolve_signal(cfg))
    student, cache = cfg.student, cfg.paths.cache
    assert data.planner is not None

    def adapted() -> Any:
        return attach_lora(
            load_base(student, cache, device=_quantized_device(cfg)),
            student.lora,
            seed=cfg.seed,
            gradient_checkpointing=student.gradient_checkpointing,
        )

    recipe = Recipe(
        optimizer=build(cfg.optim.optimizer, _partial_=True, _convert_="all"),
        schedule=cfg.optim.schedule,
        warmup_steps=cfg.optim.warmup_steps,
        total_steps=data.planner.total_steps,
        seed=cfg.seed,
        identity={"examples": digest},
    )
    return DistillationModule(
        adapted,
        SpanLoss(cfg.loss, signal),
        lambda: load_signal(signal, cfg.teacher, load_tokenizer(student, cache)),
        recipe,
        report,
    )


def _brief(metrics: Mapping[str, float]) -> dict[str, str]:
    """What fits beside a progress bar."""
    shown = {
        "reason": ("train/reason_loss", "{:.3f}"),
        "act": ("train/act_loss", "{:.3f}"),
        "tokens/s": ("tokens_per_second", "{:.0f}"),
    }
    return {k: f.format(metrics[name]) for k, (name, f) in shown.items() if name in metrics}


def _quantized_device(cfg: Config) -> str | None:
    """4-bit weights are packed where they will live; others are moved there by Lightning."""
    import torch

    if str(cfg.student.quantization) == "none" or not torch.cuda.is_available():
        return None
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"


def _trainer(
    cfg: Config, run: RunFolder, data: TrajectoryDataModule, lines: JsonLines
) -> pl.Trainer:
    from deepcoder.distillation import AtomicCheckpoints, StepCheckpoint

    planner = data.planner
    assert planner is not None
    loggers = [lines, *_loggers(cfg, run)]
    checkpoints = StepCheckpoint(run.path / "checkpoints", **cfg.callbacks.checkpoint)
    return build(cfg.trainer, _partial_=True, _convert_="all")(
        max_epochs=1,  # all epochs of the plan are one pass: see TrajectoryDataModule
        max_steps=-1,
        val_check_interval=_validation_interval(cfg, planner),
        limit_val_batches=None if len(data.validation) else 0,
        num_sanity_val_steps=0,
        logger=loggers,
        callbacks=[checkpoints],
        plugins=[AtomicCheckpoints()],
        enable_checkpointing=False,  # ours are callbacks of their own
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        default_root_dir=str(run.path),
    )


def _validation_interval(cfg: Config, planner: Any) -> int:
    """Micro-batches between validations: `trainer.val_check_interval` counts optimizer steps when
    it is an integer, and is a share of an epoch when it is a fraction."""
    interval = cfg.trainer.val_check_interval
    steps = interval if isinstance(interval, int) else round(interval * planner.steps_per_epoch)
    return min(max(1, steps), planner.total_steps) * cfg.trainer.accumulate_grad_batches


def _loggers(cfg: Config, run: RunFolder) -> list[Any]:
    if not cfg.logger or "_target_" not in cfg.logger:
        return []
    options: dict[str, Any] = {"save_dir": str(run.path)}
    target = str(cfg.logger._target_)
    if target.endswith("WandbLogger"):
        options |= {"id": f"{run.path.name}-{run.info()['key']}", "resume": "allow"}
        options |= {"name": run.path.name}
    try:
        return [build(cfg.logger, _partial_=True, _convert_="all")(**options)]
    except ModuleNotFoundError as error:
        raise MissingError(
            f"logger {target.rpartition('.')[2]} needs a package that is not installed ({error}).",
            fix="install it (`pip install deepcoder[tensorboard]` or wandb), or use logger=none",
        ) from error


def _fit(
    trainer: pl.Trainer,
    module: DistillationModule,
    data: TrajectoryDataModule,
    lines: JsonLines,
    resume: Path | None,
) -> None:
    """Validate, train, validate; what is already on record is not measured again."""
    measured = bool(len(data.validation))
    try:
        if measured and resume is None and not _validations(lines)[0]:
            trainer.validate(module, datamodule=data, verbose=False)
        trainer.fit(module, datamodule=data, ckpt_path=resume, weights_only=True)
        if measured and not _measured_at(lines, trainer.global_step):
            trainer.validate(module, datamodule=data, verbose=False)
    except SystemExit:
        if trainer.interrupted:  # Lightning turns Ctrl-C into an exit
            raise KeyboardInterrupt from None
        raise
    finally:
        for logger in trainer.loggers:
            logger.finalize("success")
            if type(logger).__name__ == "WandbLogger":
                logger.experiment.finish()  # or the next job of a sweep would continue this run


def _validations(lines: JsonLines) -> tuple[dict[str, float], dict[str, float]]:
    """First and last validation on record, without their step and time."""
    found = [line for line in lines.read() if "val/nll" in line]
    plain = [{k: v for k, v in line.items() if k.startswith("val/")} for line in found]
    before = plain[0] if found and found[0]["step"] == 0 else {}
    return before, (plain[-1] if plain else {})


def _measured_at(lines: JsonLines, step: int) -> bool:
    return any(line.get("step") == step and "val/nll" in line for line in lines.read())


def _card_facts(
    cfg: Config,
    run: RunFolder,
    data: TrajectoryDataModule,
    signal: str,
    before: dict[str, float],
    after: dict[str, float],
) -> CardFacts:
    from omegaconf import OmegaConf

    from deepcoder.distillation.card import CardFacts
    from deepcoder.students.packaged import PACKAGED
    from deepcoder.types import KINDS

    student, planner, info = cfg.student, data.planner, run.info()
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


def _quiet_lightning() -> None:
    """Keep its advice (workers, tips, hardware table) out of ours; warnings about us stay."""
    import warnings

    for name in ("pytorch_lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*log_every_n_steps.*|.*logging interval.*")
    warnings.filterwarnings("ignore", message=".*LeafSpec.*|.*gradient_checkpointing.*")
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # its kernels are not used on a CPU


if __name__ == "__main__":
    main()
