"""`python -m deepcoder.score`, and training on what it wrote."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise

import numpy as np
import pytest
from training_toys import toy_config, toy_rows, write_examples

import deepcoder.score as score
import deepcoder.train as train
from deepcoder.errors import ConfigError, DataError, MissingError
from deepcoder.signals.cache import SignalCache
from deepcoder.students import load_base, load_tokenizer


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """A teacher that differs from the student: its own base with other norms."""
    import torch

    folder = tmp_path_factory.mktemp("teacher")
    cfg = toy_config(folder)
    model = load_base(cfg.student, cfg.paths.cache).float()
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1 + 0.3 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    load_tokenizer(cfg.student, cfg.paths.cache).save_pretrained(folder)
    return folder


@pytest.fixture
def examples(tmp_path, monkeypatch):
    path = write_examples(tmp_path / "examples.parquet", toy_rows(10))
    for module in (score, train):
        monkeypatch.setattr(module, "prepared_examples", lambda cfg: path)
    return path


def configure(runs, teacher, *overrides):
    white_box = ("teacher=local", f"teacher.model={teacher}", "teacher.dtype=float32")
    return toy_config(
        runs, *white_box, "trainer.precision=32-true", "trainer.max_steps=2", *overrides
    )


def run_score(cfg):
    folder = score.main.open(cfg)
    score.main.run(cfg, folder)
    return folder


def losses(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line["train/loss"] for line in lines if "train/loss" in line]


def run_train(cfg):
    folder = train.main.open(cfg)
    train.main.run(cfg, folder)
    return folder


def test_training_on_the_cache_follows_the_online_curve(tmp_path, teacher, examples):
    """`train` scores by itself; with all tokens stored the curves agree within their rounding."""
    cached = configure(
        tmp_path, teacher, "loss.signal=cached", "score.k=49152", "score.precision=float32"
    )
    found = run_train(cached)
    online = run_train(configure(tmp_path, teacher, "loss.signal=online"))
    assert losses(found.path) == pytest.approx(losses(online.path), rel=1e-4)
    assert found.info()["summary"]["label"] == "true-teacher KL"
    card = (found.path / "adapter" / "README.md").read_text()
    assert "stored sparse distributions (true-teacher KL)" in card
    (scored,) = (tmp_path / "score").iterdir()
    assert json.loads((scored / "report.json").read_text())["kl_error"] < 1e-5


def test_top_k_stays_within_its_stated_error_and_sampling_runs(tmp_path, teacher, examples):
    online = losses(run_train(configure(tmp_path, teacher, "loss.signal=online")).path)
    few = configure(tmp_path, teacher, "loss.signal=cached", "score.k=4096")
    stored = losses(run_train(few).path)
    report = json.loads((score.stage_folder(few, "score") / "report.json").read_text())
    # two groups are added up, each off by no more than the divergence that storing lost
    assert all(
        abs(a - b) < 2 * report["kl_error"] + 1e-2 for a, b in zip(stored, online, strict=True)
    )
    drawn = configure(tmp_path, teacher, "loss.signal=cached", "score.scheme=sampled")
    assert len(losses(run_train(drawn).path)) == 2


def test_report_shards_resume_and_refusals(tmp_path, teacher, examples, caplog):
    caplog.set_level("INFO")
    small = ("score.k=8", "score.shard_tokens=80")
    parts = [configure(tmp_path, teacher, *small, f"score.shard={n}/2") for n in (1, 2)]
    first = run_score(parts[0])
    assert first.info()["status"] == "partial"
    assert "still to be scored" in caplog.text
    assert "positions of 10 examples, scheme tail: about" in caplog.text
    cfg = configure(tmp_path, teacher, *small)
    with pytest.raises(MissingError, match=r"no index\.json"):
        score.scored_signal(cfg)
    second = run_score(parts[1])
    assert second.path == first.path
    report = json.loads((first.path / "report.json").read_text())
    assert report["bytes_per_position"] > 8 * 2 + 8 * 2
    assert report["kl_error"] > 0
    assert report["tokens_per_second"] > 0
    assert "KL error against dense" in caplog.text
    before = {path: path.stat().st_mtime_ns for path in (first.path / "signals").iterdir()}
    run_score(cfg)
    assert {path: path.stat().st_mtime_ns for path in before} == before  # at once, again
    # one shard is lost: it alone is made again
    shard = first.path / "signals" / "shard-00001.bin"
    content = shard.read_bytes()
    shard.unlink()
    with pytest.raises(MissingError, match=r"shard-00001\.bin"):
        score.scored_signal(cfg)
    run_score(cfg)
    assert shard.read_bytes() == content
    # the examples change: what was scored is foreign, and is scored again
    write_examples(examples, toy_rows(10, seed=9))
    with pytest.raises(DataError, match="examples is"):
        score.scored_signal(cfg)
    run_score(cfg)
    assert len(score.scored_signal(cfg).cache) > 0


def test_bad_wishes_are_one_line_before_anything_is_written(tmp_path, teacher, examples):
    for overrides, words in (
        (["score.k=50000"], "score.k=50000 is larger than the vocabulary of 49152"),
        (["teacher.model=/nowhere"], "/nowhere does not exist"),
    ):
        cfg = configure(tmp_path, teacher, *overrides)
        with pytest.raises((ConfigError, MissingError)) as caught:
            run_score(cfg)
        assert words in str(caught.value)
        assert caught.value.fix
    assert not list(tmp_path.glob("score/*/signals"))


def test_signals_of_a_server_are_not_made_while_training(tmp_path, teacher, examples):
    cfg = toy_config(
        tmp_path, "teacher=vllm", f"teacher.model={teacher}", "loss.signal=cached", "score.k=8"
    )
    with pytest.raises(MissingError, match=r"no finished signals.*deepcoder\.score"):
        train.main.run(cfg, train.main.open(cfg))


def test_a_key_of_other_weights_is_refused(tmp_path, teacher, examples):
    cfg = configure(tmp_path, teacher, "score.k=8")
    folder = run_score(cfg)
    plan = score.Plan.of(cfg, examples)
    assert SignalCache(folder.path / "signals", plan.key).bytes > 0
    with pytest.raises(DataError, match="teacher_revision is"):
        SignalCache(folder.path / "signals", plan.key | {"teacher_revision": "other"})


@pytest.mark.slow
def test_sigkill_costs_one_shard(tmp_path, teacher):
    """Killed as soon as a shard is there; the same command ends with the same files."""
    rows = ["student=tiny", "generation.limit=12", "teacher=local", f"teacher.model={teacher}"]
    trajectories = ["data.trajectories=" + str(tmp_path / "t"), "teacher.dtype=float32"]
    made = [sys.executable, "-m", "deepcoder.generate", "student=tiny", "generation.limit=12"]
    subprocess.run([*made, f"paths.runs={tmp_path / 'g'}"], check=True, capture_output=True)
    (run,) = (tmp_path / "g" / "generate").iterdir()
    os.symlink(run, tmp_path / "t")
    sizes = ["score.k=8", "score.shard_tokens=300", f"paths.runs={tmp_path / 'r'}"]
    command = [sys.executable, "-m", "deepcoder.score", *rows, *trajectories, *sizes]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list((tmp_path / "r").glob("score/*/signals/*.json")):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (signals,) = (tmp_path / "r").glob("score/*/signals")
    there = {p: p.stat().st_mtime_ns for p in signals.glob("*.json")}
    assert not (signals / "index.json").exists()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Signals:" in done.stdout
    assert (signals / "index.json").exists()
    kept = [p for p, at in there.items() if p.stat().st_mtime_ns == at]
    assert kept  # what was there was not made again


def test_a_curriculum_by_the_entropy_of_a_cached_teacher(tmp_path, teacher, examples):
    """What the teacher is surest of comes first, by the entropies that `score` stored."""
    cfg = configure(
        tmp_path,
        teacher,
        "loss.signal=cached",
        "trainer.max_steps=-1",
        "data.curriculum={pacing:linear,alpha:0,beta:0,gamma:1,start:0.1,full_at:1}",
    )
    score.make_signals(cfg)
    data = train._data(cfg, examples)
    cache = score.scored_signal(cfg).cache
    starts = data.train.signal_starts
    entropies = [
        float(cache.read(np.arange(a, b)).entropy.mean()) for a, b in pairwise(starts.tolist())
    ]
    assert data._mean_entropy() == pytest.approx(entropies, rel=1e-5)
    planned = [step.examples for step in data.planner.steps()]
    assert np.argmin(entropies) in planned[0]
    assert np.argmax(entropies) not in planned[0]
    assert set().union(*planned) == set(range(len(entropies)))
