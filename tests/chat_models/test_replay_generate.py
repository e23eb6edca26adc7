"""The stage `generate` with an API teacher: faults, kills, budgets, outages, and a replay.

The provider answers as the oracle would, so every episode is played for real in the sandbox.
"""

from __future__ import annotations

import json
import os
import random
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
        "generation.limit=null",
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


def killed_and_run_again(
    folder: Path, count: int, kills: int, gap: tuple[float, float], *more: str
) -> tuple[Provider, int]:
    """Ten per cent faults and SIGKILLs at random instants after the first request of each start;
    returns the provider's books and how many kills struck."""
    rng = random.Random()
    seed = rng.randrange(1 << 30)
    print(f"random seed {seed}")  # pytest shows it when the test fails
    rng.seed(seed)
    thread, arguments = serve(folder, count, *more, faults=share(0.1, seed, STALLS))
    struck = 0
    with thread as server:
        command = [sys.executable, "-m", "deepcoder.generate", *arguments(server)]
        while struck < kills:
            before = len(server.bodies)
            quiet = subprocess.DEVNULL
            with subprocess.Popen(command, stdout=quiet, stderr=quiet, env=os.environ) as process:
                while process.poll() is None and len(server.bodies) == before:
                    time.sleep(0.005)
                time.sleep(rng.uniform(*gap))
                if process.poll() is not None:
                    break  # nothing was left to be killed
                process.send_signal(signal.SIGKILL)
                struck += 1
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
    account = lines(folder, "spending.jsonl")
    paid = [line for line in account if "estimated" not in line]
    assert abs(len(paid) - sum(server.delivered.values())) <= 8 * kills
    estimated = len(account) - len(paid)  # answers that were made and did not arrive whole
    assert estimated >= sum(server.met[kind] for kind in ("cut", "half", "chunked-cut", "long"))
    assert all("generate/accepted" in line for line in lines(folder, "metrics.jsonl"))


def test_a_hundred_problems_with_faults_and_two_kills(tmp_path: Path) -> None:
    server, struck = killed_and_run_again(tmp_path, 100, 2, (0.1, 0.6))
    assert struck >= 1
    check_books(tmp_path, server, 100, kills=struck)


@pytest.mark.slow
def test_a_thousand_problems_with_faults_and_twenty_kills(tmp_path: Path) -> None:
    server, struck = killed_and_run_again(tmp_path, 1000, 20, (0.1, 3.0))
    assert struck == 20
    check_books(tmp_path, server, 1000, kills=struck)


@pytest.mark.slow
def test_a_budget_over_twenty_kills_is_exceeded_by_what_was_in_flight(tmp_path: Path) -> None:
    """A thousand problems cost 0.6 dollars; half of that is allowed."""
    thread, arguments = serve(tmp_path, 1000, faults=share(0.1, 9, STALLS))
    with thread as server:
        limited = arguments(server, "generation.max_usd=0.3")
        command = [sys.executable, "-m", "deepcoder.generate", *limited]
        rng = random.Random(7)
        for _ in range(20):
            with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
                time.sleep(rng.uniform(2.0, 5.0))
                process.kill()
        with pytest.raises(IncompleteError, match="max_usd"):
            generate(limited)
    made = len(server.served)  # everything that the provider would charge
    assert made * 0.0003 <= 0.3 + 8 * 0.0006  # those in flight at a kill are booked all the same
    booked = sum(line["usd"] for line in lines(tmp_path, "spending.jsonl"))
    assert booked <= 0.3 + 8 * 2 * 0.0006


