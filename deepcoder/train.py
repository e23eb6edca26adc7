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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepcoder.config import Config, SignalKind, build, resolve_signal, signal_label
from deepcoder.prepare import prepared_examples
from deepcoder.runs import RunFolder, leads, progress, stage

if TYPE_CHECKING:
    import pytorch_lightning as pl

    from deepcoder.data import TrajectoryDataModule
    from deepcoder.distillation import DistillationModule, JsonLines

log = logging.getLogger(__name__)

FILES = {
    "adapter/": "the trained LoRA adapter (safetensors) and its card",
    "checkpoints/": "adapter, optimizer and position, to continue after an interruption",
    "best/": "adapters of the best validations (callbacks.best.keep)",
    "samples.jsonl": "what the student wrote at each validation (callbacks.samples.count)",
}


@stage("train", files=FILES)
def main(cfg: Config, run: RunFolder) -> None:
    """Train the configured student; continue where an earlier attempt stopped."""
    from deepcoder.distillation.trainer import check_trainer
    from deepcoder.students import preflight
    from deepcoder.students.checks import require_model

    preflight(cfg.student)
    check_trainer(cfg.trainer)
    if not leads():
        logging.getLogger().setLevel(logging.WARNING)  # the leading process says it once
    if resolve_signal(cfg) is SignalKind.online:
        require_model(str(cfg.teacher.model), cfg.teacher.revision, "teacher")
    examples = prepared_examples(cfg)
    if resolve_signal(cfg) is SignalKind.cached and not run.done:
        from deepcoder.score import make_signals

        make_signals(cfg)
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


def _accept_input(run: RunFolder, examples: Path) -> str:
    """Note what is trained on. What was trained on other examples is put aside, not mixed."""
    before = run.info().get("inputs", {}).get("examples", {}).get("sha256")
    digest = run.record_input("examples", examples)
    if before is not None and before != digest and leads():
        aside = run.path / f"trained-on-{before}"
        log.warning("the examples have changed: earlier results go to %s", aside)
        aside.mkdir(exist_ok=True)
        for name in ("adapter", "best", "checkpoints", "metrics.jsonl", "samples.jsonl"):
            if (run.path / name).exists():
                shutil.rmtree(aside / name, ignore_errors=True)
                (run.path / name).rename(aside / name)
        run.restart()
    return digest


