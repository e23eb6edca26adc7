"""A provider of another temper: what it answers is read, what it spoils is asked again, and a run
through the command line ends with every problem in one ledger, once."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from chat_models.api_cases import teacher
from chat_models.moody_server import (
    AGAIN,
    ANSWERS,
    CHARGED,
    KEY,
    WEIRD,
    MoodyServer,
    every,
    in_turn,
    lift,
)

from deepcoder.chat_models.pricing import Spending
from deepcoder.errors import BackendError
from deepcoder.types import Completion, Message, Role, Sampling

KINDS = ("groq", "openai_compatible")
ASK = [Message(role=Role.USER, content="Return the absolute value of `x`, plus 17.")]
PLAIN = lift([{"role": "user", "content": ASK[0].content}])


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GROQ_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, KEY)


def ask(server: MoodyServer, kind: str, count: int = 1, *more: str) -> tuple[list[Any], Spending]:
    """Completions, or the errors in their place, and what was booked."""

    async def main() -> tuple[list[Any], Spending]:
        spending, found = Spending(), []
        settings = ("teacher.timeout_seconds=20", "teacher.retry_seconds=0.005", *more)
        model = teacher(kind, server.url(kind), *settings, spending=spending)
        try:
            for seed in range(count):
                found.append(await model.complete(ASK, Sampling(seed=seed, max_tokens=64)))
        except BackendError as error:
            found.append(error)
        finally:
            await model.aclose()
        return found, spending

    return asyncio.run(main())


@pytest.mark.parametrize("kind", KINDS)
def test_every_odd_form_of_an_answer_is_read_and_paid_once(kind: str) -> None:
    with MoodyServer(mood=in_turn(*ANSWERS)) as server:
        found, spending = ask(server, kind, len(ANSWERS))
    for mood, completion in zip(ANSWERS, found, strict=True):
        assert isinstance(completion, Completion), (mood, completion)
        same = completion.text == PLAIN
        assert same or (mood == "unicode" and completion.text.startswith(PLAIN[:15])), mood
        completion.text.encode()
    assert len(server.requests) == len(ANSWERS)
    assert spending.total.requests == len(ANSWERS)
    assert spending.total.completion_tokens > 0


@pytest.mark.parametrize("kind", KINDS)
def test_everything_spoiled_is_asked_again_and_booked_if_it_was_made(kind: str) -> None:
    moods = [mood for mood in AGAIN if mood != "429-date"]  # a date is whole seconds away
    plan = [None, *(m for mood in moods for m in (mood, None))]
    with MoodyServer(mood=in_turn(*plan)) as server:
        found, spending = ask(server, kind, len(moods) + 1)
    for mood, completion in zip(["", *moods], found, strict=True):
        assert isinstance(completion, Completion), (mood, completion)
        assert completion.text == PLAIN, mood
    assert len(server.requests) == 2 * len(moods) + 1  # each once more, and not more than that
    assert spending.total.requests >= len(found) + len(CHARGED)
    assert KEY not in repr(found)


@pytest.mark.parametrize("kind", KINDS)
def test_answers_without_an_action_are_answers(kind: str) -> None:
    with MoodyServer(mood=in_turn(*WEIRD)) as server:
        found, spending = ask(server, kind, len(WEIRD))
    assert [isinstance(completion, Completion) for completion in found] == [True] * len(WEIRD)
    texts = dict(zip(WEIRD, found, strict=True))
    assert texts["null-content"].reasoning == "I think, and say nothing."
    assert '"arguments": {"code": "print(1)"}' in texts["tool-dict"].text
    assert '{\\"code\\": \\"print(1)' in texts["tool-bad"].text
    assert len(texts["huge"].text) <= 64 * 64
    assert spending.total.requests == len(WEIRD)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mood", ["redirect", "redirect-302"])
def test_a_key_does_not_follow_to_another_host(kind: str, mood: str) -> None:
    with MoodyServer() as other:
        with MoodyServer(mood=lambda number: mood, elsewhere=other) as server:
            ((error,), _) = ask(server, kind)
        assert isinstance(error, BackendError)
        assert all(KEY not in (seen or "") for seen in other.authorizations)
        assert other.served == []


def problems(path: Path, count: int) -> Path:
    with path.open("w") as file:
        for n in range(count):
            record = {
                "id": f"b/{n}",
                "prompt": f"Return the absolute value of `x`, plus {n}.",
                "entry_point": "lift",
                "visible": [{"args": [-2], "expected": 2 + n}],
                "hidden": [{"args": [x], "expected": abs(x) + n} for x in (5, -5, 0)],
            }
            file.write(json.dumps(record) + "\n")
    return path


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    (path,) = (folder / "runs" / "generate").glob(f"*/{name}")
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def run_with_kills(
    folder: Path, kind: str, count: int, kills: int, *more: str
) -> tuple[MoodyServer, subprocess.CompletedProcess[str]]:
    """The command as a user runs it, killed at random instants and run again to its end."""
    rng = random.Random()
    seed = rng.randrange(1 << 30)
    print(f"random seed {seed}")  # pytest shows it when the test fails
    rng.seed(seed)
    with MoodyServer(mood=every(4, seed=seed)) as server:
        command = [
            *(sys.executable, "-m", "deepcoder.generate", f"paths.runs={folder / 'runs'}"),
            "problems=jsonl",
            f"problems.path={problems(folder / 'problems.jsonl', count)}",
            "problems.heldout_fraction=0",
            "generation.limit=null",
            *(f"teacher={kind}", "teacher.model=m", f"teacher.base_url={server.url(kind)}"),
            *(f"teacher.cache={folder / 'responses'}", "teacher.retry_seconds=0.02"),
            "+teacher.prices={m: {input: 1.0, output: 10.0, date: '2026-11-01'}}",
            *more,
        ]
        quiet = subprocess.DEVNULL
        for _ in range(kills):
            before = len(server.requests)
            with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:
                while process.poll() is None and len(server.requests) == before:
                    time.sleep(0.005)
                time.sleep(rng.uniform(0.05, 0.8))
                process.kill()
        return server, subprocess.run(command, capture_output=True, text=True)


def check(folder: Path, server: MoodyServer, count: int, kills: int) -> None:
    accepted = [record["id"] for record in lines(folder, "trajectories.jsonl")]
    rejected = [record["trajectory"] for record in lines(folder, "rejected.jsonl")]
    assert len({*accepted, *(one["id"] for one in rejected)}) == count
    assert len(accepted) + len(rejected) == count  # every problem, once
    for one in lines(folder, "trajectories.jsonl"):
        assert int(one["problem_id"].partition("/")[2]) % 11 != 5  # the wrong ones are not in it
    assert sum(times - 1 for times in server.delivered.values()) <= 8 * kills
    account = lines(folder, "spending.jsonl")
    assert sum("estimated" not in line for line in account) <= sum(server.delivered.values())
    assert len(account) >= len(server.served)  # whatever was charged is booked
    assert [path for path in folder.rglob("*") if path.is_file() and KEY in path.read_text()] == []


def test_a_run_with_a_kill_ends_with_every_problem_in_one_ledger(tmp_path: Path) -> None:
    server, done = run_with_kills(tmp_path, "openai_compatible", 60, 1)
    assert done.returncode == 0, done.stderr
    assert KEY not in done.stdout + done.stderr
    check(tmp_path, server, 60, 1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_two_hundred_problems_and_five_kills(tmp_path: Path, kind: str) -> None:
    server, done = run_with_kills(tmp_path, kind, 200, 5)
    assert done.returncode == 0, done.stderr
    check(tmp_path, server, 200, 5)


@pytest.mark.slow
def test_a_budget_holds_over_kills_and_strange_answers(tmp_path: Path) -> None:
    """Two hundred problems cost 0.13 dollars; half of that is allowed."""
    server, done = run_with_kills(tmp_path, "groq", 200, 4, "generation.max_usd=0.06")
    assert done.returncode == 3
    assert "generation.max_usd" in done.stderr
    in_flight = 8 * 2 * 0.0006
    assert sum(line["usd"] for line in lines(tmp_path, "spending.jsonl")) >= 0.06
    assert len(server.served) * 0.0003 <= 0.06 + in_flight
