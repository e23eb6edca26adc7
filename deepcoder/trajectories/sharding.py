"""A run in parts on several machines, and the parts put together again.

`generation.shard=3/8` plays every eighth episode of the same plan, from the third on, in a run
folder of its own. `merge` takes the folders of all parts and makes the folder that the whole run
would have made. It believes nobody: each part must have been made from the same configuration and
the same problems, must be complete, and none may be missing.

Example::

    mine = planned.part(3, 8)
    merge(run, cfg, folders, key_of=lambda shard: stage_key(with_shard(cfg, shard), "generate"))
"""

from __future__ import annotations

import glob
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from omegaconf import OmegaConf

from deepcoder.errors import DataError, IncompleteError, MissingError
from deepcoder.runs import RunFolder, atomic_write
from deepcoder.trajectories.store import TrajectoryStore
from deepcoder.trajectories.verification import RejectedStore

__all__ = ["Shard", "merge"]


@dataclass(frozen=True, order=True)
class Shard:
    """Part `number` of `count`, counted from 1."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `k/n`, which the rules of the configuration have checked."""
        number, _, count = text.partition("/")
        return cls(int(number), int(count))

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def merge(run: RunFolder, patterns: Sequence[str], key_of: Callable[[str], str]) -> list[Path]:
    """Write the records of all parts into `run`; a record that is there already is left alone.

    `patterns` are folders, or globs of folders. `key_of` gives the key that a run of this
    configuration has as the given shard. Returns the folders in order of their parts. Raises
    MissingError, DataError or IncompleteError, before anything is written, when they do not make
    the whole.
    """
    parts = _in_order([_part(folder, key_of) for folder in _folders(patterns, run.path)])
    _same_inputs(parts)
    folders = [folder for _, folder, _ in parts]
    with (
        TrajectoryStore(run.path / "trajectories.jsonl") as accepted,
        RejectedStore(run.path / "rejected.jsonl") as rejected,
    ):
        there = accepted.ids() | rejected.ids()
        for folder in folders:
            for trajectory in TrajectoryStore(folder / "trajectories.jsonl"):
                if trajectory.id not in there:
                    accepted.append(trajectory)
            for record in RejectedStore(folder / "rejected.jsonl"):
                if record.id not in there:
                    rejected.append(record)
    bills = [folder / "spending.jsonl" for folder in folders]
    paid = b"".join(bill.read_bytes() for bill in bills if bill.exists())
    if paid:
        atomic_write(run.path / "spending.jsonl", paid)
    for shard, folder, _ in parts:
        run.record_input(f"shard {shard}", folder / "trajectories.jsonl")
    return folders


def _folders(patterns: Sequence[str], own: Path) -> list[Path]:
    found: dict[Path, None] = {}
    for pattern in patterns:
        matches = [Path(match) for match in sorted(glob.glob(str(Path(pattern).expanduser())))]
        folders = [path.resolve() for path in matches if (path / "run.json").exists()]
        if not folders:
            raise MissingError(
                f"generation.merge: there is no run folder at {pattern}.",
                fix="name the folders of all shards, e.g. "
                "'generation.merge=[runs/generate/a, runs/generate/b]'; patterns with * work",
            )
        found |= dict.fromkeys(folder for folder in folders if folder != own.resolve())
    return list(found)


def _part(folder: Path, key_of: Callable[[str], str]) -> tuple[Shard, Path, dict[str, Any]]:
    info = json.loads((folder / "run.json").read_text())
    text = OmegaConf.select(OmegaConf.load(folder / "config.yaml"), "generation.shard")
    if info.get("stage") != "generate" or not text:
        raise DataError(
            f"{folder} is not a shard of a generate run.",
            fix="name only folders that were made with generation.shard=k/n",
        )
    if info.get("key") != key_of(str(text)):
        raise DataError(
            f"{folder} (shard {text}) was made from another configuration than this one.",
            fix="give this command the same overrides as the shards, without generation.shard",
        )
    if info.get("status") != "done":
        raise IncompleteError(
            f"{folder} (shard {text}) is not complete: its status is {info.get('status')}.",
            fix=f"run the same command with generation.shard={text} again where it was made",
        )
    return Shard.parse(str(text)), folder, info


def _in_order(
    parts: list[tuple[Shard, Path, dict[str, Any]]],
) -> list[tuple[Shard, Path, dict[str, Any]]]:
    parts = sorted(parts, key=lambda part: part[0])
    counts = {shard.count for shard, _, _ in parts}
    if len(counts) != 1:
        raise DataError(
            f"generation.merge: shards of {sorted(counts)} parts cannot be put together.",
            fix="name the shards of one whole",
        )
    (count,) = counts
    numbers = [shard.number for shard, _, _ in parts]
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    if twice:
        raise DataError(
            f"generation.merge: shard {twice[0]}/{count} is there twice.", fix="name it once"
        )
    missing = [f"{number}/{count}" for number in range(1, count + 1) if number not in numbers]
    if missing:
        raise IncompleteError(
            f"generation.merge: {', '.join(missing[:5])} of {count} shards are missing.",
            fix="name their folders, too, or make them with generation.shard=" + missing[0],
        )
    return parts


def _same_inputs(parts: list[tuple[Shard, Path, dict[str, Any]]]) -> None:
    def hashes(info: dict[str, Any]) -> dict[str, str]:
        return {name: given["sha256"] for name, given in info.get("inputs", {}).items()}

    first = parts[0]
    for shard, folder, info in parts[1:]:
        if hashes(info) != hashes(first[2]):
            raise DataError(
                f"{folder} (shard {shard}) was made from other problems than {first[1]}.",
                fix="make it again from the same problems.path",
            )
