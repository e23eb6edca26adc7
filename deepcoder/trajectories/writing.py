"""Writing trajectories in a form of others, each record checked by reading it back.

    writer = Writer(Path("out.jsonl"), ExportFormat.openai)
    with writer:
        refused = writer.write(trajectory)        # None, or why it cannot be written

A file comes into being whole or not at all (temporary name, then rename). Forms: JSON Lines; ATIF
as one document a folder (`trajectory.json`), or as lines when the path ends in `.jsonl`; a folder
for Hugging Face `datasets` with Parquet shards, whose card is `deepcoder.reporting.data_card`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from deepcoder.config import ExportFormat
from deepcoder.errors import DataError
from deepcoder.trajectories.exporters import Unexportable, atif, chat
from deepcoder.trajectories.importers import UnreadableRecord
from deepcoder.trajectories.importers.chat import clean
from deepcoder.trajectories.reading import IMPORTERS
from deepcoder.trajectories.store import dump_record
from deepcoder.types import Trajectory

__all__ = ["SHARD", "Writer", "export", "same_content"]

SHARD = 20_000
"""Rows of a Parquet file."""
_ROWS = 500  # rows of Parquet held at once


def export(trajectory: Trajectory, format: ExportFormat, *, text: bool = True) -> dict[str, Any]:
    """The record of a trajectory in `format`, read back and found the same. `text`: the arguments
    of calls as JSON text. Raises Unexportable."""
    if format is ExportFormat.deepcoder:
        return trajectory.model_dump(mode="json")
    if format is ExportFormat.huggingface:
        return _row(trajectory)
    if format is ExportFormat.openai:
        record = chat.openai_record(trajectory, arguments_as_text=text)
    else:
        record = _EXPORTERS[format](trajectory)
    try:
        back = IMPORTERS[format.value](record)
    except UnreadableRecord as error:
        raise Unexportable(f"it could not be read back: {error}") from error
    changed = _changed(trajectory, back)
    if changed is not None:
        raise Unexportable(f"the form would change {changed}")
    return record


_EXPORTERS: dict[ExportFormat, Callable[[Trajectory], dict[str, Any]]] = {
    ExportFormat.atif: atif.export_record,
    ExportFormat.sharegpt: chat.sharegpt_record,
    ExportFormat.react: chat.react_record,
    ExportFormat.r1: chat.r1_record,
}


def same_content(left: Trajectory, right: Trajectory) -> bool:
    """Whether two trajectories say the same: prompt, task, reasoning, actions, observations."""
    return _changed(left, right) is None


def _changed(left: Trajectory, right: Trajectory) -> str | None:
    """The first part of the content that differs, lone surrogates apart: importers replace them."""
    if clean(left.system_prompt or "") != (right.system_prompt or ""):
        return "the system prompt"
    if clean(left.task) != clean(right.task):
        return "the task"
    if len(left.steps) != len(right.steps):
        return "the number of steps"
    for index, (a, b) in enumerate(zip(left.steps, right.steps, strict=True)):
        for name, x, y in (
            ("reasoning", a.reason, b.reason),
            ("action", a.action and a.action.model_dump(), b.action and b.action.model_dump()),
            ("observation", a.observation and a.observation.content,
             b.observation and b.observation.content),
        ):  # fmt: skip
            if clean(json.dumps(x, ensure_ascii=False)) != clean(json.dumps(y, ensure_ascii=False)):
                return f"the {name} of step {index}"
    return None


def _row(trajectory: Trajectory) -> dict[str, Any]:
    """A row for `datasets`: readable columns, and the whole record as JSON text."""
    messages = [
        {
            "role": said["role"],
            "content": clean(said["content"]),
            "reasoning_content": clean(said.get("reasoning_content", "")) or None,
            "tool_calls": [
                {"name": c["function"]["name"], "arguments": clean(c["function"]["arguments"])}
                for c in said.get("tool_calls", ())
            ],
        }
        for said in chat.openai_messages(trajectory, arguments_as_text=True)
    ]
    return {
        "id": clean(trajectory.id),
        "problem_id": clean(trajectory.problem_id),
        "source": trajectory.provenance.source,
        "teacher": trajectory.teacher.model,
        "protocol": trajectory.protocol,
        "messages": messages,
        "answer": None if trajectory.answer is None else clean(trajectory.answer),
        "solved": None if trajectory.outcome is None else trajectory.outcome.solved,
        "tags": list(trajectory.tags),
        "record": dump_record(trajectory).decode().rstrip("\n"),
    }


class Writer:
    """Writes one file or folder; `path` stands under its name only after a clean exit."""

    def __init__(self, path: Path, format: ExportFormat, *, arguments_as_text: bool = True) -> None:
        self.path, self.format = path, format
        self.written = 0
        self._text = arguments_as_text
        self._folder = format is ExportFormat.huggingface or (
            format is ExportFormat.atif and path.suffix != ".jsonl"
        )
        self._partial = path.with_name(f".{path.name}.partial")
        self._file: IO[bytes] | None = None
        self._rows: list[dict[str, Any]] = []
        self._flushed = 0
        self._shard: Any = None

    def __enter__(self) -> Self:
        if self._folder and self.path.exists() and not _is_ours(self.path):
            raise DataError(
                f"{self.path} exists and holds other files.", fix="set convert.path to a new folder"
            )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        _remove(self._partial)
        if self._folder:
            self._partial.mkdir()
        else:
            self._file = self._partial.open("wb")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        if kind is None:
            self._flush()
        if self._shard is not None:
            self._shard.close()
        if kind is not None:
            _remove(self._partial)
            return
        if self._folder:
            _remove(self.path)
        os.replace(self._partial, self.path)

    def write(self, trajectory: Trajectory) -> str | None:
        """Write one trajectory, or say why the form cannot hold it."""
        try:
            record = export(trajectory, self.format, text=self._text)
        except Unexportable as error:
            return str(error)
        if self.format is ExportFormat.huggingface:
            self._rows.append(record)
            if len(self._rows) >= _ROWS:
                self._flush()
        elif self._folder:
            folder = self._partial / f"{self.written:06d}"
            folder.mkdir()
            (folder / "trajectory.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")
        else:
            assert self._file is not None
            line = json.dumps(record, separators=(",", ":"))  # ASCII: any text survives
            self._file.write(line.encode("ascii") + b"\n")
        self.written += 1
        return None

    def add(self, name: str, text: str) -> None:
        """Put a file beside the data of a folder, e.g. its card."""
        (self._partial / name).write_text(text, "utf-8")

    def _flush(self) -> None:
        """Write the rows that are held; a shard is closed when it is full."""
        if not self._rows:
            return
        import pyarrow
        import pyarrow.parquet as parquet

        table = pyarrow.Table.from_pylist(self._rows, schema=_schema())
        if self._shard is None:
            number = self._flushed // SHARD
            file = self._partial / "data" / f"train-{number:05d}.parquet"
            file.parent.mkdir(exist_ok=True)
            self._shard = parquet.ParquetWriter(file, table.schema, compression="zstd")
        self._shard.write_table(table)
        self._flushed += len(self._rows)
        self._rows = []
        if self._flushed % SHARD == 0:  # a multiple of _ROWS
            self._shard.close()
            self._shard = None


def _schema() -> Any:
    import pyarrow as pa

    call = pa.struct([("name", pa.string()), ("arguments", pa.string())])
    message = pa.struct(
        [
            ("role", pa.string()),
            ("content", pa.string()),
            ("reasoning_content", pa.string()),
            ("tool_calls", pa.list_(call)),
        ]
    )
    text = pa.string()
    return pa.schema(
        [
            *((name, text) for name in ("id", "problem_id", "source", "teacher", "protocol")),
            ("messages", pa.list_(message)),
            ("answer", text),
            ("solved", pa.bool_()),
            ("tags", pa.list_(text)),
            ("record", text),
        ]
    )


def _is_ours(folder: Path) -> bool:
    """Whether a folder holds nothing but what a writer puts there."""
    return folder.is_dir() and all(
        child.name in ("data", "README.md") or (child / "trajectory.json").is_file()
        for child in folder.iterdir()
    )


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
