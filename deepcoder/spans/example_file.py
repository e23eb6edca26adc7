"""The file of prepared examples: Parquet, written in row groups, whole or not at all.

    with ExampleWriter(path) as writer:
        writer.write(examples)                       # one row group; memory stays flat
        writer.commit({"made_of": ..., "summary": ...})
    read_metadata(path)["summary"]

Columns: id, problem_id, split ('train' or 'validation'), input_ids list<int32>, kinds list<uint8>
(codes of `SpanKind`), tokens int32, source (name in `data.mixture`, else empty), solved (null where
nobody judged it). The metadata says what the file was made of, so that a reader
can tell whether it is stale. Without `commit`, or when the block raises, nothing is left behind.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from deepcoder.spans.selection import Example

__all__ = ["SCHEMA", "ExampleWriter", "read_metadata", "whole_file"]

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("problem_id", pa.string()),
        ("split", pa.string()),
        ("input_ids", pa.list_(pa.int32())),
        ("kinds", pa.list_(pa.uint8())),
        ("tokens", pa.int32()),
        ("source", pa.string()),
        ("solved", pa.bool_()),
    ]
)
METADATA = b"deepcoder"


class ExampleWriter:
    """See the module's text. The file appears when the `with` block ends after a `commit`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._metadata: dict[str, Any] | None = None

    def __enter__(self) -> Self:
        self._temporary = _temporary(self.path)
        self._writer = pq.ParquetWriter(self._temporary, SCHEMA, compression="zstd")
        return self

    def write(self, examples: Sequence[Example]) -> None:
        """Append examples as one row group."""
        if not examples:
            return
        aligned = [example.aligned for example in examples]
        columns = [
            pa.array([_clean(example.id) for example in examples], pa.string()),
            pa.array([_clean(example.problem_id) for example in examples], pa.string()),
            pa.array([example.split for example in examples], pa.string()),
            _lists([one.input_ids for one in aligned]),
            _lists([one.kinds for one in aligned]),
            pa.array([len(one.input_ids) for one in aligned], pa.int32()),
            pa.array([_clean(example.source) for example in examples], pa.string()),
            pa.array([example.solved for example in examples], pa.bool_()),
        ]
        self._writer.write_table(pa.Table.from_arrays(columns, schema=SCHEMA))

    def commit(self, metadata: dict[str, Any]) -> None:
        """Say what the file is made of; from here on it is complete."""
        self._metadata = metadata

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            complete = kind is None and self._metadata is not None
            if complete:
                self._writer.add_key_value_metadata({METADATA: json.dumps(self._metadata)})
            with contextlib.nullcontext() if complete else contextlib.suppress(OSError):
                self._writer.close()
            if complete:
                _install(self._temporary, self.path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._temporary)


def read_metadata(path: Path) -> dict[str, Any] | None:
    """What a prepared file says about itself; None when there is no whole file."""
    try:
        stored = pq.read_metadata(path).metadata or {}
    except (OSError, pa.ArrowException):
        return None
    return json.loads(stored[METADATA]) if METADATA in stored else None


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A text file to write to, which replaces `path` when the block ends without an exception."""
    temporary = _temporary(path)
    try:
        with open(temporary, "w", encoding="utf-8", newline="\n") as file:
            yield file
        _install(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def _temporary(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f".{path.name}.*"):
        leftover.unlink(missing_ok=True)  # of a run that was killed
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    return Path(name)


def _install(temporary: Path, path: Path) -> None:
    """Force a finished file to disk and give it its name."""
    with open(temporary, "rb") as file:
        os.fsync(file.fileno())
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)


def _lists(arrays: Sequence[np.ndarray]) -> pa.ListArray:
    """A column of lists, without a Python object per array."""
    offsets = np.cumsum([0, *(len(array) for array in arrays)], dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(np.concatenate(arrays)))


def _clean(text: str) -> str:
    """Arrow strings are UTF-8: lone surrogates in an id become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")
