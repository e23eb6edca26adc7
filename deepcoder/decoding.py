"""The JSON values of a file of others, whatever it is written in; what cannot be decoded is named.

    for number, value in decoded(Path("train.jsonl.gz")):     # (1, {...}), (2, Undecodable(...))

Read are JSON Lines, one JSON document (a record, a list of them, or an object that holds the list
under `data`, `rows`, …), and Parquet, a batch of rows at a time. Text may be gzipped, may begin
with a byte order mark, may be UTF-8, UTF-16 or UTF-32, and may end its lines in CRLF. Lines end at
newlines only: NUL, U+2028 and U+0085 are text. No other encoding is guessed, because a wrong guess
changes text without a word. A line of JSON Lines longer than `MAX_LINE` is skipped without being
held in memory; a single document is read whole.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

__all__ = ["MAX_LINE", "Undecodable", "count_values", "decoded"]

MAX_LINE = 256 << 20
"""Bytes of a line beyond which it is not read."""

_BATCH = 256  # rows of Parquet held at once
_WRAPPERS = ("data", "trajectories", "rows", "records", "examples", "train", "items")
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Undecodable:
    """Why there is no JSON object. `torn`: the file ends in the middle of it."""

    detail: str
    torn: bool = False


def decoded(file: Path) -> Iterator[tuple[int, dict[str, Any] | list[Any] | Undecodable]]:
    """(number, value) of every record: numbers are those of lines, items or rows, from 1.

    A value is an object, or a list of messages, which some agents write as a whole record.
    """
    if _is_parquet(file):
        yield from _rows(file)
        return
    records = _document(file)
    if records is not None:
        yield from enumerate(records, start=1)
        return
    if _is_broken(file):
        yield 1, Undecodable("the file is neither one JSON document nor lines")
        return
    for number, line in _lines(file):
        if isinstance(line, Undecodable):
            yield number, line
        elif line.strip():
            yield number, _value(line)


def count_values(file: Path) -> int:
    """Records to expect, for a progress bar: rows, items, or lines in one pass over the bytes."""
    if _is_parquet(file):
        import pyarrow.parquet as parquet

        return int(parquet.read_metadata(file).num_rows)
    records = _document(file)
    if records is not None:
        return len(records)
    if _is_broken(file):
        return 1
    count, last = 0, b"\n"
    try:
        with _opened(file) as lines:
            while block := lines.read(1 << 20):
                count += block.count(b"\n")
                last = block[-1:]
    except (OSError, EOFError, zlib.error):
        pass
    return count + (last not in (b"\n", b"\x00"))


# ---------------------------------------------------------------------------------- text


def _value(line: bytes) -> dict[str, Any] | list[Any] | Undecodable:
    try:
        value = json.loads(_text(line))
    except (ValueError, RecursionError) as error:
        if not line.endswith(b"\n"):
            return Undecodable(f"the record ends after {len(line)} bytes", torn=True)
        detail = str(error)
        if isinstance(error, UnicodeDecodeError):
            detail = f"not in UTF-8: {detail}; convert the file, e.g. with iconv"
        return Undecodable(detail)
    if isinstance(value, dict) or _is_messages(value):
        return cast("dict[str, Any] | list[Any]", value)
    return Undecodable(f"a {type(value).__name__} instead of an object")


def _text(line: bytes) -> str:
    """Strict UTF-8, and what Python and Java make of lone surrogates in it."""
    line = line.removeprefix(_BOM)
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("utf-8", "surrogatepass")


def _is_messages(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) and "role" in item for item in value)
    )


def _opened(file: Path) -> BinaryIO:
    with file.open("rb") as start:
        zipped = start.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(file, "rb")) if zipped else file.open("rb")


def _lines(file: Path) -> Iterator[tuple[int, bytes | Undecodable]]:
    """Lines as UTF-8 bytes with their newline. A fault of the file itself ends them."""
    number = 0
    try:
        with _opened(file) as raw, _as_utf8(raw) as utf8:
            for number, line in enumerate(_split(utf8), start=1):
                yield number, line
    except UnicodeError as error:
        yield number + 1, Undecodable(f"the rest of the file is not text: {error}")
    except (OSError, EOFError, zlib.error) as error:
        yield number + 1, Undecodable(f"the file breaks off: {error}", torn=True)


def _as_utf8(raw: BinaryIO) -> _Recoded | BinaryIO:
    """The same text in UTF-8, for files in UTF-16 or UTF-32 with a byte order mark."""
    head = cast(Any, raw).peek(4)[:4]
    name = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    return _Recoded(raw, name) if name else raw


class _Recoded(io.RawIOBase):
    """Lines of another encoding as UTF-8; only `readline` is used."""

    def __init__(self, raw: Any, encoding: str) -> None:
        self._text = io.TextIOWrapper(raw, encoding=encoding, newline="\n")

    def readline(self, size: int | None = -1, /) -> bytes:
        return self._text.readline(-1 if size is None else size).encode("utf-8", "surrogatepass")

    def close(self) -> None:
        if not self.closed:
            self._text.close()
        super().close()


def _split(file: _Recoded | BinaryIO) -> Iterator[bytes | Undecodable]:
    while line := file.readline(MAX_LINE):
        if len(line) < MAX_LINE or line.endswith(b"\n"):
            yield line
            continue
        size = len(line)
        while rest := file.readline(MAX_LINE):
            size += len(rest)
            if rest.endswith(b"\n"):
                break
        yield Undecodable(f"a line of {size} bytes; at most {MAX_LINE} are read")


# ----------------------------------------------------------------------------- documents


def _document(file: Path) -> list[dict[str, Any] | list[Any] | Undecodable] | None:
    """The records of a file that is one JSON document; None for a file of lines."""
    first = _first_line(file)
    whole = _object(first)
    listed = first.lstrip().startswith(b"[")
    if whole is not None and not listed:
        records = _records(whole) if file.name.endswith(".json") else None
        # An object a line, unless it is one that holds a list of records.
        return None if records is None or records[0] is whole else records
    if file.name.endswith((".jsonl", ".jsonl.gz")) and (not listed or _is_messages(whole)):
        return None
    try:
        with _opened(file) as raw, _as_utf8(raw) as utf8:
            data = b"".join(iter(utf8.readline, b"")) if isinstance(utf8, _Recoded) else utf8.read()
        value = json.loads(_text(data))
    except (ValueError, RecursionError, OSError, EOFError, zlib.error):
        return None
    return _records(value)


def _records(value: Any) -> list[dict[str, Any] | list[Any] | Undecodable] | None:
    if _is_messages(value):
        return [value]
    if isinstance(value, list) and value:
        return [_item(item) for item in value]
    if not isinstance(value, dict):
        return None
    lists = [key for key in _WRAPPERS if isinstance(value.get(key), list) and value[key]]
    if len(lists) == 1 and not {"messages", "steps", "history", "conversations"} & set(value):
        return [_item(item) for item in value[lists[0]]]
    return [value]


def _item(item: Any) -> dict[str, Any] | list[Any] | Undecodable:
    if isinstance(item, dict) and isinstance(item.get("row"), dict):
        return cast("dict[str, Any]", item["row"])  # as the hub's viewer hands rows out
    if isinstance(item, dict) or _is_messages(item):
        return cast("dict[str, Any] | list[Any]", item)
    return Undecodable(f"a {type(item).__name__} instead of an object")


def _is_broken(file: Path) -> bool:
    """Whether a file that should be one document is neither that nor lines."""
    return file.name.endswith((".json", ".traj")) and _object(_first_line(file)) is None


def _first_line(file: Path) -> bytes:
    return next((line for _, line in _lines(file) if isinstance(line, bytes) and line.strip()), b"")


def _object(line: bytes) -> Any:
    """The JSON value of a line; None when it is not whole."""
    try:
        return json.loads(_text(line))
    except (ValueError, RecursionError):
        return None


# ------------------------------------------------------------------------------- parquet


def _is_parquet(file: Path) -> bool:
    with file.open("rb") as start:
        return start.read(4) == b"PAR1"


def _rows(file: Path) -> Iterator[tuple[int, dict[str, Any] | Undecodable]]:
    import pyarrow
    import pyarrow.parquet as parquet

    number = 0
    try:
        for batch in parquet.ParquetFile(file).iter_batches(batch_size=_BATCH):
            for row in batch.to_pylist():
                number += 1
                yield number, row
    except pyarrow.ArrowException as error:
        yield number + 1, Undecodable(f"the file is damaged: {error}", torn=True)
