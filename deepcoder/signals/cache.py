"""Teacher signals on disk: memory-mapped shards, written whole or not at all, bound to a key.

    writer = CacheWriter(folder, key, layout, rows_per_example, shard_rows=65536)
    for number in writer.missing():
        writer.write(number, columns)       # shard-00007.bin and its record, atomically
    writer.finish()                         # index.json, when every shard is there
    cache = SignalCache(folder, key)        # refuses what is stale, foreign, cut or incomplete
    rows = cache.read(places)               # SparseRows or ChunkRows of any positions

Positions are counted over all examples in order, in each the tokens that can carry loss. A shard
holds whole examples. Its file is a JSON header (8 bytes of length, then name, type, shape and place
of every column) followed by the columns, each aligned to 64 bytes: read by `numpy.memmap`, never
unpickled. The key names everything that the numbers depend on; a reader whose key differs is told
which part does.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from deepcoder.errors import DataError, MissingError
from deepcoder.losses.rows import ChunkRows, SparseRows
from deepcoder.signals.columns import Columns, Layout, decode, row_starts

__all__ = ["CacheWriter", "Key", "SignalCache", "cut_shards"]

Key = Mapping[str, Any]
"""What the numbers depend on, by name; JSON-able."""

VERSION = 1
INDEX = "index.json"
ALIGNMENT = 64
AGAIN = (
    "run `python -m deepcoder.score` with the overrides of this training; it makes what is missing"
)


def cut_shards(rows_per_example: Sequence[int], shard_rows: int) -> list[tuple[int, int]]:
    """Half-open ranges of examples, each of at most `shard_rows` rows or a single example."""
    shards, first, held = [], 0, 0
    for number, rows in enumerate(rows_per_example):
        if held and held + rows > shard_rows:
            shards.append((first, number))
            first, held = number, 0
        held += rows
    if first < len(rows_per_example):
        shards.append((first, len(rows_per_example)))
    return shards


class CacheWriter:
    """Writes the shards of one cache; several processes may share the work."""

    def __init__(
        self,
        folder: Path,
        key: Key,
        layout: Layout,
        rows_per_example: Sequence[int],
        shard_rows: int,
    ) -> None:
        self.folder, self.key, self.layout = folder, dict(key), layout
        self.shards = cut_shards(rows_per_example, shard_rows)
        bounds = np.concatenate([[0], np.cumsum(rows_per_example)]).astype(int)
        self.rows = [(int(bounds[a]), int(bounds[b])) for a, b in self.shards]

    def missing(self, part: int = 0, parts: int = 1) -> list[int]:
        """Numbers of the shards that are not there yet; of those, every `parts`-th."""
        mine = range(part, len(self.shards), parts)
        return [number for number in mine if self._record(number) is None]

    def write(self, number: int, columns: Columns, **facts: Any) -> None:
        """One shard. `facts` are kept in its record, for a report."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / _name(number)
        digest, size = _write_file(path, columns)
        record = {
            "file": path.name,
            "sha256": digest,
            "bytes": size,
            "rows": list(self.rows[number]),
            "examples": list(self.shards[number]),
            "key": _digest(self.key),
            "facts": facts,
        }
        _write_json(path.with_suffix(".json"), record)

    def records(self) -> list[dict[str, Any]]:
        """Of the shards that are there."""
        found = (self._record(number) for number in range(len(self.shards)))
        return [record for record in found if record is not None]

    def finish(self) -> bool:
        """Write the index if every shard is there; returns whether it is."""
        records = self.records()
        if len(records) < len(self.shards):
            return False
        shards = [{k: v for k, v in r.items() if k not in ("facts", "key")} for r in records]
        index = {
            "version": VERSION,
            "key": self.key,
            "layout": self.layout.as_dict(),
            "shards": shards,
        }
        path = self.folder / INDEX
        if not path.exists() or path.read_text() != json.dumps(index, indent=1):
            _write_json(path, index)
        return True

    def _record(self, number: int) -> dict[str, Any] | None:
        path = self.folder / _name(number)
        try:
            record = json.loads(path.with_suffix(".json").read_text())
            same = record["key"] == _digest(self.key) and record["rows"] == list(self.rows[number])
            return record if same and path.stat().st_size == record["bytes"] else None
        except (OSError, ValueError, KeyError, TypeError):
            return None


