"""A training that is killed and started again ends with the same adapter, bit by bit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from training_toys import toy_config, toy_rows, write_examples

import deepcoder.train as train
from deepcoder.distillation import latest_checkpoint
from deepcoder.distillation.module import DistillationModule
from deepcoder.errors import DataError


class PowerCut(BaseException):
    """Stands for the process ending here."""


@pytest.fixture
def examples(tmp_path, monkeypatch) -> Path:
    path = write_examples(tmp_path / "examples.parquet", toy_rows())
    monkeypatch.setattr(train, "prepared_examples", lambda cfg: path)
    return path


def run_training(runs: Path, *overrides: str) -> Path:
    cfg = toy_config(runs, *overrides)
    folder = train.main.open(cfg)
    train.main.run(cfg, folder)
    return folder.path


def adapter_bytes(folder: Path) -> bytes:
    return (folder / "adapter" / "adapter_model.safetensors").read_bytes()


def steps_on_record(folder: Path) -> list[tuple[int, bool]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [(line["step"], "val/nll" in line) for line in lines]


def cut_power_at(monkeypatch, call: int) -> None:
    """End the process at the given micro-batch, counted over the attempt."""
    calls = 0
    real = DistillationModule.training_step

    def step(self: DistillationModule, batch: Any, index: int) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise PowerCut
        return real(self, batch, index)

    monkeypatch.setattr(DistillationModule, "training_step", step)


@pytest.mark.parametrize("overrides", [(), ("data.packing=false", "loss=token_kd")])
def test_resumed_training_ends_bitwise_equal(tmp_path, examples, monkeypatch, overrides):
    whole = run_training(tmp_path / "whole", *overrides)
    for call in (6, 2, 5):  # in the middle of an accumulation, twice, and before a checkpoint
        with monkeypatch.context() as patch:
            cut_power_at(patch, call)
            with pytest.raises(PowerCut):
                run_training(tmp_path / "cut", *overrides)
    cut = run_training(tmp_path / "cut", *overrides)
    assert adapter_bytes(cut) == adapter_bytes(whole)
    assert steps_on_record(cut) == steps_on_record(whole)
    assert len(set(steps_on_record(cut))) == len(steps_on_record(cut))


def test_finished_run_returns_at_once(tmp_path, examples, monkeypatch, caplog):
    folder = run_training(tmp_path / "runs", "trainer.max_steps=1")
    monkeypatch.setattr(train, "_train", lambda *_: pytest.fail("trained again"))
    with caplog.at_level("INFO"):
        run_training(tmp_path / "runs", "trainer.max_steps=1")
    assert "already trained" in caplog.text
    assert (folder / "adapter" / "README.md").exists()


def test_finished_run_without_its_adapter_makes_it_again(tmp_path, examples):
    folder = run_training(tmp_path / "runs", "trainer.max_steps=1")
    first = adapter_bytes(folder)
    (folder / "adapter" / "adapter_model.safetensors").unlink()
    run_training(tmp_path / "runs", "trainer.max_steps=1")
    assert adapter_bytes(folder) == first


def test_checkpoints_are_also_bounded_in_time_and_are_no_part_of_the_run_s_name(tmp_path, examples):
    often = ("callbacks.checkpoint.every_n_steps=1000", "callbacks.checkpoint.every_seconds=0")
    folder = run_training(tmp_path / "runs", *often, "trainer.max_steps=3")
    names = sorted(path.name for path in (folder / "checkpoints").iterdir())
    assert names == ["step-00000002.ckpt", "step-00000003.ckpt"]
    assert run_training(tmp_path / "runs", "trainer.max_steps=3") == folder


def test_other_examples_start_a_new_training(tmp_path, examples):
    folder = run_training(tmp_path / "runs", "trainer.max_steps=1")
    first = adapter_bytes(folder)
    write_examples(examples, toy_rows(seed=1))
    run_training(tmp_path / "runs", "trainer.max_steps=1")
    assert adapter_bytes(folder) != first
    (aside,) = folder.glob("trained-on-*")
    assert adapter_bytes(aside) == first


def test_truncated_checkpoint_falls_back_to_the_one_before(tmp_path, examples, monkeypatch, caplog):
    whole = run_training(tmp_path / "whole")
    with monkeypatch.context() as patch:
        cut_power_at(patch, 10)
        with pytest.raises(PowerCut):
            run_training(tmp_path / "cut")
    (cut,) = (tmp_path / "cut" / "train").iterdir()
    older, newest = sorted((cut / "checkpoints").iterdir())
    newest.write_bytes(newest.read_bytes()[:-1000])
    assert latest_checkpoint(cut / "checkpoints") == older
    assert newest.name in caplog.text
    run_training(tmp_path / "cut")
    assert adapter_bytes(cut) == adapter_bytes(whole)


def test_flipped_bytes_in_a_checkpoint_are_noticed(tmp_path):
    path = tmp_path / "step-00000002.ckpt"
    torch.save({"state_dict": {"a": torch.arange(1000)}}, path)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 8] = b"\xff" * 8
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match="damaged"):
        latest_checkpoint(tmp_path)


def test_no_checkpoint_is_no_error(tmp_path):
    assert latest_checkpoint(tmp_path / "absent") is None


def test_checkpoints_hold_no_base_weights(tmp_path, examples):
    folder = run_training(tmp_path / "runs", "trainer.max_steps=1")
    (path,) = (folder / "checkpoints").iterdir()
    state = torch.load(path, weights_only=True)["state_dict"]
    assert state
    assert all("lora_" in name for name in state)


KILLED = """
import sys
from pathlib import Path
import deepcoder.train as train
from training_toys import toy_config
train.prepared_examples = lambda cfg: Path(sys.argv[1])
cfg = toy_config(Path(sys.argv[2]), "trainer.max_epochs=6", *sys.argv[3:])
folder = train.main.open(cfg)
train.main.run(cfg, folder)
"""


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("overrides", [(), ("data.packing=false", "trainer.precision=32-true")])
def test_sigkill_at_random_moments(tmp_path, overrides):
    """A real process, killed three times by the operating system."""
    examples = write_examples(tmp_path / "examples.parquet", toy_rows(40))
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}

    def command(name: str) -> list[str]:
        arguments = [str(examples), str(tmp_path / name), *overrides]
        return [sys.executable, "-c", KILLED, *arguments]

    subprocess.run(command("whole"), env=environment, check=True)
    kills = 0
    while kills < 3:
        process = subprocess.Popen(command("cut"), env=environment)
        wanted = 3 + 5 * kills
        while process.poll() is None and not _reached(tmp_path / "cut", wanted):
            time.sleep(0.01)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    subprocess.run(command("cut"), env=environment, check=True)
    (whole,), (cut,) = ((tmp_path / n / "train").iterdir() for n in ("whole", "cut"))
    assert adapter_bytes(cut) == adapter_bytes(whole)
    assert steps_on_record(cut) == steps_on_record(whole)


def _reached(runs: Path, step: int) -> bool:
    found = list(runs.glob("train/*/metrics.jsonl"))
    return bool(found) and f'"step": {step},' in found[0].read_text()
