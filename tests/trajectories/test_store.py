"""The store is the ledger of a run: nothing written is lost, nothing torn is believed."""

from __future__ import annotations

import json
import logging
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trajectories.makers import HOSTILE, make_trajectory

from deepcoder.errors import DataError, DeepcoderError
from deepcoder.trajectories.store import TrajectoryStore, dump_record
from deepcoder.types import SCHEMA_VERSION, Step


def write(path: Path, count: int) -> None:
    with TrajectoryStore(path) as store:
        for number in range(count):
            store.append(make_trajectory(number))


def test_what_is_appended_is_read_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "t.jsonl"
    write(path, 3)
    assert list(TrajectoryStore(path)) == [make_trajectory(n) for n in range(3)]
    assert TrajectoryStore(path).ids() == {"t/0", "t/1", "t/2"}


def test_a_store_that_does_not_exist_is_empty_and_reading_does_not_make_it(tmp_path: Path) -> None:
    store = TrajectoryStore(tmp_path / "none.jsonl")
    assert list(store) == []
    assert store.ids() == frozenset()
    assert not store.path.exists()


def test_hostile_text_survives_and_stays_on_one_ascii_line(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    steps = (Step(reason=HOSTILE, raw=HOSTILE),)
    record = make_trajectory(steps=steps, answer=HOSTILE, task=HOSTILE)
    with TrajectoryStore(path) as store:
        store.append(record)
        store.append(make_trajectory(1))
    assert path.read_bytes().isascii()
    assert path.read_bytes().count(b"\n") == 2
    assert next(iter(TrajectoryStore(path))) == record


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=40))
def test_any_text_round_trips(text: str) -> None:
    record = make_trajectory(task=text, steps=(Step(reason=text),))
    line = dump_record(record)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert type(record).model_validate(json.loads(line)) == record


def test_cut_at_any_byte_only_the_torn_record_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """For every prefix of a file: what is whole stays, what is torn is reported and replaced."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    path = tmp_path / "t.jsonl"
    write(path, 2)
    whole = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == 10]
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        kept = sum(end <= size for end in ends)
        torn = size - max((end for end in ends if end <= size), default=0)
        caplog.clear()
        with caplog.at_level(logging.WARNING), TrajectoryStore(path) as store:
            assert store.ids() == {f"t/{n}" for n in range(kept)}
            assert store.torn_bytes == torn
            assert bool(caplog.records) == (torn > 0)
            for number in range(kept, 2):
                store.append(make_trajectory(number))
        assert path.read_bytes() == whole


def test_readers_leave_a_torn_tail_out_and_do_not_touch_the_file(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    write(path, 2)
    path.write_bytes(path.read_bytes()[:-5])
    before = path.read_bytes()
    assert [t.id for t in TrajectoryStore(path)] == ["t/0"]
    assert path.read_bytes() == before


def test_a_block_of_zeros_after_a_power_cut_is_torn_too(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    write(path, 1)
    with path.open("ab") as file:
        file.write(b"\x00" * 64 + b"\n")
    with TrajectoryStore(path) as store:
        assert store.torn_bytes == 65
        assert store.ids() == {"t/0"}


def test_a_bad_line_in_the_middle_is_named_and_nothing_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    write(path, 3)
    lines = path.read_bytes().split(b"\n")
    lines[1] = b"{broken"
    path.write_bytes(b"\n".join(lines))
    before = path.read_bytes()
    with pytest.raises(DataError, match=r"t\.jsonl line 2"):
        TrajectoryStore(path).open()
    assert path.read_bytes() == before


def test_a_field_of_the_wrong_type_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    value = json.loads(dump_record(make_trajectory()))
    value["steps"][1]["reason"] = 7
    path.write_text(json.dumps(value) + "\n")
    with pytest.raises(DataError, match=r"line 1, field steps\.1\.reason"):
        list(TrajectoryStore(path))


def test_another_schema_version_refuses_to_open_and_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    value = json.loads(dump_record(make_trajectory())) | {"schema_version": SCHEMA_VERSION + 1}
    path.write_text(json.dumps(value) + "\n")
    before = path.read_bytes()
    with pytest.raises(DataError, match=f"version {SCHEMA_VERSION + 1}.*Fix: "):
        TrajectoryStore(path).open()
    assert path.read_bytes() == before


def test_two_writers_cannot_interleave(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    with TrajectoryStore(path) as first:
        first.append(make_trajectory(0))
        with pytest.raises(DeepcoderError, match="Another process"):
            TrajectoryStore(path).append(make_trajectory(1))
        assert [t.id for t in TrajectoryStore(path)] == ["t/0"]  # reading needs no lock
    with TrajectoryStore(path) as second:
        second.append(make_trajectory(1))


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    program = (
        "import os, sys\n"
        "from deepcoder.trajectories.store import TrajectoryStore\n"
        "TrajectoryStore(sys.argv[1]).open()\n"
        "print('locked', flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    command = [sys.executable, "-c", program, str(path)]
    assert subprocess.run(command, capture_output=True, text=True).stdout == "locked\n"
    write(path, 1)


def test_the_same_id_is_not_written_twice(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    write(path, 1)
    with TrajectoryStore(path) as store, pytest.raises(DataError, match="already holds t/0"):
        store.append(make_trajectory(0))


@pytest.mark.parametrize("room", [0, 1, 100])
def test_a_full_disk_is_one_error_and_what_was_done_stays(tmp_path: Path, room: int) -> None:
    path = tmp_path / "t.jsonl"
    write(path, 2)
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with TrajectoryStore(path) as store:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + room, limits[1]))
        try:
            with pytest.raises(DeepcoderError, match=r"Could not write.*Fix: free some space"):
                store.append(make_trajectory(2))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert path.read_bytes() == before
        store.append(make_trajectory(2))
    assert TrajectoryStore(path).ids() == {"t/0", "t/1", "t/2"}


def test_a_record_is_forced_to_disk_before_append_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(handle), real(handle))[1])
    with TrajectoryStore(tmp_path / "t.jsonl") as store:
        before = len(synced)
        store.append(make_trajectory(0))
        assert len(synced) == before + 1
