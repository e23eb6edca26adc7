"""Loggers beside metrics.jsonl: what they write, and what is said when their package is absent."""

from __future__ import annotations

import csv
import sys

import pytest
from training_toys import toy_config, toy_rows, write_examples

import deepcoder.train as train
from deepcoder.config import compose
from deepcoder.distillation.trainer import make_loggers
from deepcoder.errors import MissingError


@pytest.fixture
def run_training(tmp_path, monkeypatch):
    path = write_examples(tmp_path / "examples.parquet", toy_rows())
    monkeypatch.setattr(train, "prepared_examples", lambda cfg: path)

    def run(*overrides: str):
        cfg = toy_config(tmp_path / "runs", "trainer.max_steps=2", *overrides)
        folder = train.main.open(cfg)
        train.main.run(cfg, folder)
        return folder.path

    return run


def test_csv_has_every_step_and_the_validations(run_training):
    folder = run_training("logger=csv")
    with (folder / "csv" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["step"] for row in rows if row["train/loss"]} == {"1", "2"}
    assert {row["step"] for row in rows if row["val/nll"]} == {"0", "2"}


def test_wandb_offline_keeps_the_run_here(run_training, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    folder = run_training("logger=wandb")
    (offline,) = (folder / "wandb").glob("offline-run-*")
    assert list(offline.glob("*.wandb"))


def test_tensorboard(run_training):
    pytest.importorskip("tensorboard")
    folder = run_training("logger=tensorboard")
    assert list((folder / "tensorboard").glob("events.*"))


def test_a_logger_without_its_package_says_what_to_install(tmp_path, monkeypatch):
    for name in [*(n for n in sys.modules if n.split(".")[0] in ("tensorboard", "tensorboardX"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr("pytorch_lightning.loggers.TensorBoardLogger.__init__", missing)
    with pytest.raises(MissingError, match=r"TensorBoardLogger needs a package.*tensorboard"):
        make_loggers(compose("train", ["logger=tensorboard"]).logger, tmp_path, {})


def missing(*args, **kwargs):
    raise ModuleNotFoundError("No module named 'tensorboard'", name="tensorboard")


@pytest.mark.parametrize("optimizer", ["adamw8bit"])
def test_eight_bit_optimizer_trains(run_training, optimizer):
    pytest.importorskip("bitsandbytes")
    folder = run_training(f"optim={optimizer}")
    assert (folder / "adapter" / "adapter_model.safetensors").exists()
