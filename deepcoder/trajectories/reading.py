"""Reading files of trajectories, ours or imported, one line at a time; nothing is lost silently.

    for item in read_trajectories(Path("trajectories.jsonl")):
        if isinstance(item, Rejection):
            print(item)          # trajectories.jsonl line 7: bad_json: …
        else:
            use(item)

A line that cannot be used becomes a `Rejection` with file, line and reason, and reading goes on.
Lines end at newline bytes only, so that U+2028 and friends inside a record are text. Others' files
may also be one JSON document (a record, or a list of records, whose numbers then stand for lines),
or a folder with one document a file. The writer of our own files, which refuses to go on after
damage, is `deepcoder.trajectories.store`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import ValidationError

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
    "ReadFailure",
    "Rejection",
    "count_lines",
    "place",
    "read_numbered",
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
DOCUMENTS = ("*.traj", "*.traj.json", "trajectory.json")
"""Files of a folder that hold one trajectory each, at any depth."""


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


def trajectory_file(path: Path | str) -> Path:
    """The file that `path` means: itself, or `trajectories.jsonl` in a run folder; or the folder,
    when it holds a document per trajectory (`DOCUMENTS`).

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


def place(path: Path, number: int) -> tuple[str, int]:
    """(file, line) of a number that `read_numbered` gave for `path`."""
    return (str(_documents(path)[number - 1]), 1) if path.is_dir() else (str(path), number)


def count_lines(path: Path) -> int:
    """Records to expect, for a progress bar: lines of a file, in one pass over its bytes; items of
    a JSON document; files of a folder."""
    if path.is_dir():
        return len(_documents(path))
    records = _document(path)
    if records is not None:
        return len(records)
    count, last = 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            count += block.count(b"\n")
            last = block[-1:]
    return count + (last != b"\n")


def read_trajectories(path: Path | str, format: str = "auto") -> Iterator[Trajectory | Rejection]:
    """The trajectory of each line, or the reason why there is none; see `read_numbered`."""
    for _, item in read_numbered(path, format):
        yield item


def read_numbered(
    path: Path | str, format: str = "auto"
) -> Iterator[tuple[int, Trajectory | Rejection]]:
    """(number, trajectory or rejection) of each record, in order: the number of its line, of its
    item in a list, or of its file in a folder (`place` tells which file).

    `format` is a name of `deepcoder.config.TrajectoryFormat`; 'auto' asks the first readable record
    (of each file of a folder). Memory does not grow with a file of lines. Raises MissingError
    without a file, DataError when no format fits.
    """
    file = trajectory_file(path)
    if file.is_dir():
        for number, document in enumerate(_documents(file), start=1):
            for _, item in _read_file(document, format, strict=False):
                yield number, item
        return
    yield from _read_file(file, format)


def _read_file(
    file: Path, format: str, strict: bool = True
) -> Iterator[tuple[int, Trajectory | Rejection]]:
    """`strict`: a foreign first record is an error; else, in a folder, it is only refused."""
    chosen = None if format == "auto" else format
    for number, found in _values(file):
        if isinstance(found, Rejection):
            yield number, found
            continue
        chosen = chosen or _format_of(found)
        if chosen is None:
            if strict:
                raise DataError(
                    f"{file} line {number} is {_foreign(found)}",
                    fix="set data.format, or convert the file",
                )
            yield number, _Failed(ReadFailure.FORM, _foreign(found)).rejection(file, number)
            continue
        try:
            yield number, _read_own(found) if chosen == "deepcoder" else _import(chosen, found)
        except _Failed as failed:
            yield number, failed.rejection(file, number, _name(found))


def _values(file: Path) -> Iterator[tuple[int, dict[str, Any] | Rejection]]:
    """The JSON objects of a file, from its lines or from its one document."""
    records = _document(file)
    if records is not None:
        yield from enumerate(records, start=1)
        return
    if file.suffix in (".json", ".traj") and not _is_json(_first_line(file)):
        failed = _Failed(ReadFailure.BAD_JSON, "the file is neither one JSON document nor lines")
        yield 1, failed.rejection(file, 1)
        return
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield number, _decode(line)
            except _Failed as failed:
                yield number, failed.rejection(file, number)


def _document(file: Path) -> list[dict[str, Any]] | None:
    """The records of a file that is one JSON document; None for a file of lines.

    A list of messages is one record of mini-swe-agent, whose oldest files are such lists.
    """
    first = _first_line(file)
    listed = first.lstrip().startswith(b"[")
    if file.suffix == ".jsonl" or (_is_json(first) and not listed):
        return None
    try:
        value = json.loads(file.read_bytes().decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        if all("role" in item for item in value):
            return [{"trajectory_format": "mini-swe-agent", "messages": value}]
        return value
    return [value] if isinstance(value, dict) else None


def _first_line(file: Path) -> bytes:
    with file.open("rb") as lines:
        return next((line for line in lines if line.strip()), b"")


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _documents(folder: Path) -> list[Path]:
    return sorted({file for pattern in DOCUMENTS for file in folder.rglob(pattern)})


class _Failed(Exception):
    def __init__(self, failure: ReadFailure, detail: str) -> None:
        super().__init__(detail)
        self.failure, self.detail = failure, detail

    def rejection(self, file: Path, line: int, name: Any = None) -> Rejection:
        return Rejection(
            file=str(file),
            line=line,
            reason=self.failure,
            detail=self.detail,
            id=name if isinstance(name, str) else None,
        )


def _decode(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        if not line.endswith(b"\n"):
            detail = f"the record ends after {len(line)} bytes"
            raise _Failed(ReadFailure.TORN, detail) from error
        raise _Failed(ReadFailure.BAD_JSON, str(error)) from error
    if not isinstance(value, dict):
        raise _Failed(ReadFailure.BAD_JSON, f"a {type(value).__name__} instead of an object")
    return value


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
    if "schema_version" in value or "steps" in value:
        return "deepcoder"
    if str(value.get("trajectory_format", "")).startswith("mini-swe-agent"):
        return "mini_swe_agent"
    if "trajectory" in value and "history" in value:
        return "swe_agent"
    if "conversations" in value:
        return "sharegpt"
    if "messages" in value:
        return "openai" if _has_calls(value["messages"]) else "react"
    named = any(key in value for key in r1.PROMPTS) and any(key in value for key in r1.RESPONSES)
    return "r1" if named else None


def _has_calls(messages: Any) -> bool:
    """Whether chat messages are OpenAI's: with calls, or without any label of ReAct."""
    if not isinstance(messages, list):
        return False
    said = [message for message in messages if isinstance(message, dict)]
    if any(
        message.get("tool_calls") or message.get("role") in ("tool", "function") for message in said
    ):
        return True
    answers = [message.get("content") for message in said if message.get("role") == "assistant"]
    return bool(answers) and not any("Action" in str(answer) for answer in answers)


def _name(value: Mapping[str, Any]) -> Any:
    """What a record calls itself, for a rejection."""
    keys = ("id", "instance_id", "trajectory_id", "session_id")
    return next((value[key] for key in keys if isinstance(value.get(key), str)), None)


def _read_own(value: Mapping[str, Any]) -> Trajectory:
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
