"""A file of JSON lines that several processes may append to and a kill cannot spoil.

Each record is written with one `write` under a short lock. A line that a kill has torn is closed by
the next writer and skipped by every reader, so nothing is ever cut off or rewritten. Alternative:
`trajectories.store.RecordStore` is stricter (one writer, versions, ids) and stands on a higher
floor.

Example::

    file = LineFile(Path("spending.jsonl"))
    file.append('{"usd": 0.001}')
    total = sum(record["usd"] for _, record in file.records())
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deepcoder.errors import DeepcoderError

__all__ = ["LineFile"]


class LineFile:
    """Append and read; opened for writing by the first `append`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def records(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """(byte offset, object) of every whole line; torn and foreign lines are skipped."""
        if not self.path.exists():
            return
        offset = 0
        with self.path.open("rb") as file:
            for line in file:  # a binary file splits at b"\n" alone
                record = _read(line)
                if record is not None:
                    yield offset, record
                offset += len(line)

    def at(self, offset: int) -> dict[str, Any]:
        """The object at an offset that `records` or `append` gave."""
        with self.path.open("rb") as file:
            file.seek(offset)
            record = _read(file.readline())
        if record is None:
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
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        end = os.lseek(self._handle, 0, os.SEEK_END)
        torn = end > 0 and os.pread(self._handle, 1, end - 1) != b"\n"
        data = (b"\n" if torn else b"") + line.encode("ascii") + b"\n"
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
        return end + torn

    def remove(self) -> None:
        """Close it and take it away; a later `append` begins a new one."""
        self.close()
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _read(line: bytes) -> dict[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
