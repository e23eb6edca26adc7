"""The stage as people run it: a command, killed and interrupted, on real parts."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from deepcoder import generate
from deepcoder.config import compose
from deepcoder.errors import ConfigError, DeepcoderError, IncompleteError
from deepcoder.generate import main, select
from deepcoder.runs import RunFolder
from deepcoder.trajectories.store import TrajectoryStore
from deepcoder.trajectories.summary import summarise
from deepcoder.trajectories.verification import RejectedStore, RejectReason

SMALL = ["generation.workers=4", "sandbox.workers=2", "problems=jsonl"]


def one_problem(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A small problem with a wrong solution, which its visible case catches only sometimes."""
    return {
        "id": f"u/{number}",
        "prompt": f"Return the absolute value of `x`, plus {number}.",
        "entry_point": "lift",
        "visible": [{"args": [-2 if number % 3 else 2], "expected": 2 + number}],
        "hidden": [{"args": [x], "expected": abs(x) + number} for x in (5, -5, 0)],
        "reference": f"def lift(x):\n    return abs(x) + {number}\n",
        "mistakes": [
            {
                "code": f"def lift(x):\n    return x + {number}\n",
                "description": "It forgets that the distance to zero is never negative.",
            }
        ],
        "hint": "abs drops the sign before anything is added.",
    } | changes


def write_problems(path: Path, *records: dict[str, Any]) -> str:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return f"problems.path={path}"


def command(runs: Path, *overrides: str) -> list[str]:
    return [sys.executable, "-m", "deepcoder.generate", f"paths.runs={runs}", *SMALL, *overrides]


def folder(runs: Path) -> Path:
    (found,) = (runs / "generate").iterdir()
    return found


def contents(runs: Path) -> dict[str, Any]:
    """What a run produced, apart from when and how fast."""
    found = {}
    for name in ("trajectories.jsonl", "rejected.jsonl"):
        for line in (folder(runs) / name).read_bytes().split(b"\n"):
            if line:
                record = json.loads(line)
                trajectory = record.get("trajectory", record)
                trajectory["usage"].pop("seconds")
                trajectory["provenance"].pop("created_at")
                assert trajectory["id"] not in found, "an episode stands twice"
                found[trajectory["id"]] = (name, record.get("reason"), trajectory)
    return found


