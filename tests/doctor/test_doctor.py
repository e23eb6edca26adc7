"""The doctor tells what cannot run, what to do about it, and never a secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from deepcoder.config import compose
from deepcoder.doctor import Verdict, checks
from deepcoder.students.size import ModelSize, model_size


def doctor(tmp_path, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "deepcoder.doctor", f"paths.runs={tmp_path}/runs", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", **environment},
    )


def test_the_embedded_default_can_run_here_and_keys_stay_secret(tmp_path):
    done = doctor(tmp_path, "--json", GROQ_API_KEY="gsk_verysecret")
    assert done.returncode == 0, done.stderr
    found = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert found["student"]["verdict"] == "ok"
    assert "GROQ_API_KEY set" in found["keys"]["found"]
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert "verysecret" not in "".join([done.stdout, done.stderr, *written])


def test_a_student_that_needs_a_gpu_and_a_download_fails_with_what_to_do(tmp_path):
    done = doctor(tmp_path, "student=qwen3b")
    assert done.returncode == 1
    assert "no GPU" in done.stdout
    assert "student=smollm2" in done.stdout
    assert done.stderr.startswith("error: This configuration cannot run here: ")
    assert "Traceback" not in done.stderr


def test_a_broken_check_is_a_line_and_not_the_end(monkeypatch):
    def explode(student, cache):
        raise RuntimeError("header is torn")

    monkeypatch.setattr("deepcoder.students.size.model_size", explode)
    found = {check.name: check for check in checks(compose("doctor"))}
    assert found["memory"].verdict is Verdict.FAIL
    assert "header is torn" in found["memory"].found
    assert "keys" in found  # the checks after it were made all the same


def test_too_little_disk_is_a_failure_with_the_field_to_set(monkeypatch):
    usage = type("Usage", (), {"free": 1024})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    failed = [c for c in checks(compose("doctor")) if c.verdict is Verdict.FAIL]
    assert {check.name for check in failed} == {"disk"}
    assert "paths.runs" in failed[0].fix


def test_the_size_of_the_packaged_student_is_that_of_smollm2():
    size = model_size(compose("doctor").student, "unused")
    assert size is not None
    assert (size.parameters, size.layers, size.hidden, size.vocabulary) == (
        134_515_008,
        30,
        576,
        49_152,
    )
    assert len(size.linear) == 30 * 7


def test_the_memory_estimate_by_hand():
    size = ModelSize(
        parameters=1000, layers=2, hidden=10, vocabulary=50, linear=((10, 20), (20, 10))
    )
    runtime = 1024**3
    plain = size.training_bytes(rank=1, tokens=8, width=2, nf4=False, checkpointing=False)
    # weights 2000, adapter 60·16, activations 8·2·10·34, logits 2·4·8·50
    assert plain - runtime == pytest.approx(2000 + 960 + 5440 + 3200)
    small = size.training_bytes(rank=1, tokens=8, width=2, nf4=True, checkpointing=True)
    # 600 weights in bfloat16 and 400 in NF4; activations 8·2·10·2
    assert small - runtime == pytest.approx(1200 + 208 + 960 + 320 + 3200)


def test_a_hub_model_that_is_not_cached_has_no_known_size():
    student = compose("doctor", ["student=qwen3b"]).student
    student.model = "nobody/nothing"
    assert model_size(student, "unused") is None
