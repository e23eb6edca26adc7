"""A stage as people meet it: help at once, one line per error, the right exit status."""

from __future__ import annotations

import errno
import json
import subprocess
import sys

import pytest
from omegaconf import OmegaConf

from deepcoder.errors import DataError, IncompleteError
from deepcoder.runs import Stage
from deepcoder.runs.command import SweepStatus
from deepcoder.runs.keys import _argv_key


def call(monkeypatch, tmp_path, function, *arguments):
    """Run a stage made of `function` as if from the command line; returns its exit status."""
    arguments = (*arguments, f"paths.runs={tmp_path}/runs")
    monkeypatch.setattr(sys, "argv", ["deepcoder", *arguments])
    monkeypatch.setattr("deepcoder.runs.command._failures", [])
    try:
        Stage("doctor", function, {})()
    except SystemExit as stop:
        return stop.code
    return 0


def raising(error):
    def function(cfg, run):
        raise error

    return function


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (DataError("line 3 is torn", fix="remove it"), 1, "error: line 3 is torn Fix: remove it"),
        (IncompleteError("2 of 5 failed", fix="rerun"), 3, "error: 2 of 5 failed Fix: rerun"),
        (KeyboardInterrupt(), 130, "error: Interrupted; what is done is kept"),
        (OSError(errno.ENOSPC, "No space left on device", "x"), 1, "error: The disk is full (x)"),
    ],
)
def test_an_expected_failure_is_one_line_and_a_status(
    monkeypatch, tmp_path, capsys, error, status, text
):
    assert call(monkeypatch, tmp_path, raising(error)) == status
    printed = capsys.readouterr().err
    assert printed.startswith(text)
    assert len(printed.strip().split("\n")) == 1
    (info,) = (tmp_path / "runs").rglob("run.json")
    assert json.loads(info.read_text())["status"] in ("failed", "interrupted")


def test_a_bad_configuration_stops_before_the_function(monkeypatch, tmp_path, capsys):
    calls = []
    status = call(monkeypatch, tmp_path, lambda *a: calls.append(a), "loss.signal=online")
    assert (status, calls) == (2, [])
    assert "loss.signal=online" in capsys.readouterr().err


def test_success_is_recorded(monkeypatch, tmp_path):
    assert call(monkeypatch, tmp_path, lambda cfg, run: run.metric(x=1)) == 0
    (info,) = (tmp_path / "runs").rglob("run.json")
    assert json.loads(info.read_text())["status"] == "done"


def test_a_sweep_goes_on_after_a_failed_job_and_exits_non_zero(monkeypatch, tmp_path):
    seeds = []

    def function(cfg, run):
        seeds.append((cfg.seed, run.path.name))
        if cfg.seed == 0:
            raise DataError("no")

    assert call(monkeypatch, tmp_path, function, "-m", "seed=0,1,2") == 1
    assert seeds == [(0, "0"), (1, "1"), (2, "2")]


@pytest.mark.parametrize(
    "stage", ["doctor", "generate", "prepare", "convert", "score", "train", "evaluate"]
)
def test_help_helps_and_imports_nothing_heavy(stage, tmp_path):
    code = (
        "import sys, runpy\n"
        f"sys.argv = ['deepcoder', '--help', 'student=tiny']\n"
        f"runpy.run_module('deepcoder.{stage}', run_name='__main__')\n"
        "heavy = {'torch', 'transformers', 'peft', 'pytorch_lightning', 'numpy', 'datasets'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert f"python -m deepcoder.{stage}" in done.stdout
    assert "student: " in done.stdout
    assert "tiny-qwen2" in done.stdout
    assert done.stdout.strip().endswith("HEAVY []")
    assert list(tmp_path.iterdir()) == []


def test_help_of_an_unknown_choice_lists_the_choices(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "deepcoder.doctor", "--help", "student=qwen"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert "qwen3b" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("second", "status"), [("done", []), ("failed", [1]), (None, [1])])
def test_a_sweep_in_other_processes_is_judged_by_its_folders(
    monkeypatch, tmp_path, capsys, second, status
):
    """joblib's and submitit's jobs leave a folder behind, and nothing in this process."""
    failures: list[int] = []
    monkeypatch.setattr("deepcoder.runs.command._failures", failures)
    for name, state in (("0", "done"), ("1", second)):
        (tmp_path / name).mkdir()
        if state is not None:
            (tmp_path / name / "run.json").write_text(json.dumps({"status": state}))
    config = OmegaConf.create({"stage": "train", "hydra": {"sweep": {"dir": str(tmp_path)}}})
    SweepStatus().on_multirun_end(config)
    assert failures == status
    assert ("are done: 1." in capsys.readouterr().err) == bool(status)


def test_a_job_of_submitit_finds_the_folder_of_its_sweep(monkeypatch):
    monkeypatch.delenv("DEEPCODER_SWEEP", raising=False)
    monkeypatch.setattr(sys, "argv", ["deepcoder/train.py", "-m", "seed=0,1"])
    key = _argv_key()
    monkeypatch.setattr(sys, "argv", ["/x/submitit/core/_submit.py", "/runs/.submitit/1"])
    assert _argv_key() == key
    monkeypatch.setattr(sys, "argv", ["deepcoder/train.py", "-m", "seed=0,1,2"])
    assert _argv_key() != key
