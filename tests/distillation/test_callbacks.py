"""Averages, early stopping, best adapters, samples: each in a real training of the tiny student."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from training_toys import toy_config, toy_rows, write_examples

import deepcoder.train as train
from deepcoder.distillation.callbacks import BestAdapters, EarlyStop, Ema, make_callbacks
from deepcoder.errors import ConfigError

OFTEN = ("trainer.val_check_interval=2", "optim.warmup_steps=1")


@pytest.fixture
def run_training(tmp_path, monkeypatch):
    path = write_examples(tmp_path / "examples.parquet", toy_rows())
    monkeypatch.setattr(train, "prepared_examples", lambda cfg: path)

    def run(name: str, *overrides: str) -> Path:
        cfg = toy_config(tmp_path / name, "student.lora.dropout=0", *overrides)
        folder = train.main.open(cfg)
        train.main.run(cfg, folder)
        return folder.path

    return run


def records(folder: Path, name: str = "metrics.jsonl") -> list[dict]:
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "adapter_model.safetensors")


def test_all_are_off_by_default(tmp_path):
    cfg = toy_config(tmp_path)
    (only,) = make_callbacks(cfg.callbacks, tmp_path, lambda: None)
    assert type(only).__name__ == "StepCheckpoint"


def test_validation_measures_kinds_and_whole_actions(run_training):
    before, *_, after = [r for r in records(run_training("runs")) if "val/nll" in r]
    for name in ("val/reason/nll", "val/act.arguments/accuracy", "val/observation/nll"):
        assert (name in before) == ("observation" not in name)
    assert 0 <= after["val/action_exact"] <= after["val/act_accuracy"] <= 1


def test_ema_is_the_mean_of_the_weights_and_is_what_is_exported(run_training, monkeypatch):
    seen: list[torch.Tensor] = []
    step = Ema.on_train_batch_end

    def watch(self, trainer, pl_module, outputs, batch, batch_idx):
        step(self, trainer, pl_module, outputs, batch, batch_idx)
        if batch.micro + 1 == trainer.accumulate_grad_batches:
            first = next(p for name, p in pl_module.named_parameters() if "lora_B" in name)
            seen.append(first.detach().clone())

    monkeypatch.setattr(Ema, "on_train_batch_end", watch)
    folder = run_training("runs", "callbacks.ema_decay=0.7", *OFTEN)
    mean = torch.zeros_like(seen[0])  # B starts at zero
    for value in seen:
        mean = 0.7 * mean + 0.3 * value
    exported = [v for k, v in weights(folder / "adapter").items() if "lora_B" in k]
    assert any(v.shape == mean.shape and torch.allclose(v, mean, atol=1e-7) for v in exported)
    assert not any(v.shape == mean.shape and torch.equal(v, seen[-1]) for v in exported)
    assert json.loads((folder / "run.json").read_text())["summary"]["weights"] == "moving average"


def test_early_stop_ends_when_nothing_improves(run_training):
    stop = ("callbacks.early_stopping.patience=2", "callbacks.early_stopping.min_delta=100")
    folder = run_training("runs", *stop, *OFTEN, "trainer.max_epochs=9")
    last = max(r["step"] for r in records(folder))
    assert last == 6, "the first validation sets the mark, two more do not beat it"
    assert (folder / "adapter" / "adapter_model.safetensors").exists()


def test_stop_that_was_killed_before_the_end_is_remembered():
    stop = EarlyStop("val/nll", patience=2)
    stop.load_state_dict({"best": 1.0, "waited": 2})
    trainer = SimpleNamespace(should_stop=False)
    stop.on_train_start(trainer, None)
    assert trainer.should_stop


@pytest.mark.parametrize("export", [False, True])
def test_best_adapters_are_kept_and_ranked(run_training, export):
    best = ("callbacks.best.keep=2", f"callbacks.best.export={str(export).lower()}")
    folder = run_training("runs", *best, *OFTEN, "optim.optimizer.lr=0.05")
    measured = {r["step"]: r["val/nll"] for r in records(folder) if "val/nll" in r}
    during = {step: value for step, value in measured.items() if step}
    wanted = sorted(during, key=during.get)[:2]
    kept = {int(path.name.removeprefix("step-")) for path in (folder / "best").iterdir()}
    assert kept == set(wanted)
    chosen = folder / "best" / f"step-{wanted[0]:08d}"
    equal = all(
        torch.equal(value, weights(folder / "adapter")[name])
        for name, value in weights(chosen).items()
    )
    assert equal or not export


def test_ranking_prefers_the_larger_where_that_is_better(tmp_path):
    for step, value in ((1, 0.2), (2, 0.9), (3, 0.5)):
        path = tmp_path / f"step-{step}"
        path.mkdir()
        (path / "metrics.json").write_text(json.dumps({"value": value}))
    names = [path.name for _, path in BestAdapters(tmp_path, "x", 3, "max").ranking()]
    assert names == ["step-2", "step-3", "step-1"]


def test_samples_are_written_once_a_step(run_training):
    folder = run_training("runs", "callbacks.samples.count=2", "callbacks.samples.max_new_tokens=3")
    samples = records(folder, "samples.jsonl")
    steps = sorted({sample["step"] for sample in samples})
    assert len(samples) == 2 * len(steps) == len({(s["step"], s["id"]) for s in samples})
    assert steps[0] == 0
    assert all(sample["text"] and sample["teacher"] for sample in samples)


def test_samples_change_nothing(run_training):
    plain = run_training("plain", "trainer.max_steps=3")
    sampled = run_training("sampled", "trainer.max_steps=3", "callbacks.samples.count=1")
    for name, value in weights(plain / "adapter").items():
        assert torch.equal(weights(sampled / "adapter")[name], value)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("callbacks.ema_decay=1.5",), "ema_decay=1.5"),
        (("callbacks.best.keep=1", "callbacks.best.mode=up"), "use min or max"),
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path, overrides, words):
    cfg = toy_config(tmp_path, *overrides)
    with pytest.raises(ConfigError, match=words):
        make_callbacks(cfg.callbacks, tmp_path, lambda: None)


def test_unknown_metric_lists_what_is_measured(run_training):
    unknown = ("callbacks.best.keep=1", "callbacks.best.metric=val/loss")
    with pytest.raises(ConfigError, match="val/nll"):
        run_training("runs", *unknown, "trainer.max_steps=1")