class SignalCache:
    """The reader. Raises MissingError or DataError naming file or key when it may not be used."""

    def __init__(self, folder: Path, key: Key) -> None:
        index = _read_index(folder)
        _check_key(folder, index["key"], key)
        self.folder = folder
        self.layout = Layout.from_dict(index["layout"])
        self._columns: list[Columns] = []
        self._starts: list[np.ndarray | None] = []
        for shard in index["shards"]:
            columns = _open_shard(folder, shard)
            self._columns.append(columns)
            self._starts.append(row_starts(columns, self.layout) if self.layout.sampled else None)
        bounds = [shard["rows"][0] for shard in index["shards"]]
        self._bounds = np.array([*bounds, index["shards"][-1]["rows"][1] if bounds else 0])

    def __len__(self) -> int:
        """Positions."""
        return int(self._bounds[-1])

    @property
    def bytes(self) -> int:
        return sum(column.nbytes for columns in self._columns for column in columns.values())

    def read(self, places: Int[np.ndarray, " rows"]) -> SparseRows | ChunkRows:
        """The rows at `places`, in their order. Raises IndexError outside of the cache."""
        places = np.asarray(places, dtype=np.int64)
        if places.size and not (places.min() >= 0 and places.max() < len(self)):
            raise IndexError(f"positions {places.min()}…{places.max()} of {len(self)}")
        shards = np.searchsorted(self._bounds, places, side="right") - 1
        turns = np.flatnonzero(np.diff(shards)) + 1  # examples are whole within a shard
        parts = [
            decode(
                self._columns[int(shards[group[0]])],
                self.layout,
                places[group] - self._bounds[shards[group[0]]],
                self._starts[int(shards[group[0]])],
            )
            for group in np.split(np.arange(len(places)), turns)
            if len(group)
        ]
        return _join(parts, self.layout)

    def entropies(self) -> Float[np.ndarray, " positions"] | None:
        """The teacher's entropy at every position, in nats; nan where it could not judge.

        None when it was not stored: a server tells none, and stretches of text have none.
        """
        if not self._columns or any("entropy" not in columns for columns in self._columns):
            return None
        found = [columns["entropy"].astype(np.float32) for columns in self._columns]
        for values, columns in zip(found, self._columns, strict=True):
            if "unknown" in columns:
                values[columns["unknown"].astype(bool)] = np.nan
        return np.concatenate(found)


def _join(parts: list[SparseRows | ChunkRows], layout: Layout) -> SparseRows | ChunkRows:
    if len(parts) == 1:
        return parts[0]
    if not parts:
        none = torch.zeros(0, dtype=torch.int64)
        if layout.chunks:
            return ChunkRows(none, torch.zeros(0))
        nothing = torch.zeros(0)
        return SparseRows(none[:, None], nothing[:, None], layout.scheme, log_tail=nothing)
    if layout.chunks:
        return _join_chunks([part for part in parts if isinstance(part, ChunkRows)])
    rows = [part for part in parts if isinstance(part, SparseRows)]
    most = max(part.ids.shape[1] for part in rows)

    def column(name: str) -> torch.Tensor | None:
        found = [getattr(part, name) for part in rows]
        return None if any(x is None for x in found) else torch.cat(found)

    def padded(name: str, value: float) -> torch.Tensor:
        wide = [
            torch.nn.functional.pad(x, (0, most - x.shape[1]), value=value)
            for x in (getattr(part, name) for part in rows)
        ]
        return torch.cat(wide)

    return SparseRows(
        padded("ids", 0),
        padded("log_probs", -torch.inf),
        layout.scheme,
        width=layout.vocabulary,
        **{name: column(name) for name in ("log_tail", "entropy", "log_target", "unknown")},
    )


