"""Two processes train the same adapter as one, and stop and resume like one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file
from training_toys import toy_config, toy_rows, write_examples

from deepcoder.config import compose
from deepcoder.distillation.trainer import check_trainer, world_size
from deepcoder.errors import ConfigError, MissingError

TWO = ("trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2")
PLAIN = ("student.lora.dropout=0", "trainer.precision=32-true")

COMMAND = """
import sys
from pathlib import Path
import deepcoder.train as train
from training_toys import toy_config
train.prepared_examples = lambda cfg: Path(sys.argv[1])
cfg = toy_config(Path(sys.argv[2]), *sys.argv[3:])
folder = train.main.open(cfg)
train.main.run(cfg, folder)
"""


@pytest.fixture
def script(tmp_path) -> Path:
    """A file: Lightning starts its other processes by running the same file again."""
    path = tmp_path / "script.py"
    path.write_text(COMMAND)
    return path


def start(script: Path, runs: Path, *overrides: str) -> subprocess.Popen:
    examples = script.parent / "examples.parquet"
    if not examples.exists():
        write_examples(examples, toy_rows())
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    line = [sys.executable, str(script), str(examples), str(runs), *overrides]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        line, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )


def finish(process: subprocess.Popen, runs: Path) -> Path:
    _, errors = process.communicate(timeout=280)
    assert process.returncode == 0, errors
    (folder,) = (runs / "train").iterdir()
    return folder


def adapter(folder: Path) -> dict:
    return load_file(folder / "adapter" / "adapter_model.safetensors")


def test_two_processes_equal_one(tmp_path, script):
    """2 ranks × 2 micro-batches against 1 × 4: the same steps, dealt to other hands."""
    steps = (*PLAIN, "trainer.max_epochs=1")
    two = start(script, tmp_path / "two", *TWO, *steps, "trainer.accumulate_grad_batches=2")
    one = start(script, tmp_path / "one", *steps, "trainer.accumulate_grad_batches=4")
    found, wanted = (
        finish(process, tmp_path / name) for process, name in ((two, "two"), (one, "one"))
    )
    trained, expected = adapter(found), adapter(wanted)
    assert trained.keys() == expected.keys()
    for name, tensor in expected.items():
        assert (trained[name] - tensor).abs().max() < 1e-5, name
    records = [(folder / "metrics.jsonl").read_text() for folder in (found, wanted)]
    assert [text.count('"val/nll"') for text in records] == [2, 2]  # before and after, once each


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_two_killed_processes_end_bitwise_equal(tmp_path, script):
    overrides = (*TWO, "trainer.max_epochs=4")  # with dropout and accumulation
    whole = finish(start(script, tmp_path / "whole", *overrides), tmp_path / "whole")
    for wanted in (2, 5):
        process = start(script, tmp_path / "cut", *overrides)
        while process.poll() is None and not reached(tmp_path / "cut", wanted):
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)  # both ranks at once, as a machine would
        process.communicate()
    cut = finish(start(script, tmp_path / "cut", *overrides), tmp_path / "cut")
    files = [folder / "adapter" / "adapter_model.safetensors" for folder in (whole, cut)]
    assert files[0].read_bytes() == files[1].read_bytes()


def reached(runs: Path, step: int) -> bool:
    found = list(runs.glob("train/*/metrics.jsonl"))
    return bool(found) and f'"step": {step},' in found[0].read_text()


@pytest.mark.parametrize(
    ("overrides", "ranks"),
    [
        ((), 1),
        (("trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"), 2),
        (("trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=[0,1,2]"), 3),
        (("trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=4", "trainer.num_nodes=2"), 8),
        (("trainer=ddp", "trainer.accelerator=cpu"), 1),
    ],
)
def test_ranks_are_known_before_there_is_a_trainer(overrides, ranks, monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert world_size(compose("train", list(overrides)).trainer) == ranks


def test_a_launcher_says_how_many_ranks_there_are(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "6")
    assert world_size(compose("train", ["trainer=ddp"]).trainer) == 6


@pytest.mark.parametrize(
    ("overrides", "error", "words"),
    [
        (["trainer=fsdp"], MissingError, "FSDPStrategy shards over GPUs"),
        (["trainer=deepspeed"], MissingError, "deepspeed"),
        (["trainer=ddp", "trainer.devices=2"], MissingError, "more devices than there are"),
        (["trainer.devices=2", "trainer.accelerator=cpu"], ConfigError, "without a strategy"),
    ],
)
def test_what_a_strategy_needs_is_said_in_one_line(overrides, error, words, monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(error, match=words) as caught:
        check_trainer(compose("train", overrides).trainer)
    assert "\n" not in str(caught.value).strip()


def test_a_plan_for_another_number_of_processes_is_refused(tmp_path):
    from types import SimpleNamespace

    from deepcoder.data import BatchSettings, TrajectoryDataModule

    examples = write_examples(tmp_path / "examples.parquet", toy_rows())
    cfg = toy_config(tmp_path)
    data = TrajectoryDataModule(lambda: examples, cfg.loss, BatchSettings(batch_tokens=128))
    data.trainer = SimpleNamespace(world_size=2)
    with pytest.raises(ConfigError, match="2 processes train"):
        data.setup()
