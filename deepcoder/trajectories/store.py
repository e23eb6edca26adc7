"""Append-only JSONL that survives a kill at any byte: the ledger of a generation run.

A record is one line, written with one `write` and forced to disk before `append` returns. A kill
can tear the last line only; the next writer reports what is torn, cuts it off, and goes on. There
is no index and no database: the file is the truth, and `grep` and `jq` read it.

Lines are ASCII (everything else is escaped) and are split at `\\n` bytes alone, so that NUL,
U+2028, U+0085 and lone surrogates in a model's text are data and never line ends. Alternative: a
database would give queries, and would lose the readability and the appends of one system call.

Example::

    with TrajectoryStore(Path("trajectories.jsonl")) as store:
        if trajectory.id not in store.ids():
            store.append(trajectory)
    print(sum(1 for _ in TrajectoryStore(Path("trajectories.jsonl"))))

One writer at a time holds an advisory lock (`flock`); readers need none and ignore a torn tail.
The lock does not reach across machines on a network file system without lock support.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from pydantic import BaseModel, ValidationError

from deepcoder.errors import DataError, DeepcoderError
from deepcoder.types import SCHEMA_VERSION, Trajectory

__all__ = ["RecordStore", "TrajectoryStore", "dump_record"]

log = logging.getLogger(__name__)

R = TypeVar("R", bound=BaseModel)


def dump_record(record: BaseModel) -> bytes:
    """One ASCII line for a record, newline included; any text survives, lone surrogates too."""
    value = record.model_dump(mode="json")
    return (json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n").encode("ascii")


class RecordStore(Generic[R]):
    """An append-only file of pydantic records of class `record_type`.

    Opened for writing by `with` or by the first `append`; iteration only reads. `torn_bytes` is
    the size of the torn record that opening for writing cut off, 0 when the file was whole.
    """

    record_type: type[R]

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.torn_bytes = 0
        self._handle: int | None = None
        self._ids: set[str] = set()

    # ------------------------------------------------------------------------------ what to keep

    def key(self, record: R) -> str:
        """The name under which a record may stand in the file only once."""
        return str(record.id)  # type: ignore[attr-defined]

    def version(self, value: dict[str, Any]) -> Any:
        """The schema version that a decoded line declares."""
        return value.get("schema_version")

    # ------------------------------------------------------------------------------------ reading

    def __iter__(self) -> Iterator[R]:
        """The records in order of writing. A torn last line is left out with a warning.

        Raises DataError with file and line for a record that cannot be used.
        """
        for number, line, last in self._lines():
            record = self._decode(line, number, last)
            if record is None:
                log.warning(
                    "%s line %d is torn (%d bytes) and left out.", self.path, number, len(line)
                )
                return
            yield record

    def ids(self) -> frozenset[str]:
        """The keys of all whole records."""
        if self._handle is not None:
            return frozenset(self._ids)
        return frozenset(self.key(record) for record in self)

    def _lines(self) -> Iterator[tuple[int, bytes, bool]]:
        """For each line: 1-based number, bytes with the newline if any, whether it is the last."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            held: bytes | None = None
            number = 0
            for line in file:  # a binary file splits at b"\n" alone
                if held is not None:
                    yield number, held, False
                held, number = line, number + 1
            if held is not None:
                yield number, held, True

    def _decode(self, line: bytes, number: int, last: bool) -> R | None:
        """The record of a line; None when it is the torn tail of the file."""
        if not line.endswith(b"\n"):
            return None
        try:
            value = json.loads(line)
            if not isinstance(value, dict):
                raise ValueError(f"expected an object, found {type(value).__name__}")
        except ValueError as error:
            if last:
                return None  # a crash of the machine can leave a block of zeros with a newline
            raise DataError(
                f"{self.path} line {number} is not a JSON record: {error}.",
                fix="restore the file from a copy, or delete that line",
            ) from error
        found = self.version(value)
        if found != SCHEMA_VERSION:
            raise DataError(
                f"{self.path} line {number} has schema version {found!r}; this version of "
                f"deepcoder reads and writes {SCHEMA_VERSION}.",
                fix="use another run folder (name=...), or the deepcoder that wrote the file",
            )
        try:
            return self.record_type.model_validate(value)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise DataError(
                f"{self.path} line {number}, field {where}: {first['msg']}.",
                fix="restore the file from a copy, or delete that line",
            ) from error

    # ------------------------------------------------------------------------------------ writing

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def open(self) -> None:
        """Take the lock, read what is there, cut off a torn tail. Does nothing when open.

        Raises DeepcoderError while another process writes, DataError for an unusable file (which
        is then left as it is).
        """
        if self._handle is not None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            self._lock(handle)
            self._ids, whole = set(), 0
            for number, line, last in self._lines():
                record = self._decode(line, number, last)
                if record is None:
                    self._cut(handle, whole, number)
                    break
                self._ids.add(self.key(record))
                whole += len(line)
            _sync_folder(self.path.parent)
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle

    def close(self) -> None:
        """Give the lock back."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def append(self, record: R) -> None:
        """Add a record; it is on disk when this returns.

        Raises DataError for an id that is already there, DeepcoderError when the file cannot be
        written (a full disk, a quota): the file then holds exactly what it held before.
        """
        self.open()
        assert self._handle is not None
        key = self.key(record)
        if key in self._ids:
            raise DataError(f"{self.path} already holds {key}.", fix="write each record once")
        before = os.fstat(self._handle).st_size
        try:
            _write_all(self._handle, dump_record(record))
            os.fsync(self._handle)
        except OSError as error:
            os.ftruncate(self._handle, before)
            raise DeepcoderError(
                f"Could not write to {self.path}: {error.strerror}. What was done is kept.",
                fix="free some space and run the same command again",
            ) from error
        self._ids.add(key)

    def _lock(self, handle: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DeepcoderError(
                f"Another process is writing to {self.path}.",
                fix="wait until it ends or stop it; two writers would interleave",
            ) from error

    def _cut(self, handle: int, whole: int, number: int) -> None:
        self.torn_bytes = os.fstat(handle).st_size - whole
        os.ftruncate(handle, whole)
        os.fsync(handle)
        log.warning(
            "%s: record %d was torn by an earlier end (%d bytes); it is cut off and made again.",
            self.path,
            number,
            self.torn_bytes,
        )


class TrajectoryStore(RecordStore[Trajectory]):
    """Trajectories, one a line."""

    record_type = Trajectory


def _write_all(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]


def _sync_folder(folder: Path) -> None:
    """Force the name of a new file to disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
