"""What a provider may do although it should not: each comes out right, in time, without a hang."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from pathlib import Path
from typing import Any

import pytest
from chat_models.api_cases import HI, KEY, SEVEN, teacher
from chat_models.provider import Provider, script

from deepcoder.chat_models.api import LONGEST_TOKEN
from deepcoder.chat_models.pricing import Spending
from deepcoder.chat_models.providers import RefusedError
from deepcoder.chat_models.response_cache import ResponseCache
from deepcoder.chat_models.wire import decode
from deepcoder.errors import BackendError, UnavailableError
from deepcoder.types import Completion, Sampling

KINDS = ("groq", "openai_compatible")


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GROQ_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, KEY)


def provider(kind: str, **kwargs: Any) -> Provider:
    return Provider(dialect="groq" if kind == "groq" else "openai", key=KEY, **kwargs)


async def ask(server: Provider, kind: str, *overrides: str, count: int = 1, **kwargs: Any):
    model = teacher(kind, server.url, *overrides, **kwargs)
    found = []
    try:
        for number in range(count):
            found.append(await model.complete(HI, Sampling(seed=number, max_tokens=64)))
    finally:
        await model.aclose()
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_that_drips_for_ever_is_cut_off_by_the_clock(kind: str) -> None:
    async def main() -> float:
        spending, began = Spending(), time.monotonic()
        async with provider(kind, faults=script("drip")) as server:
            await ask(server, kind, "teacher.timeout_seconds=0.5", spending=spending)
        assert spending.total.requests == 2  # the one that dripped was made, and so is paid
        return time.monotonic() - began

    assert asyncio.run(main()) < 5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["plain", "500", "307", "gzip", "deflate", "twice"])
def test_a_body_without_end_is_left_at_the_limit_and_asked_again(
    kind: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deepcoder.chat_models.bodies.LARGEST_BODY", 4 << 20)

    async def main() -> tuple[int, Spending, list[Completion]]:
        spending = Spending()
        async with provider(kind, faults=script(f"flood-{form}")) as server:
            found = await ask(server, kind, "teacher.timeout_seconds=20", spending=spending)
            return server.flooded, spending, found

    flooded, spending, found = asyncio.run(main())
    assert "answer" in found[0].text
    assert flooded < 24 << 20, "the limit, and what the sockets between hold"
    assert spending.total.requests == 2  # what was broken off may be charged


def test_a_body_without_end_is_named_when_it_comes_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("deepcoder.chat_models.bodies.LARGEST_BODY", 1 << 20)

    async def main() -> None:
        async with provider("groq", faults=lambda number: "flood-gzip") as server:
            with pytest.raises(UnavailableError, match="a body of more than 1 MB"):
                await ask(server, "groq", "teacher.timeout_seconds=20", "teacher.attempts=2")

    asyncio.run(main())


@pytest.mark.parametrize("kind", KINDS)
def test_a_packed_answer_is_read_and_nothing_but_gzip_is_asked_for(kind: str) -> None:
    async def main() -> tuple[list[Completion], str]:
        async with provider(kind, faults=script("packed")) as server:
            return await ask(server, kind), server.seen_headers[0]["accept-encoding"]

    found, asked = asyncio.run(main())
    assert "answer" in found[0].text
    assert asked == "gzip"


@pytest.mark.parametrize("kind", KINDS)
def test_a_response_that_comes_twice_is_not_taken_for_the_next_one(kind: str) -> None:
    numbers = itertools.count()

    async def answer(messages: Any, seed: int | None) -> str:
        next(numbers)
        return f"answer to {seed}"

    async def main() -> list[Completion]:
        faults = script(None, "twice", None, "twice", "twice")
        async with provider(kind, answer=answer, faults=faults) as server:
            return await ask(server, kind, count=8)

    texts = [completion.text for completion in asyncio.run(main())]
    assert texts == [f"answer to {number}" for number in range(8)]


@pytest.mark.parametrize("fault", ["401", "403", "404", "400", "402"])
def test_a_refusal_in_the_middle_is_asked_again_before_it_ends_the_run(fault: str) -> None:
    async def once() -> int:
        async with provider("groq", faults=script(None, fault, None)) as server:
            await ask(server, "groq", count=2)
            return len(server.bodies)

    async def for_good() -> None:
        first = itertools.count()
        faults = lambda number: None if next(first) == 0 else fault  # noqa: E731
        async with provider("groq", faults=faults) as server:
            with pytest.raises((BackendError, RefusedError), match=fault):
                await ask(server, "groq", count=2)
            assert len(server.bodies) == 4

    assert asyncio.run(once()) == 3
    asyncio.run(for_good())


@pytest.mark.parametrize("kind", KINDS)
def test_refusals_without_end_are_given_up_after_patience(kind: str) -> None:
    async def main() -> int:
        async with provider(kind, faults=lambda number: "429-zero") as server:
            with pytest.raises(UnavailableError, match="as too many"):
                await ask(server, kind, "teacher.patience_seconds=0.6", "teacher.retry_seconds=0.1")
            return len(server.bodies)

    assert 3 <= asyncio.run(main()) <= 12  # a retry-after of 0 is no licence to hammer


def test_a_wait_longer_than_patience_is_one_line_at_once() -> None:
    async def main() -> None:
        async with provider("groq", requests_per_window=1, window=5000, after=True) as server:
            with pytest.raises(
                UnavailableError, match=r"quota is used up for another 1\.4 h|83 min"
            ):
                await ask(server, "groq", count=2)

    asyncio.run(main())


HOSTILE = {
    "control characters": "a\x00b\u2028c\x85d\ud800e",
    "huge": "x" * 10_000_000,
    "fences": "```python\n" * 300_000,
    "thinks": "<think>" * 500_000,
    "backticks": "`" * 3_000_000,
    "calls": "<tool_call>" * 300_000,
    "nothing": None,
    "spaces": " \n" * 3_000_000,
    "parts": [{"type": "text", "text": "a"}, "b", {"type": "image"}, None, 3],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_contents_are_read_kept_and_parsed_in_time(name: str, tmp_path: Path) -> None:
    from deepcoder.rendering import get_protocol

    async def answer(messages: Any, seed: int | None) -> dict[str, Any]:
        return {"content": HOSTILE[name], "reasoning": {"odd": 1}, "reasoning_content": None}

    async def main() -> Completion:
        async with provider("groq", answer=answer) as server:
            keep = (f"teacher.cache={tmp_path}", "teacher.timeout_seconds=20")
            (found,) = await ask(server, "groq", *keep)
            (again,) = await ask(server, "groq", *keep)
            assert again.text == found.text
            assert len(server.bodies) == 1
            return found

    began = time.monotonic()
    completion = asyncio.run(main())
    assert len(completion.text) <= 64 * LONGEST_TOKEN
    completion.text.encode()  # no lone surrogate is left
    for protocol in ("codeact", "tool_call"):
        get_protocol(protocol).parse(completion)
    assert time.monotonic() - began < 20  # a parser that is quadratic takes hours
    (path,) = tmp_path.glob("*.jsonl")
    assert path.read_bytes().count(b"\n") == 1
    assert len(ResponseCache(path)) == 1


def test_tool_calls_come_as_text_and_unknown_ends_as_they_are() -> None:
    async def answer(messages: Any, seed: int | None) -> dict[str, Any]:
        call = {"function": {"name": "python", "arguments": '{"code": "1"}'}}
        return {"content": None, "tool_calls": [call]}

    async def main() -> Completion:
        async with provider("groq", answer=answer) as server:
            return (await ask(server, "groq"))[0]

    assert "<tool_call>" in asyncio.run(main()).text
    odd = {"choices": [{"message": {"content": "x"}, "finish_reason": "solar_flare"}]}
    assert decode(odd).finish == "solar_flare"


def test_numbers_that_are_none_do_not_spoil_a_ledger() -> None:
    tokens = [{"logprob": float("nan")}, {"logprob": -1.0}]
    choice = {"message": {"content": "x"}, "token_ids": [3, 4], "logprobs": {"content": tokens}}
    assert decode({"choices": [choice]}).logprobs is None
    for usage in ({"prompt_tokens": -5}, {"prompt_tokens": "9"}, {"prompt_tokens": 1e400}, [], "x"):
        assert decode({"choices": [choice], "usage": usage}).prompt_tokens is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_that_is_hidden_in_escapes_is_struck_out(kind: str, tmp_path: Path) -> None:
    hidden = "".join(f"\\u{ord(letter):04x}" for letter in KEY)
    body = '{"choices": [{"message": {"content": "it is ' + hidden + '"}}]}'

    class Echo(Provider):
        async def _complete(self, request: dict[str, Any], writer: asyncio.StreamWriter) -> bool:
            return await self._send(writer, 200, body.encode())

    async def main() -> Completion:
        async with Echo(dialect="groq" if kind == "groq" else "openai", key=KEY) as server:
            return (await ask(server, kind, f"teacher.cache={tmp_path}"))[0]

    completion = asyncio.run(main())
    assert json.loads(body)["choices"][0]["message"]["content"] == f"it is {KEY}"
    assert completion.text == "it is [key]"
    assert all(KEY not in path.read_text() for path in tmp_path.rglob("*.jsonl"))


def test_token_headers_are_kept_without_a_violation() -> None:
    async def main() -> tuple[int, int]:
        async with provider("groq", tokens_per_window=1200, window=1.0) as server:
            model = teacher("groq", server.url)
            jobs = [model.complete(HI, Sampling(seed=n, max_tokens=64)) for n in range(35)]
            await asyncio.gather(*jobs)
            await model.aclose()
            return server.refused, len(server.served)

    refused, served = asyncio.run(main())
    assert (refused, served) == (0, 35)


def test_estimates_follow_what_the_provider_counts() -> None:
    async def main() -> tuple[int, int]:
        async with provider("groq") as server:
            model = teacher("groq", server.url)
            before = model._account.expected(model.request(HI, SEVEN))
            for number in range(30):
                await model.complete(HI, Sampling(seed=number, max_tokens=64))
            after = model._account.expected(model.request(HI, SEVEN))
            await model.aclose()
            return before, after

    before, after = asyncio.run(main())
    assert before > 64  # the most it may write
    assert after == 120  # as the provider counts


def test_a_stall_is_seen_early_where_answers_are_quick_and_waited_for_when_asked_again() -> None:
    model = teacher("groq", "http://127.0.0.1:1", "teacher.timeout_seconds=120")
    sender = model._sender
    assert sender._timeout(first=True) == 120
    sender.answered = 50  # from the cache of an earlier run: nothing is known of their time
    assert sender._timeout(first=True) == 120
    sender._timed, sender._slowest = 50, 0.4
    assert sender._timeout(first=True) == 30
    assert sender._timeout(first=False) == 120
    sender._slowest = 9.0
    assert sender._timeout(first=True) == 72
    sender._slowest = 60.0
    assert sender._timeout(first=True) == 120


def test_one_request_that_is_always_refused_is_left_while_others_are_answered() -> None:
    class Unjust(Provider):
        async def _complete(self, request: dict[str, Any], writer: asyncio.StreamWriter) -> bool:
            if request["seed"] == 1:
                return await self._send(writer, 429, {"error": {"message": "not you"}})
            return await super()._complete(request, writer)

    async def main() -> list[str]:
        async with Unjust(dialect="groq", key=KEY) as server:
            settings = ("teacher.patience_seconds=0.5", "teacher.retry_seconds=0.05")
            model = teacher("groq", server.url, *settings)

            async def one(number: int) -> str:
                sampling = Sampling(seed=number, max_tokens=64)
                for _ in range(1 if number == 1 else 30):
                    try:
                        await model.complete(HI, sampling)
                    except UnavailableError as error:
                        return error.message
                return "answered"

            found = await asyncio.gather(*(one(number) for number in range(4)))
            await model.aclose()
            return found

    found = asyncio.run(main())
    assert "refuse" in found[1]
    assert [found[0], *found[2:]] == ["answered"] * 3