def _train(cfg: Config, run: RunFolder, examples: Path, digest: str) -> dict[str, Any]:
    import pytorch_lightning as pl

    from deepcoder.distillation import JsonLines, latest_checkpoint
    from deepcoder.distillation.callbacks import make_callbacks
    from deepcoder.distillation.trainer import make_loggers, make_trainer, validation_interval
    from deepcoder.students import load_tokenizer

    started = time.monotonic()
    _quiet_lightning()
    pl.seed_everything(cfg.seed, verbose=False)
    data = _data(cfg, examples)
    resume = latest_checkpoint(run.path / "checkpoints")
    done = int(resume.stem.removeprefix("step-")) if resume else 0
    lines = JsonLines(run.path / "metrics.jsonl", resumed_at=done, write=leads())
    planner = data.planner
    assert planner is not None
    log.info(
        "%s examples (%s held out), %s steps, %.1f%% of the token budget filled",
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
        trainer = make_trainer(
            cfg,
            run.path,
            [lines, *(make_loggers(cfg.logger, run.path, run.info()) if leads() else [])],
            make_callbacks(
                cfg.callbacks, run.path, lambda: load_tokenizer(cfg.student, cfg.paths.cache)
            ),
            val_check_interval=validation_interval(
                cfg.trainer, planner.steps_per_epoch, planner.total_steps
            ),
            validate=bool(len(data.validation)),
        )
        _fit(trainer, module, data, lines, resume)
    exported = _choose(cfg, trainer, module)
    if not trainer.is_global_zero:
        return {}
    return _finish(cfg, run, data, module, lines, exported) | {
        "steps": trainer.global_step,
        "seconds": round(time.monotonic() - started, 1),
    }


def _choose(cfg: Config, trainer: pl.Trainer, module: DistillationModule) -> str:
    """Put the weights into the model that the run is to deliver; says which they are: `last`,
    `moving average`, or the step of the best."""
    from deepcoder.distillation.callbacks import BestAdapters, Ema

    for callback in trainer.callbacks:
        if isinstance(callback, BestAdapters) and cfg.callbacks.best.export:
            if name := callback.restore(module):
                return name
        elif isinstance(callback, Ema):
            callback.install(module)
            return "moving average"
    return "last"


def _finish(
    cfg: Config,
    run: RunFolder,
    data: TrajectoryDataModule,
    module: DistillationModule,
    lines: JsonLines,
    exported: str,
) -> dict[str, Any]:
    """Write the adapter with its card; returns what is worth knowing at a glance."""
    from deepcoder.distillation.card import comparison, write_adapter
    from deepcoder.distillation.facts import card_facts

    before, after = _validations(lines, exported)
    name = str(signal_label(cfg, approximate=module.approximate))
    facts = card_facts(cfg, run.info(), data, module.loss.signal, name, before, after)
    write_adapter(module.model, run.path / "adapter", facts)
    for label, *values in comparison(before, after):
        log.info("held out: %-40s %s -> %s (%s)", label, *values)
    log.info("adapter: %s", run.path / "adapter")
    return {
        "weights": exported,
        "signal": module.loss.signal,
        "label": name,
        "validation_before": before,
        "validation_after": after,
    }


def _data(cfg: Config, examples: Path) -> TrajectoryDataModule:
    from deepcoder.data import BatchSettings, TrajectoryDataModule
    from deepcoder.distillation.trainer import world_size
    from deepcoder.students import load_tokenizer

    tokenizer = load_tokenizer(cfg.student, cfg.paths.cache)
    settings = BatchSettings(
        batch_tokens=cfg.data.batch_tokens or cfg.student.max_tokens,
        packing=cfg.data.packing,
        accumulate=cfg.trainer.accumulate_grad_batches,
        ranks=world_size(cfg.trainer),
        epochs=cfg.trainer.max_epochs,
        max_steps=cfg.trainer.max_steps,
        seed=cfg.seed,
    )
    data = TrajectoryDataModule(
        lambda: examples,
        cfg.loss,
        settings,
        pad_id=tokenizer.pad_token_id or 0,
        sampling=cfg.data,
        entropies=lambda: _entropies(cfg),
    )
    data.setup()
    return data


def _entropies(cfg: Config) -> Any:
    """The teacher's entropy at every target, where a cached signal holds it; else None."""
    if resolve_signal(cfg) is not SignalKind.cached:
        return None
    from deepcoder.score import scored_signal

    return scored_signal(cfg).cache.entropies()


def _module(
    cfg: Config, data: TrajectoryDataModule, digest: str, report: Callable[..., None]
) -> DistillationModule:
    from deepcoder.distillation import DistillationModule, Recipe
    from deepcoder.losses import SpanLoss
    from deepcoder.students import attach_lora, load_base

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
        identity={"examples": digest, "student": _identity(cfg.student)},
    )
    return DistillationModule(
        adapted,
        SpanLoss(cfg.loss, signal),
        lambda: _signal(cfg),
        recipe,
        report,
    )


def _identity(student: Any) -> str:
    """What a checkpoint's student must be called; its shapes are compared apart from that."""
    return f"{student.model}@{student.revision}" if student.revision else str(student.model)


def _signal(cfg: Config) -> Any:
    """What the student is pulled towards; cached signals are made first where that is free."""
    signal = resolve_signal(cfg)
    if signal is SignalKind.cached:
        from deepcoder.score import scored_signal

        return scored_signal(cfg)
    from deepcoder.signals import load_signal
    from deepcoder.students import load_tokenizer

    return load_signal(str(signal), cfg.teacher, load_tokenizer(cfg.student, cfg.paths.cache))


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
        known = bool(_validations(lines)[0])
        if measured and resume is None and not known:
            trainer.validate(module, datamodule=data, verbose=False)
        trainer.fit(module, datamodule=data, ckpt_path=resume, weights_only=True)
        known = _measured_at(lines, trainer.global_step)
        # The leading process writes the record, so it decides for all.
        if measured and not trainer.strategy.broadcast(known):
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


def _validations(
    lines: JsonLines, exported: str = "last"
) -> tuple[dict[str, float], dict[str, float]]:
    """First validation on record, and that of the exported weights, without step and time."""
    found = [line for line in lines.read() if "val/nll" in line]
    if exported.startswith("step-"):
        step = int(exported.removeprefix("step-"))
        found = [line for line in found if line["step"] in (0, step)]
    plain = [{k: v for k, v in line.items() if k.startswith("val/")} for line in found]
    before = plain[0] if found and found[0]["step"] == 0 else {}
    return before, (plain[-1] if plain else {})


def _measured_at(lines: JsonLines, step: int) -> bool:
    return any(line.get("step") == step and "val/nll" in line for line in lines.read())


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
