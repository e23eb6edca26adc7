"""`python -m deepcoder.train` with everything before it, at the smallest size."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from training_toys import toy_config, toy_rows, write_examples

import deepcoder.train as train
from deepcoder.config import compose
from deepcoder.students import load_adapter, load_base, load_tokenizer

SMALL = ("student=tiny", "debug=short", "trainer.max_steps=2")


def run_training(*overrides: str) -> Path:
    cfg = compose("train", list(overrides))
    folder = train.main.open(cfg)
    train.main.run(cfg, folder)
    assert folder.done
    return folder.path


def command(*overrides: str, **options) -> subprocess.CompletedProcess:
    line = [sys.executable, "-m", "deepcoder.train", *overrides]
    return subprocess.run(line, capture_output=True, text=True, check=False, **options)


def test_train_alone_makes_all_it_needs(tmp_path):
    """generate, prepare, train; then the adapter loads on its base."""
    folder = run_training(*SMALL, f"paths.runs={tmp_path}")
    assert {path.name for path in tmp_path.iterdir()} == {"generate", "prepare", "train"}
    cfg = compose("train", [*SMALL])
    model = load_adapter(load_base(cfg.student, cfg.paths.cache), folder / "adapter")
    assert model.peft_config["default"].base_model_name_or_path == "tiny-qwen2"
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    trained = [line for line in lines if "train/loss" in line]
    assert [line["step"] for line in trained] == [1, 2]
    needed = {"train/reason_loss", "train/act_loss", "train/reason_tokens", "train/act_tokens"}
    needed |= {"lr", "tokens_per_second", "supervised_tokens_per_second", "memory_gb"}
    assert all(needed <= line.keys() for line in trained)
    measured = [line for line in lines if "val/nll" in line]
    assert [line["step"] for line in measured] == [0, 2]
    card = (folder / "adapter" / "README.md").read_text()
    assert "weighted cross-entropy on the teacher's tokens (hard labels)" in card
    assert "oracle" in card
    assert json.loads((folder / "run.json").read_text())["summary"]["signal"] == "hard"


def test_white_box_teacher_is_a_true_divergence(tmp_path, monkeypatch):
    """The student's own base as teacher: the divergence starts at exactly nothing."""
    cfg = toy_config(tmp_path)
    teacher = tmp_path / "teacher"
    load_base(cfg.student, cfg.paths.cache).save_pretrained(teacher)
    load_tokenizer(cfg.student, cfg.paths.cache).save_pretrained(teacher)
    examples = write_examples(tmp_path / "examples.parquet", toy_rows())
    monkeypatch.setattr(train, "prepared_examples", lambda cfg: examples)
    white_box = ("teacher=local", f"teacher.model={teacher}", "teacher.dtype=float32")
    cfg = toy_config(tmp_path, *white_box, "trainer.precision=32-true", "trainer.max_steps=2")
    folder = train.main.open(cfg)
    train.main.run(cfg, folder)
    first = json.loads((folder.path / "metrics.jsonl").read_text().splitlines()[0])
    assert first["val/reason_loss"] == pytest.approx(0.0, abs=1e-6)
    assert first["val/reason_nll"] > 1.0
    card = (folder.path / "adapter" / "README.md").read_text()
    assert "forward_kl from the full distribution of a white-box teacher" in card


def test_full_size_student_stops_at_once_with_the_way_out(tmp_path):
    done = command("loss=sad", "student=qwen3b", f"paths.runs={tmp_path}", timeout=120)
    assert done.returncode == 1
    assert "no CUDA device" in done.stderr
    assert "student=smollm2" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_sweep_into_numbered_folders(tmp_path):
    arms = ("loss=sad,token_kd,sft,action_only", "seed=0,1")
    done = command("-m", *SMALL, *arms, f"paths.runs={tmp_path}")
    assert done.returncode == 0, done.stderr
    (sweep,) = (tmp_path / "sweeps").iterdir()
    jobs = sorted(path.name for path in sweep.iterdir() if path.is_dir())
    assert jobs == [str(number) for number in range(8)]
    adapters = {
        (sweep / job / "adapter" / "adapter_model.safetensors").read_bytes() for job in jobs
    }
    # With hard labels `token_kd` is `sft`, by definition; every other pair differs.
    assert len(adapters) == 6


@pytest.mark.slow
def test_interrupt_keeps_what_is_done(tmp_path):
    overrides = (*SMALL, "trainer.max_steps=60", "trainer.max_epochs=60", f"paths.runs={tmp_path}")
    line = [sys.executable, "-m", "deepcoder.train", *overrides]
    process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True, env=os.environ)
    while process.poll() is None and not list(tmp_path.glob("train/*/checkpoints/*.ckpt")):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Interrupted" in errors
    assert "Traceback" not in errors
    assert command(*overrides).returncode == 0
