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
from deepcoder.students import load_base, load_tokenizer


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


EASY_FIRST = ("data.curriculum.pacing=linear", "data.balance=length")
AVERAGED = ("callbacks.ema_decay=0.8", "trainer.val_check_interval=3", "optim.schedule=linear")


@pytest.mark.parametrize(
    "overrides", [(), ("data.packing=false", "loss=token_kd", *EASY_FIRST), AVERAGED]
)
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


def test_checkpoint_of_another_base_is_refused(tmp_path, examples, monkeypatch):
    with monkeypatch.context() as patch:
        cut_power_at(patch, 6)
        with pytest.raises(PowerCut):
            run_training(tmp_path / "runs")
    monkeypatch.setattr(train, "_identity", lambda student: "another-base")
    with pytest.raises(DataError, match="made with another student"):
        run_training(tmp_path / "runs")


@pytest.fixture
def quantized(tmp_path) -> tuple[str, ...]:
    """Overrides for a tiny student in a folder, in 4 bits (blocks of 64 weights must fit)."""
    cfg = toy_config(tmp_path)
    folder = tmp_path / "tiny-qwen2"
    shapes = load_base(cfg.student, cfg.paths.cache).config
    shapes.update({"intermediate_size": 192, "hidden_size": 128})
    type(load_base(cfg.student, cfg.paths.cache))(shapes).to(torch.bfloat16).save_pretrained(folder)
    load_tokenizer(cfg.student, cfg.paths.cache).save_pretrained(folder)
    student = (f"student.model={folder}", "student.source=hub", "student.dtype=bfloat16")
    return (*student, "student.quantization=nf4", "student.gradient_checkpointing=true")


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_nf4_resumes_bitwise_equal(tmp_path, examples, monkeypatch, quantized, schedule):
    overrides = (*quantized, f"optim.schedule={schedule}")
    whole = run_training(tmp_path / "whole", *overrides)
    with monkeypatch.context() as patch:
        cut_power_at(patch, 6)
        with pytest.raises(PowerCut):
            run_training(tmp_path / "cut", *overrides)
    assert adapter_bytes(run_training(tmp_path / "cut", *overrides)) == adapter_bytes(whole)


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize(
    "overrides",
    [(), ("data.packing=false", "trainer.precision=32-true"), (*EASY_FIRST, *AVERAGED)],
)
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
