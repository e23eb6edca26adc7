"""Reading files of trajectories, ours or imported, one line at a time; nothing is lost silently.

    for item in read_trajectories(Path("trajectories.jsonl")):
        if isinstance(item, Rejection):
            print(item)          # trajectories.jsonl line 7: bad_json: …
        else:
            use(item)

A line that cannot be used becomes a `Rejection` with file, line and reason, and reading goes on.
Lines end at newline bytes only, so that U+2028 and friends inside a record are text. The writer of
our own files, which refuses to go on after damage, is `deepcoder.trajectories.store`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from deepcoder.errors import DataError, MissingError
from deepcoder.trajectories.importers import UnreadableRecord
from deepcoder.trajectories.importers.react import import_record
from deepcoder.types import SCHEMA_VERSION, Record, Trajectory

__all__ = [
    "ReadFailure",
    "Rejection",
    "count_lines",
    "read_numbered",
    "read_trajectories",
    "trajectory_file",
]


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
    """The file that `path` means: itself, or `trajectories.jsonl` in a run folder.

    Raises MissingError when there is none.
    """
    path = Path(path).expanduser()
    file = path / "trajectories.jsonl" if path.is_dir() else path
    if not file.is_file():
        raise MissingError(
            f"There is no file of trajectories at {file}.",
            fix="set data.trajectories to a JSONL file or to the folder of a generate run",
        )
    return file


def count_lines(path: Path) -> int:
    """Lines of a file, for a progress bar; one pass over its bytes."""
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
    """(line number, trajectory or rejection) of each line that is not blank, in order.

    `format` is 'deepcoder', 'react', or 'auto', which asks the first readable record. Memory does
    not grow with the file. Raises MissingError without a file, DataError when no format fits.
    """
    file = trajectory_file(path)
    chosen = None if format == "auto" else format
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                value = _decode(line)
            except _Failed as failed:
                yield number, failed.rejection(file, number)
                continue
            chosen = chosen or _detect(value, file, number)
            try:
                yield number, _read_own(value) if chosen == "deepcoder" else _read_react(value)
            except _Failed as failed:
                yield number, failed.rejection(file, number, value.get("id"))


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


def _detect(value: Mapping[str, Any], file: Path, number: int) -> str:
    if "schema_version" in value or "steps" in value:
        return "deepcoder"
    if "messages" in value:
        return "react"
    raise DataError(
        f"{file} line {number} is neither a trajectory of ours (`steps`) nor a conversation "
        f"(`messages`); its fields are {', '.join(sorted(map(str, value)))[:200]}.",
        fix="set data.format, or convert the file",
    )


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


def _read_react(value: Mapping[str, Any]) -> Trajectory:
    try:
        return import_record(value)
    except UnreadableRecord as error:
        raise _Failed(ReadFailure.FORM, str(error)) from error
