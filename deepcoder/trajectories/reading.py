"""Reading files of trajectories, ours or imported, one record at a time; nothing is lost silently.

    for item in read_trajectories(Path("trajectories.jsonl")):
        if isinstance(item, Rejection):
            print(item)          # trajectories.jsonl line 7: bad_json: …
        else:
            use(item)

A record that cannot be used becomes a `Rejection` with file, line and reason, and reading goes on.
How bytes become JSON values is the business of `deepcoder.decoding`; a source may also be a
folder of such files. The writer of our own files, which refuses to go on after damage, is
`deepcoder.trajectories.store`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from deepcoder.decoding import Undecodable, count_values, decoded
from deepcoder.errors import DataError, MissingError
from deepcoder.trajectories.importers import (
    UnreadableRecord,
    atif,
    mini_swe_agent,
    openai,
    r1,
    react,
    sharegpt,
    swe_agent,
)
from deepcoder.types import SCHEMA_VERSION, Record, Trajectory

__all__ = [
    "IMPORTERS",
    "Place",
    "ReadFailure",
    "Rejection",
    "count_lines",
    "read_placed",
    "read_trajectories",
    "trajectory_file",
]


IMPORTERS: dict[str, Callable[[Any], Trajectory]] = {
    "react": react.import_record,
    "r1": r1.import_record,
    "openai": openai.import_record,
    "sharegpt": sharegpt.import_record,
    "mini_swe_agent": mini_swe_agent.import_record,
    "swe_agent": swe_agent.import_record,
    "atif": atif.import_record,
}
PARTS: dict[str, Callable[[Any], list[Any]]] = {"r1": r1.parts, "atif": atif.parts}
"""Formats in which one record may hold several trajectories, and what takes it apart."""

DOCUMENTS = (
    "*.traj",
    "*.traj.json",
    "trajectory.json",
    "*.jsonl",
    "*.jsonl.gz",
    "*.parquet",
)
"""Files of a folder that hold trajectories, at any depth."""
NOT_DATA = ("rejected.jsonl", "truncated.jsonl", "metrics.jsonl", "spending.jsonl")
"""Files of our own run folders that hold something else."""


class ReadFailure(StrEnum):
    """Why a line gave no trajectory."""

    TORN = "torn"
    """The last line ends in the middle of a record: its writer was killed."""
    BAD_JSON = "bad_json"
    """Not a JSON object in UTF-8."""
    SCHEMA_VERSION = "schema_version"
    """A record of another version of our own format."""
    SCHEMA = "schema"
    """A record of our version with a field missing, unknown or of another type."""
    FORM = "form"
    """A JSON object that is not a conversation of the expected form."""

    @property
    def damaged(self) -> bool:
        """Whether the file is damaged or foreign, as against a record that says nothing usable."""
        return self is not ReadFailure.FORM


class Rejection(Record):
    """A record that is not used: where it stands, why in a word (`reason`) and in a sentence."""

    file: str
    line: int
    reason: str
    detail: str
    id: str | None = None

    def __str__(self) -> str:
        return f"{self.file} line {self.line}: {self.reason}: {self.detail}"


class Place(NamedTuple):
    """Where a record stands: `line` is that of its line, its item in a list, or its row."""

    file: str
    line: int


def trajectory_file(path: Path | str) -> Path:
    """The file that `path` means: itself, or `trajectories.jsonl` in a run folder; or the folder,
    when it holds files of trajectories (`DOCUMENTS`).

    Raises MissingError when there is none.
    """
    path = Path(path).expanduser()
    file = path / "trajectories.jsonl" if path.is_dir() else path
    if not file.is_file():
        if path.is_dir() and _documents(path):
            return path
        raise MissingError(
            f"There is no file of trajectories at {file}.",
            fix="set data.trajectories to a JSONL file, to the folder of a generate run, or to a "
            f"folder with {', '.join(DOCUMENTS)}",
        )
    return file


def count_lines(path: Path) -> int:
    """Records to expect, for a progress bar, in the file or in all files of the folder."""
    return sum(count_values(file) for file in (_documents(path) if path.is_dir() else [path]))


def read_trajectories(path: Path | str, format: str = "auto") -> Iterator[Trajectory | Rejection]:
    """The trajectory of each record, or the reason why there is none; see `read_placed`."""
    for _, item in read_placed(path, format):
        yield item


def read_placed(
    path: Path | str, format: str = "auto"
) -> Iterator[tuple[Place, Trajectory | Rejection]]:
    """(place, trajectory or rejection) of each record, in order.

    `format` is a name of `deepcoder.config.TrajectoryFormat`; 'auto' asks each record, except that
    chat messages of one file are of one form. Memory does not grow with a file of lines. Raises
    MissingError without a file, DataError when the first record of a single file is foreign.
    """
    source = trajectory_file(path)
    files = _documents(source) if source.is_dir() else [source]
    for file in files:
        chosen: dict[str, str] = {}
        for number, value in decoded(file):
            place = Place(str(file), number)
            if isinstance(value, Undecodable):
                reason = ReadFailure.TORN if value.torn else ReadFailure.BAD_JSON
                yield place, _Failed(reason, value.detail).rejection(place)
                continue
            record = {"messages": value} if isinstance(value, list) else value
            name = _chosen(record, chosen) if format == "auto" else format
            if name is None and not chosen and source.is_file():
                raise DataError(
                    f"{file} line {number} is {_foreign(record)}",
                    fix="set data.format, or convert the file",
                )
            for item in _items(name, record, place):
                yield place, item


def _chosen(record: Mapping[str, Any], before: dict[str, str]) -> str | None:
    """The format of a record; one with `messages` is of the form that the first of them has."""
    name = _format_of(record)
    if name is None:
        return None
    if name in ("openai", "react"):
        return before.setdefault("messages", name)
    before.setdefault(name, name)
    return name


def _items(
    format: str | None, record: Mapping[str, Any], place: Place
) -> Iterator[Trajectory | Rejection]:
    """The trajectories of one record; rejections are named by it."""
    name = _name(record)
    if format is None:
        yield _Failed(ReadFailure.FORM, _foreign(record)).rejection(place, name)
        return
    try:
        parts = PARTS[format](record) if format in PARTS else [record]
    except UnreadableRecord as error:
        yield _Failed(ReadFailure.FORM, str(error)).rejection(place, name)
        return
    for part in parts:
        try:
            yield _read_own(part) if format == "deepcoder" else _import(format, part)
        except _Failed as failed:
            yield failed.rejection(place, name)


def _documents(folder: Path) -> list[Path]:
    """The files of a folder that hold trajectories; hidden ones and our own lists are not data."""
    found = {file for pattern in DOCUMENTS for file in folder.rglob(pattern) if file.is_file()}
    return sorted(
        file
        for file in found
        if file.name not in NOT_DATA
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )


class _Failed(Exception):
    def __init__(self, failure: ReadFailure, detail: str) -> None:
        super().__init__(detail)
        self.failure, self.detail = failure, detail

    def rejection(self, place: Place, name: Any = None) -> Rejection:
        return Rejection(
            file=place.file,
            line=place.line,
            reason=self.failure,
            detail=self.detail,
            id=name if isinstance(name, str) else None,
        )


def _foreign(value: Mapping[str, Any]) -> str:
    """What is wrong with a record of no known form."""
    fields = ", ".join(sorted(map(str, value)))[:200]
    return (
        "neither a trajectory of ours (`steps`) nor of another form that can be read; its fields "
        f"are {fields}."
    )


def _format_of(value: Mapping[str, Any]) -> str | None:
    """The format of a record, by its fields; None when no importer would know them."""
    if str(value.get("schema_version", "")).startswith("ATIF"):
        return "atif"
    if "schema_version" in value or "steps" in value or _carries_ours(value):
        return "deepcoder"
    if str(value.get("trajectory_format", "")).startswith("mini-swe-agent"):
        return "mini_swe_agent"
    if isinstance(value.get("history"), list) or swe_agent.is_dialogue(value.get("trajectory")):
        return "swe_agent"
    if "conversations" in value:
        return "react" if react.is_react(value["conversations"]) else "sharegpt"
    if "messages" in value:
        return _messages_format(value)
    if react.transcript(value) is not None:
        return "react"
    if isinstance(value.get("prompt"), list) and isinstance(value.get("completion"), list):
        return "openai"
    return "r1" if r1.is_turn(value) else None


def _messages_format(value: Mapping[str, Any]) -> str:
    """What a record with `messages` is: an agent's run, ReAct text, a chat, or only a prompt."""
    messages = value["messages"]
    if mini_swe_agent.is_run(value):
        return "mini_swe_agent"
    if react.is_react(messages):
        return "react"
    said = (
        [one for one in messages if isinstance(one, Mapping)] if isinstance(messages, list) else []
    )
    answered = any(one.get("role") in openai.MODEL for one in said)
    return "r1" if said and not answered and r1.is_turn(value) else "openai"


