"""The file of responses: nothing torn, nothing lost, nothing mixed up; and replaying it."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest
from chat_models.api_cases import HI

from deepcoder.chat_models.lines import LineFile
from deepcoder.chat_models.pricing import Price, Spending
from deepcoder.chat_models.replay import ReplayTeacher
from deepcoder.chat_models.response_cache import Request, ResponseCache
from deepcoder.chat_models.wire import encode
from deepcoder.errors import BackendError, DataError, MissingError
from deepcoder.types import Message, Role, Sampling, Usage


def request(seed: int | None = 1, model: str = "m", **body: Any) -> Request:
    fields = {"model": model, "messages": encode(HI, replay_reasoning=False)} | body
    return Request(to={"kind": "groq"}, body=fields, seed=seed)


def response(text: str) -> dict[str, Any]:
    message = {"content": text, "reasoning": "because"}
    usage = {"prompt_tokens": 9, "completion_tokens": 3}
    return {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}


def test_what_was_put_is_got_after_a_restart(tmp_path: Path):
    path = tmp_path / "deep" / "r.jsonl"
    cache = ResponseCache(path)
    hostile = "a\u2028b\x00c\x85\nd é"
    cache.put(request(), response(hostile), seconds=0.5)
    for opened in (cache, ResponseCache(path)):
        found = opened.get(request().key)
        assert found is not None
        assert found.response == response(hostile)
    assert ResponseCache(path).get(request(seed=2).key) is None


def test_everything_in_the_request_is_in_its_key():
    keys = {
        request().key,
        request(seed=2).key,
        request(model="n").key,
        request(temperature=0.5).key,
        Request(to={"kind": "x"}, body=request().body, seed=1).key,
        Request(to=request().to, body=request().body, seed=1, extra={"a": 1}).key,
    }
    assert len(keys) == 6


def test_a_torn_line_costs_only_itself(tmp_path: Path):
    path = tmp_path / "r.jsonl"
    first = ResponseCache(path)
    first.put(request(1), response("one"), seconds=0)
    whole = path.read_bytes()
    first.put(request(2), response("two"), seconds=0)
    both = path.read_bytes()
    for end in range(len(whole), len(both), 37):
        path.write_bytes(both[:end])
        cache = ResponseCache(path)
        assert len(cache) == 1
        cache.put(request(3), response("three"), seconds=0)
        again = ResponseCache(path)
        assert again.get(request(1).key) is not None
        assert again.get(request(3).key) is not None


def _append(path: Path, name: str) -> None:
    file = LineFile(path)
    for number in range(50):
        file.append(json.dumps({"name": name, "number": number, "pad": "x" * 3000}))


def test_processes_that_append_together_tear_nothing(tmp_path: Path):
    path = tmp_path / "r.jsonl"
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_append, args=(path, name)) for name in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    found = [(line.record["name"], line.record["number"]) for line in LineFile(path).lines()]
    assert sorted(found) == [(name, number) for name in "ab" for number in range(50)]
    assert len(path.read_bytes().splitlines()) == 100


def test_replay_answers_what_was_recorded_and_nothing_else(tmp_path: Path):
    path = tmp_path / "r.jsonl"
    cache = ResponseCache(path)
    cache.put(request(1), response("one"), seconds=0)
    cache.put(request(None), response("any"), seconds=0)
    teacher = ReplayTeacher(path)
    one = asyncio.run(teacher.complete(HI, Sampling(seed=1)))
    other = asyncio.run(teacher.complete(HI, Sampling(seed=9)))
    assert (one.text, one.reasoning, one.usage.completion_tokens) == ("one", "because", 3)
    assert one.usage.usd == 0
    assert other.text == "any"
    longer = [*HI, Message(role=Role.ASSISTANT, content="4")]
    with pytest.raises(BackendError, match="3 messages"):
        asyncio.run(teacher.complete(longer, Sampling(seed=1)))


def test_replay_says_what_is_wrong_with_its_file(tmp_path: Path):
    path = tmp_path / "r.jsonl"
    with pytest.raises(MissingError, match="no file"):
        ReplayTeacher(path)
    path.write_text("not json\n")
    with pytest.raises(DataError, match=r"r\.jsonl line 1 is not a JSON record"):
        ReplayTeacher(path)
    path.write_text("")
    with pytest.raises(MissingError, match="no response"):
        ReplayTeacher(path)
    cache = ResponseCache(path)
    for model in ("m", "n"):
        cache.put(request(model=model), response(model), seconds=0)
    with pytest.raises(MissingError, match="2 models"):
        ReplayTeacher(path)
    chosen = ReplayTeacher(path, model="n")
    assert asyncio.run(chosen.complete(HI, Sampling(seed=1))).text == "n"


# ------------------------------------------------------------------------------------- spending


def test_prices_are_per_million_and_cached_tokens_are_cheaper():
    price = Price(input=1.0, output=4.0, cached_input=0.5)
    assert price.usd(1_000_000, 500_000) == pytest.approx(3.0)
    assert price.usd(1_000_000, 0, cached_tokens=400_000) == pytest.approx(0.8)
    assert Price(input=1.0, output=4.0).usd(10, 0, cached_tokens=10) == pytest.approx(10e-6)


def test_the_account_goes_on_after_a_restart_and_tells_once(tmp_path: Path):
    told: list[str] = []
    path = tmp_path / "spending.jsonl"

    def account() -> Spending:
        return Spending(path, max_usd=1.0, on_exhausted=lambda: told.append("!"))

    first = account()
    first.book(Usage(prompt_tokens=10, completion_tokens=5, usd=0.6))
    assert first.exhausted is None
    second = account()
    assert second.total.usd == pytest.approx(0.6)
    second.book(Usage(usd=0.5), estimated="timeout")
    second.book(Usage(usd=0.5))
    assert second.exhausted == "generation.max_usd=1"
    assert told == ["!"]
    assert account().tokens == 15
    assert told == ["!", "!"]  # a run that begins with an empty purse knows it at once


def test_what_was_in_flight_at_a_kill_is_booked_once_by_the_next_process(tmp_path: Path):
    path = tmp_path / "spending.jsonl"
    at_most = Usage(prompt_tokens=100, completion_tokens=1000, usd=1.1)

    def lines() -> list[dict]:
        return [json.loads(line) for line in path.read_text().splitlines()]

    killed = Spending(path)
    names = [killed.sent(at_most, prompt_usd=0.1) for _ in range(5)]
    killed.book(Usage(prompt_tokens=90, completion_tokens=40, usd=0.13), sent=names[0])
    killed.book(Usage(prompt_tokens=90, completion_tokens=900, usd=1.0), estimated="cut")
    killed.unpaid(names[1])
    with path.with_suffix(".sent").open("a") as file:
        file.write('{"request": "torn by the ki')
    after = Spending(path)  # the first one was never closed
    booked = [line for line in lines() if line.get("estimated") == "killed"]
    assert [line["request"] for line in booked] == names[2:]
    assert {line["completion_tokens"] for line in booked} == {40}  # the longest that was answered
    assert booked[0]["usd"] == pytest.approx(0.1 + 0.04)
    assert after.total.usd == pytest.approx(0.13 + 1.0 + 3 * 0.14)
    assert Spending(path).total == after.total
    name = after.sent(at_most, prompt_usd=0.1)
    after.unpaid(name)
    after.close()
    assert not path.with_suffix(".sent").exists()
    fresh = Spending(tmp_path / "fresh.jsonl")
    fresh.sent(at_most, prompt_usd=0.1)
    told: list[int] = []
    again = Spending(tmp_path / "fresh.jsonl", max_usd=1.0, on_exhausted=lambda: told.append(1))
    assert again.total.usd == pytest.approx(1.1)  # nothing is known of answers: as much as it may
    assert told == [1]


def test_an_account_of_another_version_is_one_line_and_not_forgotten(tmp_path: Path):
    path = tmp_path / "spending.jsonl"
    for line in ('{"schema_version": 9, "dollars": 3}', '{"usd": "much"}'):
        path.write_text(line + "\n")
        with pytest.raises(DataError, match=r"spending\.jsonl line 1 cannot be used") as caught:
            Spending(path, max_usd=1.0)
        assert "name=" in str(caught.value.fix)


PAID = '{"prompt_tokens": 1, "completion_tokens": 1, "usd": 0.5}'
SENT = '{"request": "a-1", "prompt_tokens": 9, "completion_tokens": 9, "usd": 2.0, "prompt_usd": 1}'


@pytest.mark.parametrize(
    ("name", "spoiled", "why"),
    [
        ("s.jsonl", '{"prompt_tokens": 1, "usd": 0.5}', "it has no 'completion_tokens'"),
        ("s.jsonl", PAID.replace("0.5", "NaN"), "cannot be used"),
        ("s.jsonl", PAID.replace("0.5", "-3"), "cannot be used"),
        ("s.jsonl", PAID[:-1], "is not a JSON record"),
        ("s.jsonl", "[1, 2]", "expected an object, found list"),
        ("s.sent", SENT.replace('"usd": 2.0, ', ""), "it has no 'usd'"),
        ("s.sent", SENT.replace("a-1", "").replace("9", '"x"'), "cannot be used"),
        ("s.sent", '{"paid": 3}', "it has no 'prompt_tokens'"),
        ("s.sent", SENT + SENT, "is not a JSON record"),
    ],
)
def test_a_line_that_a_hand_spoiled_is_named_and_the_files_stay_as_they_are(
    name: str, spoiled: str, why: str, tmp_path: Path
):
    """Another hand than ours: a budget that leaves out what it cannot read is none."""
    for file, line in (("s.jsonl", PAID), ("s.sent", SENT)):
        (tmp_path / file).write_text(f"{line}\n{spoiled if file == name else line}\n{line}\n")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(DataError, match=why) as caught:
        Spending(tmp_path / "s.jsonl", max_usd=9.0)
    assert f"{name} line 2" in caught.value.message
    assert "restore that line" in str(caught.value.fix)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_response_that_a_hand_spoiled_is_named_and_asked_again_only_when_it_is_deleted(
    tmp_path: Path,
):
    path = tmp_path / "r.jsonl"
    cache = ResponseCache(path)
    for seed in (1, 2, 3):
        cache.put(request(seed), response(str(seed)), seconds=0)
    whole = path.read_text().splitlines()
    record = json.loads(whole[1])
    del record["response"]
    for spoiled, why in (
        (json.dumps(record), "it has no 'response'"),
        (whole[1][9:], "not a JSON"),
    ):
        path.write_text("\n".join([whole[0], spoiled, whole[2], ""]))
        with pytest.raises(DataError, match=f"r.jsonl line 2.*{why}") as caught:
            ResponseCache(path)
        assert "paid for again" in str(caught.value.fix)
    path.write_text("\n".join([whole[0], '{"version": 0, "other": 1}', whole[2], ""]))
    left = ResponseCache(path)  # what another version wrote is not ours to judge
    assert [left.get(request(seed).key) is not None for seed in (1, 2, 3)] == [True, False, True]


def test_what_is_sent_is_on_disk_before_it_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    synced: list[bytes] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        real(handle)
        target = Path(os.readlink(f"/proc/self/fd/{handle}"))
        synced.append(target.read_bytes() if target.is_file() else b"")

    monkeypatch.setattr(os, "fsync", fsync)
    account = Spending(tmp_path / "s.jsonl")
    name = account.sent(Usage(prompt_tokens=5, completion_tokens=7, usd=1.0), prompt_usd=0.5)
    assert name.encode() in synced[-1]
    account.close()


def test_tokens_can_be_the_budget():
    account = Spending(max_tokens=100)
    account.book(Usage(prompt_tokens=60, completion_tokens=39))
    assert account.exhausted is None
    account.book(Usage(prompt_tokens=1))
    assert account.exhausted == "generation.max_tokens=100"
