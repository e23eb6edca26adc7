"""Run folders: found by content, honest about how they were made, whole or absent on disk."""

from __future__ import annotations

import json
import os

import pytest

from deepcoder.config import compose
from deepcoder.errors import DataError, DeepcoderError
from deepcoder.runs import RunFolder, atomic_write, content_hash, stage_folder, stage_key


def test_the_same_configuration_finds_the_same_folder():
    assert stage_folder(compose("train"), "train") == stage_folder(compose("train"), "train")


def test_every_stage_computes_the_same_place_for_an_earlier_one():
    folders = {stage_folder(compose(s), "generate") for s in ("generate", "prepare", "train")}
    assert len(folders) == 1


@pytest.mark.parametrize(
    ("override", "stage", "changes"),
    [
        ("loss=sft", "train", True),
        ("loss=sft", "prepare", False),
        ("student=tiny", "prepare", True),
        ("student=tiny", "generate", False),
        ("seed=1", "generate", True),
        ("generation.workers=3", "generate", False),
        ("sandbox.workers=1", "train", False),
        ("paths.runs=/elsewhere", "train", False),
        ("benchmark.limit=3", "evaluate", True),
        ("benchmark.limit=3", "train", False),
        ("data.answer_ids=sampled", "prepare", True),
        ("data.answer_ids=sampled", "generate", False),
    ],
)
def test_the_key_changes_with_what_decides_the_content_and_only_then(override, stage, changes):
    plain = stage_key(compose(stage), stage)
    other = stage_key(compose(stage, [override]), stage)
    assert (plain != other) is changes


@pytest.mark.parametrize(
    ("overrides", "stage", "changes"),
    [
        ([], "prepare", True),  # another seed generates other trajectories
        (["data.trajectories=mine.jsonl"], "prepare", False),
        (["data.trajectories=mine.jsonl"], "score", False),
        (["data.trajectories=mine.jsonl", "score.scheme=sampled"], "score", True),
        (["data.trajectories=mine.jsonl"], "train", True),
    ],
)
def test_trajectories_that_are_named_are_prepared_once_for_all_seeds(overrides, stage, changes):
    plain = stage_key(compose(stage, overrides), stage)
    other = stage_key(compose(stage, [*overrides, "seed=1"]), stage)
    assert (plain != other) is changes


def test_content_hash_ignores_the_order_of_keys():
    assert content_hash({"a": 1, "b": [2]}) == content_hash({"b": [2], "a": 1})
    assert content_hash({"a": 1}) != content_hash({"a": 2})


@pytest.fixture
def cfg(tmp_path):
    return compose("prepare", [f"paths.runs={tmp_path}/runs"])


def test_a_run_folder_explains_itself(cfg):
    run = RunFolder.open(cfg, "prepare", files={"examples.parquet": "the examples"})
    info = run.info()
    assert info["status"] == "running"
    assert info["seed"] == 0
    assert info["packages"]["torch"]
    assert set(info) >= {"commit", "dirty", "inputs", "python", "key"}
    assert "examples.parquet | the examples" in (run.path / "README.md").read_text()
    assert "smollm2" in (run.path / "config.yaml").read_text()


def test_reopening_continues_and_a_finished_run_stays_as_it_is(cfg):
    first = RunFolder.open(cfg, "prepare")
    first.metric(step=1, loss=0.5)
    again = RunFolder.open(cfg, "prepare")
    assert len(again.info()["resumed_at"]) == 1
    again.metric(step=2, loss=0.25)
    lines = [
        json.loads(line) for line in (again.path / "metrics.jsonl").read_text().split("\n")[:-1]
    ]
    assert [line["loss"] for line in lines] == [0.5, 0.25]
    again.finish(examples=3)
    before = (again.path / "run.json").read_text()
    assert RunFolder.open(cfg, "prepare").done
    assert (again.path / "run.json").read_text() == before


def test_a_folder_of_another_configuration_is_refused(cfg, tmp_path):
    RunFolder.open(cfg, "prepare", tmp_path / "mine")
    other = compose("prepare", ["student=tiny"])
    with pytest.raises(DeepcoderError, match="another configuration"):
        RunFolder.open(other, "prepare", tmp_path / "mine")


@pytest.mark.parametrize("spoiled", ['{"stage": "gen', "", "[]", b"\xff\xfe"])
def test_a_spoiled_record_of_a_run_is_named_and_may_be_deleted(cfg, spoiled):
    run = RunFolder.open(cfg, "train")
    path = run.path / "run.json"
    path.write_bytes(spoiled if isinstance(spoiled, bytes) else spoiled.encode())
    with pytest.raises(DataError, match=r"run\.json cannot be read") as caught:
        RunFolder.open(cfg, "train")
    assert "delete it" in str(caught.value.fix)
    path.unlink()
    assert RunFolder.open(cfg, "train").info()["status"] == "running"


def test_inputs_are_recorded_with_their_hash(cfg, tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_text("{}\n")
    run = RunFolder.open(cfg, "prepare")
    digest = run.record_input("trajectories", source)
    assert run.info()["inputs"]["trajectories"] == {"path": str(source), "sha256": digest}


def test_atomic_write_leaves_the_old_file_when_it_fails(tmp_path, monkeypatch):
    path = tmp_path / "file"
    atomic_write(path, "old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        atomic_write(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_atomic_write_makes_files_as_readable_as_any_other(tmp_path):
    atomic_write(tmp_path / "ours", "x")
    (tmp_path / "plain").write_text("x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode
