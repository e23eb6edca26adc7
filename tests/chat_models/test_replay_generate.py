"""The stage `generate` with an API teacher: faults, kills, budgets, outages, and a replay.

The provider answers as the oracle would, so every episode is played for real in the sandbox.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from chat_models.api_cases import KEY
from chat_models.provider import FAULTS, Provider, ProviderThread, share

from deepcoder.chat_models.oracle import OracleTeacher
from deepcoder.config import compose
from deepcoder.errors import BackendError, DeepcoderError, IncompleteError, MissingError
from deepcoder.generate import main
from deepcoder.problems.loaders import load_problems
from deepcoder.runs import RunFolder
from deepcoder.types import Message, Sampling

STALLS = [kind for kind in FAULTS if kind != "stall"]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", KEY)


def problem(number: int) -> dict[str, Any]:
    return {
        "id": f"u/{number}",
        "prompt": f"Return the absolute value of `x`, plus {number}.",
        "entry_point": "lift",
        "visible": [{"args": [-2], "expected": 2 + number}],
        "hidden": [{"args": [x], "expected": abs(x) + number} for x in (5, -5, 0)],
        "reference": f"def lift(x):\n    return abs(x) + {number}\n",
    }


def overrides(folder: Path, url: str, count: int, *more: str) -> list[str]:
    path = folder / f"problems-{count}.jsonl"
    path.write_text("".join(json.dumps(problem(n)) + "\n" for n in range(count)))
    return [
        f"paths.runs={folder / 'runs'}",
        "problems=jsonl",
        f"problems.path={path}",
        "problems.heldout_fraction=0",
        "teacher=groq",
        "teacher.model=m",
        f"teacher.base_url={url}",
        f"teacher.cache={folder / 'responses'}",
        "teacher.retry_seconds=0.02",
        "teacher.timeout_seconds=10",
        "+teacher.prices={m: {input: 1.0, output: 10.0, date: '2026-11-01'}}",
        "generation.workers=8",
        *more,
    ]


def oracle(args: list[str], **kwargs: Any) -> ProviderThread:
    """A provider that knows the problems of a configuration."""
    cfg = compose("generate", args)
    teacher = OracleTeacher(load_problems(cfg.problems, "train"), mistake_rate=0.0)

    async def answer(messages: list[dict[str, str]], seed: int | None) -> str:
        conversation = [Message.model_validate(message) for message in messages]
        return (await teacher.complete(conversation, Sampling(seed=seed))).text

    return ProviderThread(Provider(answer, dialect="groq", key=KEY, **kwargs))


def serve(folder: Path, count: int, *more: str, **kwargs: Any) -> tuple[ProviderThread, Any]:
    """A started-to-be provider and, given it, the arguments of the stage."""
    thread = oracle(overrides(folder, "http://127.0.0.1:1", count, *more), **kwargs)
    return thread, lambda server, *extra: overrides(folder, server.url, count, *more, *extra)


def generate(args: list[str]) -> RunFolder:
    cfg = compose("generate", args)
    run = main.open(cfg)
    main.run(cfg, run)
    return run


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    (path,) = (folder / "runs" / "generate").glob(f"*/{name}")
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def ids(folder: Path) -> Counter[str]:
    """How often each episode stands in the ledgers."""
    accepted = [record["id"] for record in lines(folder, "trajectories.jsonl")]
    rejected = [record["trajectory"]["id"] for record in lines(folder, "rejected.jsonl")]
    return Counter(accepted + rejected)


def killed_and_run_again(folder: Path, count: int, kills: int) -> tuple[Provider, int]:
    """Ten per cent faults and SIGKILLs; returns the provider's books and how many kills struck."""
    thread, arguments = serve(folder, count, faults=share(0.1, 3, STALLS))
    struck = 0
    with thread as server:
        command = [sys.executable, "-m", "deepcoder.generate", *arguments(server)]
        for number in range(kills):
            before = sum(server.delivered.values())
            quiet = subprocess.DEVNULL
            with subprocess.Popen(command, stdout=quiet, stderr=quiet, env=os.environ) as process:
                share_of_work = count * (number + 1) // (2 * kills)
                while process.poll() is None:
                    if sum(server.delivered.values()) - before >= share_of_work:
                        process.send_signal(signal.SIGKILL)
                        struck += 1
                        break
                    time.sleep(0.01)
        generate(arguments(server))
    return server, struck