def test_what_was_in_flight_at_a_kill_is_booked_by_the_next_run(tmp_path: Path) -> None:
    stalling = [True]
    faults = lambda number: "stall" if stalling[0] and number >= 12 else None  # noqa: E731
    thread, arguments = serve(tmp_path, 12, faults=faults)
    with thread as server:
        command = [sys.executable, "-m", "deepcoder.generate", *arguments(server)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            began = time.monotonic()
            while server.met["stall"] < 4 and time.monotonic() < began + 60:
                time.sleep(0.02)
            process.kill()
        in_flight = server.met["stall"]
        assert in_flight >= 4
        stalling[0] = False
        generate(arguments(server))
    account = lines(tmp_path, "spending.jsonl")
    killed = [line for line in account if line.get("estimated") == "killed"]
    assert in_flight <= len(killed) <= 8  # perhaps one more that was not received any more
    assert {line["completion_tokens"] for line in killed} == {20}
    assert len(account) - len(killed) == sum(server.delivered.values())


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


def test_a_dry_run_keeps_its_pilot_and_tells_what_the_rest_costs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    thread, arguments = serve(tmp_path, 40)
    with thread as server:
        dry = arguments(server, "generation.dry_run=true", "generation.pilot=5")
        info = generate(dry).info()
        assert info["status"] == "piloted"
        assert info["summary"]["pilot"] == 5
        assert info["summary"]["remaining"] == 35
        # An episode of the oracle is two requests of 0.0003 dollars and 120 tokens.
        assert info["summary"]["usd"]["p90"] == pytest.approx(35 * 0.0006)
        assert info["summary"]["tokens"]["p50"] == pytest.approx(35 * 240)
        assert info["summary"]["seconds"]["p90"] > 0
        asked = len(server.bodies)
        assert asked == 10
        shown = capsys.readouterr().out
        assert "$0.0210" in shown
        assert "p90" in shown
        generate(dry)  # again, for nothing
        assert len(server.bodies) == asked
        run = generate(arguments(server))
    assert run.info()["status"] == "done"
    assert len(ids(tmp_path)) == 40
    assert max(server.delivered.values()) == 1  # the pilot was part of the run


def test_budgets_of_episodes_and_seconds(tmp_path: Path) -> None:
    thread, arguments = serve(tmp_path, 24)
    with thread as server:
        with pytest.raises(IncompleteError, match=r"14 episodes.*generation\.max_episodes=10"):
            generate(arguments(server, "generation.max_episodes=10"))
        assert len(ids(tmp_path)) == 10
        with pytest.raises(IncompleteError, match=r"generation\.max_episodes=10"):
            generate(arguments(server, "generation.max_episodes=10"))
        assert len(ids(tmp_path)) == 10
        slow = ("generation.max_seconds=0.2", "teacher.requests_per_minute=240")
        with pytest.raises(
            IncompleteError, match=r"generation\.max_seconds=0\.2 are over"
        ) as caught:
            generate(arguments(server, *slow))
        assert caught.value.exit_status == 3
        assert 10 < len(ids(tmp_path)) <= 18  # those in flight were finished
        generate(arguments(server))
    assert len(ids(tmp_path)) == 24


def test_an_episode_that_costs_too_much_is_ended(tmp_path: Path) -> None:
    thread, arguments = serve(tmp_path, 2, "agent.max_usd=0.0002")
    with thread as server, pytest.raises(IncompleteError, match="not_finished"):
        generate(arguments(server))
    rejected = lines(tmp_path, "rejected.jsonl")
    assert {record["trajectory"]["stop"] for record in rejected} == {"max_usd"}
    assert len(server.bodies) == 2


def test_a_model_that_never_follows_the_protocol_is_one_line_before_much_is_spent(
    tmp_path: Path,
) -> None:
    async def answer(messages: list[dict[str, str]], seed: int | None) -> str:
        return "I would rather talk about the weather."

    thread = ProviderThread(Provider(answer, dialect="groq", key=KEY))
    with thread as server:
        args = overrides(tmp_path, server.url, 200, "generation.give_up_after=5")
        with pytest.raises(IncompleteError, match="does not follow the protocol codeact") as caught:
            generate(args)
        assert "agent.protocol" in str(caught.value.fix)
        played = len(ids(tmp_path))
        assert 5 <= played <= 5 + 8
        asked = len(server.bodies)
        with pytest.raises(IncompleteError, match="does not follow"):
            generate(args)  # says so again, and asks nobody
        assert len(server.bodies) == asked


def test_a_key_that_is_revoked_in_the_middle_ends_the_run_and_rejects_nothing(
    tmp_path: Path,
) -> None:
    thread, arguments = serve(tmp_path, 30, faults=lambda n: "401" if n >= 20 else None)
    with thread as server, pytest.raises(BackendError, match=r"refused the key in GROQ_API_KEY"):
        generate(arguments(server))
    assert 0 < len(ids(tmp_path)) < 30
    assert lines(tmp_path, "rejected.jsonl") == []


def test_a_wrong_key_that_the_provider_echoes_is_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command as a user runs it: terminal, log, configuration, ledgers."""
    wrong = "gsk_wrongWRONGwrong0123456789"
    thread, arguments = serve(tmp_path, 3)
    with thread as server:
        command = [sys.executable, "-m", "deepcoder.generate", *arguments(server)]
        env = os.environ | {"GROQ_API_KEY": wrong, "GROQ_LOG": "debug", "OPENAI_LOG": "debug"}
        done = subprocess.run(command, capture_output=True, text=True, env=env)
        assert done.returncode == 1
        errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
        assert len(errors) == 1
        assert "GROQ_API_KEY" in errors[0]
        assert len(server.bodies) == 0
    written = [p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()]
    assert len(written) > 4
    assert [text for text in written if wrong.encode() in text] == []
    assert wrong not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("number", "dry"),
    [(signal.SIGINT, "false"), (signal.SIGTERM, "false"), (signal.SIGINT, "true")],
)
def test_a_stop_does_not_wait_for_a_quota_that_is_used_up(
    tmp_path: Path, number: int, dry: str
) -> None:
    """A signal while every worker stands before a limit of minutes: a scheduler kills after one."""
    thread, arguments = serve(tmp_path, 12, requests_per_window=6, window=600, after=True)
    with thread as server:
        dry_run = (f"generation.dry_run={dry}", "generation.pilot=8")
        command = [sys.executable, "-m", "deepcoder.generate", *arguments(server, *dry_run)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as run:
            began = time.monotonic()
            while server.refused == 0 and time.monotonic() < began + 60:
                time.sleep(0.02)
            time.sleep(0.3)
            run.send_signal(number)
            stopped = time.monotonic()
            _, error = run.communicate(timeout=60)
        assert time.monotonic() - stopped < 25
    assert run.returncode == 130, error
    assert b"Interrupted" in error
    assert lines(tmp_path, "rejected.jsonl") == []
