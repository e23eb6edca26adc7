"""A run in shards and put together: the same set as the whole, or a clear line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from smoke.test_generate import (
    SMALL,
    command,
    contents,
    folder,
    in_process,
    one_problem,
    write_problems,
)

from deepcoder.config import compose, validate
from deepcoder.errors import ConfigError, DataError, IncompleteError, MissingError


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("problems") / "p.jsonl"
    return write_problems(path, *(one_problem(number) for number in range(40)))


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory, problems: str) -> Path:
    """Runs of three shards, each as if on a machine of its own."""
    runs = tmp_path_factory.mktemp("shards")
    for number in (1, 2, 3):
        in_process(runs / str(number), problems, f"generation.shard={number}/3")
    return runs


def merge(runs: Path, problems: str, shards: str, *more: str) -> None:
    in_process(runs, problems, "generation.samples=1", f"generation.merge=[{shards}]", *more)


def test_three_shards_make_the_whole(shards: Path, problems: str, tmp_path: Path) -> None:
    in_process(tmp_path / "whole", problems)
    parts = [contents(shards / str(number)) for number in (1, 2, 3)]
    assert sum(map(len, parts)) == len(parts[0] | parts[1] | parts[2])
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    merge(tmp_path / "merged", problems, f"{shards}/*/generate/*")
    whole, merged = contents(tmp_path / "whole"), contents(tmp_path / "merged")
    for played in (whole, merged):
        for _, _, trajectory in played.values():
            trajectory["provenance"].pop("config_hash")  # a shard has its own
    assert merged == whole
    run = folder(tmp_path / "merged")
    assert run.name == folder(tmp_path / "whole").name  # where `prepare` looks for it
    assert json.loads((run / "run.json").read_text())["status"] == "done"


def test_a_merge_that_was_killed_is_done_again(shards: Path, problems: str, tmp_path: Path) -> None:
    merging = [problems, f"generation.merge=[{shards}/*/generate/*]"]
    with subprocess.Popen(command(tmp_path, *merging), stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            files = list((tmp_path / "generate").glob("*/trajectories.jsonl"))
            if files and files[0].stat().st_size > 0:
                os.kill(process.pid, signal.SIGKILL)
                break
    merge(tmp_path, problems, f"{shards}/*/generate/*")
    assert len(contents(tmp_path)) == 32


def test_what_does_not_make_a_whole_is_refused(shards: Path, problems: str, tmp_path: Path) -> None:
    one, two, three = (folder(shards / str(number)) for number in (1, 2, 3))
    with pytest.raises(IncompleteError, match=r"2/3 of 3 shards are missing"):
        merge(tmp_path / "a", problems, f"{one}, {three}")
    with pytest.raises(DataError, match="another configuration"):
        merge(tmp_path / "b", problems, f"{one}, {two}, {three}", "seed=5")
    with pytest.raises(MissingError, match="no run folder"):
        merge(tmp_path / "c", problems, f"{tmp_path}/nothing*")
    in_process(tmp_path / "whole", problems)
    with pytest.raises(DataError, match="not a shard"):
        merge(tmp_path / "d", problems, f"{one}, {folder(tmp_path / 'whole')}")
    info = json.loads((two / "run.json").read_text())
    try:
        (two / "run.json").write_text(json.dumps(info | {"status": "interrupted"}))
        with pytest.raises(IncompleteError, match=r"shard 2/3.*not complete"):
            merge(tmp_path / "e", problems, f"{one}, {two}, {three}")
    finally:
        (two / "run.json").write_text(json.dumps(info))
    for runs in "abcde":
        assert not list((tmp_path / runs).glob("generate/*/trajectories.jsonl"))


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/0", "-1/3"])
def test_a_shard_that_is_no_part_is_one_line(text: str, problems: str) -> None:
    with pytest.raises(ConfigError, match="no part of a whole"):
        validate(compose("generate", [*SMALL, problems, f"generation.shard={text}"]))