def check_books(folder: Path, server: Provider, count: int, kills: int) -> None:
    played = ids(folder)
    assert len(played) == count
    assert set(played.values()) == {1}
    assert len(lines(folder, "trajectories.jsonl")) == count  # no fault cost an episode
    twice = sum(times - 1 for times in server.delivered.values())
    assert twice <= 8 * kills  # only what was in flight when it was killed
    assert sum(server.met.values()) > count * 0.1
    paid = [line for line in lines(folder, "spending.jsonl") if "estimated" not in line]
    assert abs(len(paid) - sum(server.delivered.values())) <= 8 * kills


def test_a_hundred_problems_with_faults_and_a_kill(tmp_path: Path) -> None:
    server, struck = killed_and_run_again(tmp_path, 100, kills=1)
    assert struck == 1
    check_books(tmp_path, server, 100, kills=1)


@pytest.mark.slow
def test_a_thousand_problems_with_faults_and_twenty_kills(tmp_path: Path) -> None:
    server, struck = killed_and_run_again(tmp_path, 1000, kills=20)
    assert struck >= 15
    check_books(tmp_path, server, 1000, kills=struck)


def test_a_budget_leaves_the_rest_unplayed_and_raising_it_goes_on(tmp_path: Path) -> None:
    thread, arguments = serve(tmp_path, 24, "generation.workers=2")
    with thread as server:
        # An episode is two requests of 100·1 + 20·10 millionths: 0.0006 dollars.
        with pytest.raises(IncompleteError, match=r"generation\.max_usd=0\.003") as caught:
            generate(arguments(server, "generation.max_usd=0.003"))
        assert caught.value.exit_status == 3
        assert "generation.max_usd" in str(caught.value.fix)
        first = ids(tmp_path)
        assert 5 <= len(first) <= 5 + 2  # no more than those in flight
        with pytest.raises(IncompleteError):  # the account is kept over restarts
            generate(arguments(server, "generation.max_usd=0.003"))
        assert ids(tmp_path) == first
        run = generate(arguments(server, "generation.max_usd=1"))
    assert set(ids(tmp_path).values()) == {1}
    assert len(ids(tmp_path)) == 24
    assert run.info()["summary"]["accepted"] == 24
    assert max(server.delivered.values()) == 1


def test_an_outage_rejects_nothing_and_the_next_run_plays_it(tmp_path: Path) -> None:
    down = [True]
    thread, arguments = serve(tmp_path, 6, faults=lambda number: "500" if down[0] else None)
    with thread as server:
        with pytest.raises(DeepcoderError, match="500") as caught:
            generate(arguments(server, "teacher.attempts=2", "teacher.patience_seconds=1"))
        assert caught.value.exit_status == 3
        assert lines(tmp_path, "rejected.jsonl") == []
        down[0] = False
        generate(arguments(server))
    assert len(lines(tmp_path, "trajectories.jsonl")) == 6


def test_a_wrong_key_ends_the_run_at_once_and_rejects_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread, arguments = serve(tmp_path, 6)
    with thread as server:
        monkeypatch.setenv("GROQ_API_KEY", "gsk-of-somebody-else")
        with pytest.raises(BackendError, match="GROQ_API_KEY"):
            generate(arguments(server))
    assert lines(tmp_path, "rejected.jsonl") == []
    written = [p.read_text() for p in (tmp_path / "runs").rglob("*") if p.is_file()]
    assert written
    assert [text for text in written if "gsk-of-somebody-else" in text or KEY in text] == []


def test_a_recorded_run_is_replayed_for_nothing(tmp_path: Path) -> None:
    thread, arguments = serve(tmp_path, 4)
    with thread as server:
        generate(arguments(server))
        args = arguments(server)
    asked = len(server.bodies)
    (recorded,) = (tmp_path / "responses").glob("*.jsonl")
    again = [a for a in args if not a.startswith(("teacher", "paths"))]
    replayed = tmp_path / "replayed"
    again += [f"paths.runs={replayed / 'runs'}", "teacher=replay", f"teacher.path={recorded}"]
    generate(again)
    both = (lines(tmp_path, "trajectories.jsonl"), lines(replayed, "trajectories.jsonl"))
    steps = [sorted((t["problem_id"], str(t["steps"])) for t in side) for side in both]
    assert steps[0] == steps[1]
    assert len(server.bodies) == asked


def test_training_never_spends_money_by_itself(tmp_path: Path) -> None:
    from deepcoder.prepare import find_source

    cfg = compose("prepare", overrides(tmp_path, "http://127.0.0.1:1", 2))
    with pytest.raises(MissingError, match="costs money"):
        find_source(cfg)
