"""A file of JSON lines that several processes may append to and a kill cannot spoil.

Each record is written with one `write` under a short lock. A line that a kill has torn is marked by
the next writer and skipped by every reader, so nothing is ever cut off or rewritten. A whole line
that cannot be read was spoiled by another hand: it is an error that names it, and the file is left
as it is. Alternative: `trajectories.store.RecordStore` is stricter (one writer, versions, ids) and
stands on a higher floor.

Example::

    file = LineFile(Path("spending.jsonl"), remedy="delete that line; what it cost is forgotten")
    file.append('{"usd": 0.001}')
    total = sum(line.record["usd"] for line in file.lines())
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepcoder.errors import DataError, DeepcoderError

__all__ = ["Line", "LineFile"]

_TORN = b" (torn)\n"
"""What the next writer puts after a line that was broken off."""


@dataclass(frozen=True)
class Line:
    """One record, where it stands, and how to say that something is wrong with it."""

    path: Path
    number: int
    """Of the line, from 1."""
    offset: int
    """Byte at which it begins."""
    record: dict[str, Any]
    remedy: str

    def unusable(self, why: Exception) -> DataError:
        """The error for a record that is JSON and not what it should be; `why` reading failed."""
        said = f"it has no {why}" if isinstance(why, KeyError) else " ".join(str(why).split())
        return DataError(f"{self.path} line {self.number} cannot be used: {said}.", fix=self.remedy)


class LineFile:
    """Append and read; opened for writing by the first `append`. `remedy` is what a person may do
    about a line that cannot be read."""

    def __init__(self, path: Path, *, remedy: str = "restore that line, or delete it") -> None:
        self.path = path
        self._remedy = remedy
        self._handle: int | None = None

    def lines(self) -> Iterator[Line]:
        """Every whole line; a torn one is skipped.

        Raises DataError with file, line and remedy for one that holds no JSON object.
        """
        if not self.path.exists():
            return
        offset = 0
        with self.path.open("rb") as file:
            for number, data in enumerate(file, 1):  # a binary file splits at b"\n" alone
                if not _torn(data):
                    yield self._line(number, offset, data)
                offset += len(data)

    def _line(self, number: int, offset: int, data: bytes) -> Line:
        try:
            record = json.loads(data)
            if not isinstance(record, dict):
                raise ValueError(f"expected an object, found {type(record).__name__}")
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"{self.path} line {number} is not a JSON record: {error}.", fix=self._remedy
            ) from None
        return Line(self.path, number, offset, record, self._remedy)

    def at(self, line: Line | int) -> dict[str, Any]:
        """The object at an offset that `append` gave, or of a line."""
        offset = line.offset if isinstance(line, Line) else line
        with self.path.open("rb") as file:
            file.seek(offset)
            data = file.readline()
        try:
            record = json.loads(data)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            raise DeepcoderError(
                f"{self.path} was changed while it was in use.", fix="run the same command again"
            )
        return record

    def append(self, line: str, *, sync: bool = True) -> int:
        """Add one line (ASCII JSON, without its end); it is on disk when this returns, and without
        `sync` in the system's hands, where a kill of this process does not reach it.

        Returns its offset. Raises DeepcoderError when the disk is full; the file stays readable.
        """
        if self._handle is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._handle = os.open(self.path, flags, 0o644)
            _sync_folder(self.path.parent)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        end = os.lseek(self._handle, 0, os.SEEK_END)
        torn = end > 0 and os.pread(self._handle, 1, end - 1) != b"\n"
        mark = _TORN if torn else b""
        data = mark + line.encode("ascii") + b"\n"
        try:
            while data:
                data = data[os.write(self._handle, data) :]
            if sync:
                os.fsync(self._handle)
        except OSError as error:
            os.ftruncate(self._handle, end)
            raise DeepcoderError(
                f"Could not write to {self.path}: {error.strerror}. What was done is kept.",
                fix="free some space and run the same command again",
            ) from error
        finally:
            fcntl.flock(self._handle, fcntl.LOCK_UN)
        return end + len(mark)

    def remove(self) -> None:
        """Close it and take it away; a later `append` begins a new one."""
        self.close()
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _torn(data: bytes) -> bool:
    """Whether a write was broken off here: at the end of the file, or marked by a later writer."""
    return not data.endswith(b"\n") or data.endswith(_TORN)


def _sync_folder(folder: Path) -> None:
    """Force the name of a new file to disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