def _name(value: Mapping[str, Any]) -> str | None:
    """What a record calls itself, for a rejection."""
    keys = ("id", "instance_id", "trajectory_id", "session_id")
    return next((value[key] for key in keys if isinstance(value.get(key), str)), None)


def _carries_ours(value: Mapping[str, Any]) -> bool:
    """Whether a row is one of our data sets: the whole record stands in one column of it."""
    return str(value.get("record", "")).startswith('{"schema_version":')


def _read_own(value: Mapping[str, Any]) -> Trajectory:
    if _carries_ours(value):
        try:
            value = json.loads(value["record"])
        except (ValueError, RecursionError) as error:
            raise _Failed(ReadFailure.BAD_JSON, f"column record: {error}") from error
    version = value.get("schema_version")
    if version != SCHEMA_VERSION:
        raise _Failed(
            ReadFailure.SCHEMA_VERSION, f"version {version!r}, and {SCHEMA_VERSION} is read here"
        )
    try:
        return Trajectory.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise _Failed(ReadFailure.SCHEMA, f"field {where}: {first['msg']}") from error


def _import(format: str, value: Mapping[str, Any]) -> Trajectory:
    try:
        return IMPORTERS[format](value)
    except UnreadableRecord as error:
        raise _Failed(ReadFailure.FORM, str(error)) from error
