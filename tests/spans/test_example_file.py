"""The file of examples is whole or absent, and says what it was made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from deepcoder.spans.alignment import Aligned
from deepcoder.spans.example_file import SCHEMA, ExampleWriter, read_metadata, whole_file
from deepcoder.spans.selection import Example


def example(name: str, length: int) -> Example:
    aligned = Aligned(
        np.arange(length, dtype=np.int32),
        np.full(length, 7, np.uint8),
        np.zeros(length, np.int16),
        np.zeros(length, bool),
    )
    return Example(name, f"problem of {name}", "train", aligned)


def test_rows_and_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "examples.parquet"
    with ExampleWriter(path) as writer:
        writer.write([example("a", 3), example("b\ud800", 0)])
        writer.write([])
        writer.write([example("c", 2)])
        writer.commit({"made_of": {"x": 1}})
    table = pq.read_table(path)
    assert table.schema.remove_metadata() == SCHEMA
    assert table.to_pylist()[0] == {
        "id": "a",
        "problem_id": "problem of a",
        "split": "train",
        "input_ids": [0, 1, 2],
        "kinds": [7, 7, 7],
        "tokens": 3,
        "solved": None,
        "source": "",
    }
    assert table["id"].to_pylist() == ["a", "b?", "c"]
    assert pq.ParquetFile(path).num_row_groups == 2
    assert read_metadata(path) == {"made_of": {"x": 1}}


def test_without_commit_nothing_appears_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "examples.parquet"
    path.write_bytes(b"old")
    with ExampleWriter(path) as writer:
        writer.write([example("a", 3)])
    assert path.read_bytes() == b"old"

    def interrupted() -> None:
        with ExampleWriter(path) as writer:
            writer.commit({})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [p.name for p in tmp_path.iterdir()] == ["examples.parquet"]
    assert path.read_bytes() == b"old"


def test_leftovers_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".examples.parquet.abc").write_bytes(b"half")
    with ExampleWriter(tmp_path / "examples.parquet") as writer:
        writer.write([example("a", 3)])
        writer.commit({})
    assert [p.name for p in tmp_path.iterdir()] == ["examples.parquet"]


@pytest.mark.parametrize("content", [None, b"", b"PAR1", b"not parquet at all"])
def test_a_damaged_file_has_no_metadata(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "examples.parquet"
    if content is not None:
        path.write_bytes(content)
    assert read_metadata(path) is None


def test_a_text_file_is_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "list.jsonl"

    def interrupted() -> None:
        with whole_file(path) as file:
            file.write("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
    with whole_file(path) as file:
        file.write("all\n")
    assert path.read_bytes() == b"all\n"