def in_process(runs: Path, *overrides: str) -> RunFolder:
    cfg = compose("generate", [f"paths.runs={runs}", *SMALL, *overrides])
    run = main.open(cfg)
    main.run(cfg, run)
    return run


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of 60 problems, 48 of which are for training."""
    path = tmp_path_factory.mktemp("problems") / "p.jsonl"
    return write_problems(path, *(one_problem(number) for number in range(60)))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, problems: str) -> Path:
    """An uninterrupted run."""
    runs = tmp_path_factory.mktemp("whole")
    in_process(runs, problems)
    return runs


def test_a_run_ends_with_verified_trajectories_and_a_summary(finished: Path) -> None:
    run = RunFolder(folder(finished), "generate")
    trajectories = list(TrajectoryStore(run.path / "trajectories.jsonl"))
    assert len(trajectories) == 48
    for trajectory in trajectories:
        assert trajectory.outcome is not None
        assert trajectory.outcome.solved
        assert trajectory.teacher.kind == "oracle"
        assert "oracle" in trajectory.tags
        assert trajectory.provenance.config_hash
        assert all(step.raw is None and not step.salvaged for step in trajectory.steps)
    info = run.info()
    assert info["status"] == "done"
    assert info["summary"]["accepted"] == len(trajectories)
    recovered = [t for t in trajectories if "recovered" in t.tags]
    assert info["summary"]["recovered"] == len(recovered) > 0
    assert {len(t.steps) for t in recovered} == {3}
    assert {len(t.steps) for t in trajectories if t not in recovered} == {2}


def test_a_finished_run_is_not_played_again(
    finished: Path, problems: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "_generate", lambda *args: pytest.fail("played again"))
    before = contents(finished)
    in_process(finished, problems)
    assert contents(finished) == before


def test_killed_at_random_and_rerun_it_ends_with_the_same_set(
    finished: Path, problems: str, tmp_path: Path
) -> None:
    rng = random.Random()
    seed = rng.randrange(1 << 30)
    rng.seed(seed)
    kills = 0
    for _ in range(3):
        with subprocess.Popen(
            command(tmp_path, problems), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            written = tmp_path / "generate"
            while process.poll() is None and not list(written.glob("*/trajectories.jsonl")):
                time.sleep(0.02)
            time.sleep(rng.uniform(0.0, 0.6))
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
    if rng.random() < 0.5:  # and once torn in the middle of a record
        path = folder(tmp_path) / "trajectories.jsonl"
        with path.open("ab") as file:
            file.write(b'{"schema_version":1,"id":"to')
    subprocess.run(command(tmp_path, problems), check=True, capture_output=True)
    assert kills, "nothing was killed: the test shows nothing"
    assert contents(tmp_path) == contents(finished), f"random seed {seed}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_finishes_what_is_in_flight_and_exits_130(
    tmp_path: Path, problems: str, number: signal.Signals
) -> None:
    many = "generation.samples=40"
    with subprocess.Popen(
        command(tmp_path, problems, many),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        while process.poll() is None:
            files = list((tmp_path / "generate").glob("*/trajectories.jsonl"))
            if files and files[0].stat().st_size > 0:
                break
            time.sleep(0.02)
        os.killpg(process.pid, number)  # as a terminal does: workers get it too
        out, error = process.communicate(timeout=60)
    assert process.returncode == 130, out + error
    assert "Interrupted; what is done is kept" in error
    assert "Traceback" not in error
    assert "finished" in out
    played = contents(tmp_path)
    assert 0 < len(played) < 40 * 48
    assert not [r for _, r, _ in played.values() if r == "judge_failure"]
    info = RunFolder(folder(tmp_path), "generate").info()
    assert info["status"] == "interrupted"


def test_a_full_disk_is_one_line_and_what_was_done_stays_valid(
    finished: Path, problems: str, tmp_path: Path
) -> None:
    room = 40_000
    done = subprocess.run(
        command(tmp_path, problems),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert "Could not write" in errors[0]
    kept = contents(tmp_path)
    assert 0 < len(kept) < 48
    subprocess.run(command(tmp_path, problems), check=True, capture_output=True)
    assert contents(tmp_path) == contents(finished)


# --------------------------------------------------------------------------------- bad input


def test_an_empty_problem_file_is_one_error(tmp_path: Path) -> None:
    path = write_problems(tmp_path / "p.jsonl")
    with pytest.raises(DeepcoderError):
        in_process(tmp_path, path)


def test_nothing_accepted_is_an_error_that_tells_why(tmp_path: Path) -> None:
    wrong = [
        one_problem(n, reference="def lift(x):\n    return None\n", mistakes=[]) for n in range(6)
    ]
    path = write_problems(tmp_path / "p.jsonl", *wrong)
    with pytest.raises(IncompleteError, match=r"No trajectory was accepted: wrong_answer \d.*Fix"):
        in_process(tmp_path, path)
    rejected = list(RejectedStore(folder(tmp_path) / "rejected.jsonl"))
    assert {record.reason for record in rejected} == {RejectReason.WRONG_ANSWER}
    with pytest.raises(IncompleteError):  # and says so again, without playing again
        in_process(tmp_path, path)
    assert len(list(RejectedStore(folder(tmp_path) / "rejected.jsonl"))) == len(rejected)


def test_errors_of_the_model_are_recorded_and_the_others_go_on(tmp_path: Path) -> None:
    """Here: problems without a reference, which the oracle cannot play."""
    records = [one_problem(n) if n % 2 else one_problem(n, reference=None) for n in range(20)]
    path = write_problems(tmp_path / "p.jsonl", *records)
    run = in_process(tmp_path, path)
    reasons = Counter(r.reason for r in RejectedStore(run.path / "rejected.jsonl"))
    assert set(reasons) == {RejectReason.MODEL_ERROR}
    assert run.info()["summary"]["accepted"] > 0
    assert run.info()["summary"]["rejected"] == {"model_error": reasons.total()}
    first = next(iter(RejectedStore(run.path / "rejected.jsonl")))
    assert "no reference solution" in (first.detail or "")


def test_other_problems_under_the_same_name_are_not_mixed_in(tmp_path: Path) -> None:
    records = [one_problem(n) for n in range(6)]
    path = write_problems(tmp_path / "p.jsonl", *records)
    run = in_process(tmp_path, path)
    write_problems(tmp_path / "p.jsonl", *[r | {"prompt": "Other."} for r in records])
    run.restart()
    with pytest.raises(DeepcoderError, match=r"other problems .*Fix: choose another `name=`"):
        in_process(tmp_path, path)


BUILTIN = ("problems=builtin", "teacher.mistake_rate=0.5")


def test_shipped_problems_are_solved(tmp_path: Path) -> None:
    run = in_process(tmp_path, *BUILTIN, "generation.limit=20", "problems.variants=2")
    summary = run.info()["summary"]
    assert summary["accepted"] >= 19
    assert summary["recovered"] >= 3


@pytest.mark.slow
def test_all_shipped_problems_are_solved_and_every_turn_is_read(tmp_path: Path) -> None:
    run = in_process(tmp_path, *BUILTIN, "generation.samples=2")
    accepted = list(TrajectoryStore(run.path / "trajectories.jsonl"))
    rejected = list(RejectedStore(run.path / "rejected.jsonl"))
    assert len(accepted) + len(rejected) > 1000
    assert len(accepted) >= 0.98 * (len(accepted) + len(rejected))
    steps = [s for t in accepted + [r.trajectory for r in rejected] for s in t.steps]
    assert all(step.action and step.raw is None and not step.salvaged for step in steps)
    firsts = [t.steps[0].reason for t in accepted]
    assert len(set(firsts)) > 0.95 * len(firsts)


def test_samples_of_a_problem_differ(tmp_path: Path, problems: str) -> None:
    run = in_process(tmp_path, problems, "generation.limit=2", "generation.samples=3")
    trajectories = list(TrajectoryStore(run.path / "trajectories.jsonl"))
    assert Counter(t.provenance.sample for t in trajectories) == {0: 2, 1: 2, 2: 2}
    assert len({t.steps[0].reason for t in trajectories}) == 6


def test_select_is_a_seeded_shuffle() -> None:
    items: Any = list(range(50))
    assert select(items, None, 0) == items
    assert select(items, 5, 0) == select(items, 5, 0) != select(items, 5, 1)
    assert len(select(items, 500, 0)) == 50
    with pytest.raises(ConfigError, match="limit=0"):
        select(items, 0, 0)


def test_tokens_are_left_out_of_the_summary_where_nobody_counted_them(finished: Path) -> None:
    path = folder(finished)
    accepted = TrajectoryStore(path / "trajectories.jsonl")
    summary = summarise(accepted, RejectedStore(path / "rejected.jsonl"))
    assert "tokens" not in summary
    assert summary["turns"] > 2


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    program = (
        "import sys, runpy, contextlib\n"
        "sys.argv = ['generate', '--help']\n"
        "with contextlib.suppress(SystemExit):\n"
        "    runpy.run_module('deepcoder.generate', run_name='__main__')\n"
        "heavy = {'torch', 'transformers', 'langgraph', 'numpy'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "heavy: []" in done.stdout