def _join_chunks(parts: list[ChunkRows]) -> ChunkRows:
    chunks, before = [], 0
    for part in parts:
        chunks.append(torch.where(part.chunks >= 0, part.chunks + before, -1))
        before += len(part.log_probs)
    return ChunkRows(torch.cat(chunks), torch.cat([part.log_probs for part in parts]))


# ------------------------------------------------------------------------------ checks


def _read_index(folder: Path) -> dict[str, Any]:
    path = folder / INDEX
    if not path.exists():
        shards = len(list(folder.glob("shard-*.json"))) if folder.is_dir() else 0
        state = f"{shards} shards are there, but no {INDEX}" if shards else "there is none"
        raise MissingError(f"The signal cache {folder} is not complete: {state}.", fix=AGAIN)
    try:
        index = json.loads(path.read_text())
        version = index["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} is not an index of signals ({error}).", fix=_remove(folder)
        ) from error
    if version != VERSION:
        raise DataError(
            f"{path} is of version {version}, and this code reads version {VERSION}.",
            fix=_remove(folder),
        )
    return index


def _check_key(folder: Path, theirs: Key, ours: Key) -> None:
    mine = json.loads(json.dumps(dict(ours)))
    odd = [name for name in sorted({*theirs, *mine}) if theirs.get(name) != mine.get(name)]
    if odd:
        said = "; ".join(f"{name} is {theirs.get(name)!r}, here {mine.get(name)!r}" for name in odd)
        raise DataError(
            f"The signal cache {folder} belongs to something else: {said}.",
            fix="use the configuration that it was made with, or " + AGAIN,
        )


def _open_shard(folder: Path, shard: dict[str, Any]) -> Columns:
    path = folder / shard["file"]
    if not path.exists():
        raise MissingError(f"The signal cache lacks {path}.", fix=AGAIN)
    size = path.stat().st_size
    if size != shard["bytes"]:
        raise DataError(
            f"{path} has {size:,} bytes of {shard['bytes']:,}: it was cut or changed.",
            fix=f"remove it and {AGAIN}",
        )
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != shard["sha256"]:
        raise DataError(
            f"{path} is damaged: its SHA-256 is not that of {folder / INDEX}.",
            fix=f"remove it and {AGAIN}",
        )
    return _map_file(path)


def _remove(folder: Path) -> str:
    return f"remove {folder} and {AGAIN}"


# ------------------------------------------------------------------------------- files


def _name(number: int) -> str:
    return f"shard-{number:05d}.bin"


def _digest(key: Key) -> str:
    return hashlib.sha256(json.dumps(dict(key), sort_keys=True).encode()).hexdigest()


def _write_file(path: Path, columns: Columns) -> tuple[str, int]:
    """SHA-256 and size of what was written."""
    entries: dict[str, Any] = {}
    offset = 0
    for name, column in columns.items():
        entries[name] = {"type": column.dtype.str, "shape": column.shape, "at": offset}
        offset += -(-column.nbytes // ALIGNMENT) * ALIGNMENT
    header = json.dumps(entries).encode()
    header += b" " * (-(len(header) + 8) % ALIGNMENT)
    digest = hashlib.sha256()
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            pieces = [len(header).to_bytes(8, "little"), header]
            for column in columns.values():
                raw = np.ascontiguousarray(column).tobytes()
                pieces += [raw, b"\0" * (-len(raw) % ALIGNMENT)]
            for piece in pieces:
                digest.update(piece)
                file.write(piece)
            size = file.tell()
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return digest.hexdigest(), size


def _map_file(path: Path) -> Columns:
    whole = np.memmap(path, dtype=np.uint8, mode="r")
    length = int.from_bytes(whole[:8].tobytes(), "little")
    entries = json.loads(whole[8 : 8 + length].tobytes())
    columns: Columns = {}
    for name, entry in entries.items():
        kind, shape = np.dtype(entry["type"]), tuple(entry["shape"])
        start = 8 + length + entry["at"]
        count = int(np.prod(shape)) * kind.itemsize
        columns[name] = whole[start : start + count].view(kind).reshape(shape)
    return columns


def _write_json(path: Path, value: Any) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w") as file:
            json.dump(value, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
