"""Every line is accounted for: a trajectory, or a rejection with file, line and reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rendering.strategies import answer_step, code_step, make_trajectory

from deepcoder.errors import DataError, MissingError
from deepcoder.trajectories.reading import (
    ReadFailure,
    Rejection,
    count_lines,
    read_placed,
    read_trajectories,
)
from deepcoder.types import Trajectory

OURS = make_trajectory([code_step("why\u2028 \u0085", "x\x00", "o"), answer_step("r", "a")])
LINE = OURS.model_dump_json()


def write(folder: Path, *lines: str | bytes, end: bytes = b"\n") -> Path:
    path = folder / "trajectories.jsonl"
    raw = [line.encode() if isinstance(line, str) else line for line in lines]
    path.write_bytes(b"\n".join(raw) + end)
    return path


def changed(**fields: object) -> str:
    return json.dumps({**json.loads(LINE), **fields})


def test_our_own_file_round_trips(tmp_path: Path) -> None:
    path = write(tmp_path, LINE, "", LINE)
    assert list(read_trajectories(path)) == [OURS, OURS]
    assert list(read_trajectories(tmp_path, "deepcoder")) == [OURS, OURS]
    assert [place for place, _ in read_placed(path)] == [(str(path), 1), (str(path), 3)]


@pytest.mark.parametrize(
    ("bad", "reason", "detail"),
    [
        ("{oops", ReadFailure.BAD_JSON, "Expecting property name"),
        ("[1, 2]", ReadFailure.BAD_JSON, "a list instead of an object"),
        (b'{"id": "\xff"}', ReadFailure.BAD_JSON, "utf-8"),
        ("[" * 100_000, ReadFailure.BAD_JSON, ""),
        (changed(schema_version=99), ReadFailure.SCHEMA_VERSION, "version 99, and 1 is read here"),
        (changed(surprise=1), ReadFailure.SCHEMA, "field surprise"),
        (changed(steps="none"), ReadFailure.SCHEMA, "field steps"),
        ('{"steps": []}', ReadFailure.SCHEMA_VERSION, "version None"),
    ],
)
def test_a_bad_line_costs_only_itself(tmp_path: Path, bad, reason, detail) -> None:
    path = write(tmp_path, LINE, bad, LINE)
    first, rejected, last = read_trajectories(path)
    assert first == last == OURS
    assert isinstance(rejected, Rejection)
    assert (rejected.file, rejected.line, rejected.reason) == (str(path), 2, reason)
    assert detail in rejected.detail
    assert f"{path} line 2: {reason}" in str(rejected)
    assert ReadFailure(rejected.reason).damaged


def test_a_torn_last_line(tmp_path: Path) -> None:
    path = write(tmp_path, LINE, LINE[:50], end=b"")
    first, torn = read_trajectories(path)
    assert isinstance(first, Trajectory)
    assert (torn.line, torn.reason) == (2, ReadFailure.TORN)


def test_a_whole_last_line_without_a_newline_is_read(tmp_path: Path) -> None:
    assert list(read_trajectories(write(tmp_path, LINE, end=b""))) == [OURS]


def test_a_bad_first_line_does_not_decide_the_format(tmp_path: Path) -> None:
    rejected, read = read_trajectories(write(tmp_path, "{", LINE))
    assert isinstance(rejected, Rejection)
    assert read == OURS


def test_a_conversation_that_is_not_react_is_no_damage(tmp_path: Path) -> None:
    path = write(tmp_path, '{"messages": [{"role": "user", "content": "hi"}]}')
    (rejected,) = read_trajectories(path)
    assert not ReadFailure(rejected.reason).damaged


def test_a_foreign_file_is_named_with_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 1 is neither .*fields are answer, question"):
        list(read_trajectories(write(tmp_path, '{"question": 1, "answer": 2}')))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"nothing\.jsonl"):
        list(read_trajectories(tmp_path / "nothing.jsonl"))
    with pytest.raises(MissingError, match=r"trajectories\.jsonl"):
        list(read_trajectories(tmp_path))


def test_lines_are_counted_with_and_without_a_last_newline(tmp_path: Path) -> None:
    assert count_lines(write(tmp_path, LINE, LINE)) == 2
    assert count_lines(write(tmp_path, LINE, LINE, end=b"")) == 2
    assert count_lines(write(tmp_path, end=b"")) == 0
