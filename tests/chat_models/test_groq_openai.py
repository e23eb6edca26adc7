"""Both SDKs against a real server on loopback that breaks on purpose."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from chat_models.api_cases import HI, KEY, SEVEN, config, teacher
from chat_models.provider import FAULTS, Provider, ProviderThread, script

from deepcoder.chat_models import ChatModel, build_teacher
from deepcoder.chat_models.connecting import list_models
from deepcoder.chat_models.openai_compatible import PRESETS
from deepcoder.chat_models.pricing import Spending
from deepcoder.chat_models.providers import RefusedError
from deepcoder.chat_models.wire import Unreadable, decode, encode, whole_text
from deepcoder.errors import BackendError, ConfigError, MissingError, UnavailableError
from deepcoder.rendering.control import COMMON
from deepcoder.types import Completion, Message, Role, Sampling

KINDS = ("groq", "openai_compatible")


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GROQ_API_KEY", "OPENAI_API_KEY", "DEEPSEEK_API_KEY"):
        monkeypatch.setenv(name, KEY)


def provider(kind: str, **kwargs: Any) -> Provider:
    return Provider(dialect="groq" if kind == "groq" else "openai", key=KEY, **kwargs)


async def ask(
    server: Provider, kind: str, *overrides: str, messages=HI, sampling=SEVEN, **kwargs: Any
) -> Completion:
    model = teacher(kind, server.url, *overrides, **kwargs)
    try:
        return await model.complete(messages, sampling)
    finally:
        await model.aclose()


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_with_its_reasoning_usage_and_price(kind: str):
    async def answer(messages, seed):
        return {"content": "four", "reasoning": "two and two", "tool_calls": None}

    async def main() -> tuple[Completion, dict[str, Any]]:
        async with provider(kind, answer=answer) as server:
            price = "+teacher.prices={m: {input: 1.0, output: 10.0, date: '2026-11-01'}}"
            return await ask(server, kind, price), server.bodies[0]

    completion, body = asyncio.run(main())
    assert (completion.text, completion.reasoning) == ("four", "two and two")
    assert completion.usage.prompt_tokens == 100
    assert completion.usage.completion_tokens == 20
    assert completion.usage.usd == pytest.approx(300e-6)
    assert completion.token_ids is None
    assert completion.logprobs is None
    limit = "max_completion_tokens" if kind == "groq" else "max_tokens"
    assert body[limit] == 64
    assert body["seed"] == 7
    assert body["temperature"] == 0.5
    assert [m["role"] for m in body["messages"]] == ["system", "user"]
    assert body.get("reasoning_format") == ("parsed" if kind == "groq" else None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_passes_is_asked_again(kind: str, fault: str):
    async def main() -> Completion:
        async with provider(kind, faults=script(fault)) as server:
            completion = await ask(server, kind, "teacher.timeout_seconds=3")
            assert server.met[fault] == 1
            assert len(server.bodies) == 2, "asked once more, and not more than that"
            return completion

    if fault == "stall":
        pytest.skip("has a test of its own")
    assert "answer" in asyncio.run(main()).text


def test_a_stalled_answer_is_cut_off_asked_again_and_booked_as_an_estimate():
    async def main() -> Spending:
        spending = Spending()
        async with provider("groq", faults=script("stall")) as server:
            await ask(server, "groq", "teacher.timeout_seconds=0.4", spending=spending)
        return spending

    total = asyncio.run(main()).total
    assert total.requests == 2
    assert total.completion_tokens == 20 + 64  # nothing was known when it stalled: the most


@pytest.mark.parametrize("kind", KINDS)
def test_after_its_attempts_a_request_is_left_for_later(kind: str):
    async def main() -> None:
        async with provider(kind, faults=lambda number: "500") as server:
            with pytest.raises(UnavailableError, match="3 times"):
                await ask(server, kind, "teacher.attempts=3")
            assert len(server.bodies) == 3

    asyncio.run(main())


@pytest.mark.parametrize("kind", KINDS)
def test_text_of_a_failed_tool_call_is_salvaged(kind: str):
    async def main() -> Completion:
        async with provider(kind, faults=script("400-tool")) as server:
            return await ask(server, kind)

    completion = asyncio.run(main())
    assert "salvaged" in completion.text
    assert completion.finish == "tool_use_failed"


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_person_must_change_fails_at_once_with_the_remedy(
    kind: str, monkeypatch: pytest.MonkeyPatch
):
    async def error(*overrides: str, **kwargs: Any) -> BackendError:
        async with provider(kind, **kwargs) as server:
            with pytest.raises(BackendError) as caught:
                await ask(server, kind, *overrides)
            assert len(server.bodies) <= 1
            return caught.value

    unknown = asyncio.run(error("teacher.model=retired"))
    assert "retired" in str(unknown)
    assert "teacher.model" in str(unknown.fix)
    assert "temperature" in str(asyncio.run(error(faults=script("400"))))
    assert "credit" in str(asyncio.run(error(faults=script("402"))))
    name = "GROQ_API_KEY" if kind == "groq" else "OPENAI_API_KEY"
    monkeypatch.setenv(name, "sk-wrong-key-0123456789")
    wrong = asyncio.run(error())
    assert name in str(wrong.fix)
    assert "401" in str(wrong)
    assert "sk-wrong" not in str(wrong)  # the provider said it


@pytest.mark.parametrize("kind", KINDS)
def test_a_conversation_that_does_not_fit_ends_only_its_episode(kind: str):
    async def main() -> None:
        async with provider(kind, faults=script("400-long", None, *["400"] * 3)) as server:
            model = teacher(kind, server.url)
            with pytest.raises(RefusedError, match="reduce the length"):
                await model.complete(HI, SEVEN)
            await model.complete(HI, SEVEN)
            with pytest.raises(RefusedError):  # the settings are right: one was answered
                await model.complete(HI, SEVEN)
            await model.aclose()

    asyncio.run(main())


def test_a_key_that_is_not_set_is_named_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("GROQ_API_KEY")
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(MissingError, match="GROQ_API_KEY"):
        build_teacher(config("groq", None), ())
    with pytest.raises(MissingError, match="MY_KEY"):
        build_teacher(config("groq", None, "teacher.api_key_env=MY_KEY"), ())
    with pytest.raises(MissingError, match="OPENAI_API_KEY"):
        build_teacher(config("openai_compatible", "https://api.example.com/v1"), ())
    with pytest.raises(ConfigError, match="address"):
        build_teacher(config("openai_compatible", None), ())
    for kind, url in (("openai_compatible", "http://127.0.0.1:1/v1"), ("vllm", None)):
        assert isinstance(build_teacher(config(kind, url), ()), ChatModel)


@pytest.mark.parametrize("kind", KINDS)
def test_the_key_is_nowhere_but_in_the_header(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    """A hostile provider echoes it, a log is at its most talkative, and files are read whole."""

    async def echo(messages, seed):
        return {"content": f"your key is {KEY}", "reasoning": KEY}

    async def main() -> list[str]:
        shown = []
        async with provider(kind, answer=echo, faults=script("500", "reset", "half")) as server:
            spending = Spending(tmp_path / "spending.jsonl")
            model = teacher(kind, server.url, f"teacher.cache={tmp_path}", spending=spending)
            completion = await model.complete(HI, SEVEN)
            shown += [repr(model), repr(model.fingerprint), repr(vars(model)), repr(completion)]
            await model.aclose()
            assert server.seen_headers[-1]["authorization"] == f"Bearer {KEY}"
        for fault in ("400", "reset"):
            async with provider(kind, faults=lambda number, fault=fault: fault) as server:
                with pytest.raises(BackendError) as caught:
                    await ask(server, kind, "teacher.attempts=2")
                shown += [str(caught.value), repr(caught.value.__cause__)]
                shown.append(repr(caught.value.__context__))
        return shown

    caplog.set_level(logging.DEBUG)
    shown = asyncio.run(main())
    files = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2
    assert [text for text in [*shown, *files, caplog.text] if KEY in text] == []


def test_what_was_paid_for_is_not_paid_for_again(tmp_path: Path):
    async def main() -> tuple[list[Completion], int, Spending]:
        async with provider("groq") as server:
            spending = Spending()
            keep = f"teacher.cache={tmp_path}"
            found = [await ask(server, "groq", keep, spending=spending) for _ in range(3)]
            other = Sampling(seed=8, max_tokens=64, temperature=0.5)
            found.append(await ask(server, "groq", keep, sampling=other, spending=spending))
            return found, len(server.bodies), spending

    found, sent, spending = asyncio.run(main())
    assert sent == 2  # another seed is another sample
    assert spending.total.requests == 2
    assert found[0].model_dump() == found[1].model_dump() == found[2].model_dump()


def test_deepseek_gets_its_reasoning_back_and_no_seed():
    history = [
        *HI,
        Message(role=Role.ASSISTANT, content="<think>\nfirst\n</think>\n```python\n1\n```"),
        Message(role=Role.USER, content="Observation:\n1"),
        Message(role=Role.ASSISTANT, content="x", reasoning="second"),
        Message(role=Role.USER, content="Observation:\n2"),
    ]

    async def main() -> dict[str, Any]:
        async with provider("deepseek") as server:
            await ask(server, "deepseek", messages=history)
            return server.bodies[0]

    body = asyncio.run(main())
    turns = [m for m in body["messages"] if m["role"] == "assistant"]
    sent = [(m["content"], m["reasoning_content"]) for m in turns]
    assert sent == [("```python\n1\n```", "first"), ("x", "second")]
    assert "seed" not in body
    plain = encode(history, replay_reasoning=False)
    assert plain[2]["content"].startswith("<think>")


@pytest.mark.parametrize("token", COMMON)
def test_control_tokens_in_contents_do_not_steer_a_server(token: str):
    said = [Message(role=role, content=f"a {token} b") for role in (Role.USER, Role.ASSISTANT)]
    for record in encode(said, replay_reasoning=False):
        assert token not in record["content"]
        assert record["content"].replace("\u200b", "") == f"a {token} b"


def test_vllm_gives_token_ids_and_logprobs():
    async def main() -> dict[str, Any]:
        async with Provider(dialect="openai", key="unused") as server:
            await ask(server, "vllm")
            return server.bodies[0]

    body = asyncio.run(main())
    assert body["logprobs"] is True
    assert body["return_token_ids"] is True
    tokens = [{"logprob": -0.5}, {"logprob": -1}]
    choice = {"message": {"content": "x"}, "token_ids": [3, 4], "logprobs": {"content": tokens}}
    answer = decode({"choices": [choice]})
    assert (answer.token_ids, answer.logprobs) == ((3, 4), (-0.5, -1.0))
    columns = {"token_ids": [3], "token_logprobs": [-2.0]}
    together = decode({"choices": [{"message": {"content": "x"}, "logprobs": columns}]})
    assert (together.token_ids, together.logprobs) == ((3,), (-2.0,))
    choice["token_ids"] = [3]
    assert decode({"choices": [choice]}).logprobs is None  # of which token is not known


def test_every_preset_has_a_configuration_and_a_capability():
    for name in PRESETS:
        if name is None:
            continue
        cfg = config(name, None)
        assert str(cfg.preset) == name
        assert PRESETS[name].base_url
    assert PRESETS["deepseek"].capability.replay_reasoning
    assert PRESETS["vllm"].capability.prompt_logprobs
    assert [n for n, p in PRESETS.items() if p.self_hosted] == ["vllm", "sglang"]


@pytest.mark.parametrize(
    "value",
    [
        *(None, [], "x", {}, {"choices": []}, {"choices": [None]}, {"choices": [{}]}),
        {"choices": [{"message": {"content": 3}}]},
        {"choices": [{"message": {"content": "x"}, "finish_reason": "error"}]},
    ],
)
def test_bodies_that_are_no_answers(value: Any):
    with pytest.raises(Unreadable):
        decode(value)


def test_odd_but_readable_answers():
    def one(message: dict[str, Any], **more: Any):
        return decode({"choices": [{"message": message, **more}]})

    assert one({"content": None}).text == ""
    assert one({"content": [{"type": "text", "text": "a"}, {"type": "image"}]}).text == "a"
    assert one({"content": "a\ud83d\ude00\ud800"}).text == "a\U0001f600\ufffd"
    call = {"function": {"name": "python", "arguments": '{"code": "1"}'}}
    assert '{"name": "python", "arguments": {"code": "1"}}' in one({"tool_calls": [call]}).text
    assert one({"content": "x"}, finish_reason="length").finish == "length"
    assert whole_text("plain") == "plain"


@pytest.mark.parametrize("kind", KINDS)
def test_doctor_asks_for_the_models(kind: str, monkeypatch: pytest.MonkeyPatch):
    async def main() -> list[str]:
        async with provider(kind, models=["b", "a"]) as server:
            return await list_models(config(kind, server.url))

    async def wrong() -> None:
        async with provider(kind) as server:
            with pytest.raises(BackendError, match="refused the key"):
                await list_models(config(kind, server.url))

    assert asyncio.run(main()) == ["a", "b"]
    with pytest.raises(UnavailableError, match="does not answer"):
        asyncio.run(list_models(config(kind, "http://127.0.0.1:9")))
    monkeypatch.setenv("GROQ_API_KEY", "other-key")
    monkeypatch.setenv("OPENAI_API_KEY", "other-key")
    asyncio.run(wrong())


@pytest.mark.parametrize("kind", KINDS)
def test_doctor_says_what_is_wrong_with_a_teacher(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deepcoder.config import compose
    from deepcoder.doctor import Verdict, _guarded, _teacher

    def found(server: Provider, model: str, *more: str) -> list[tuple[str, Verdict, str]]:
        args = [f"teacher={kind}", f"teacher.model={model}", f"teacher.base_url={server.url}"]
        cfg = compose("doctor", [*args, *more])
        return [(c.name, c.verdict, c.found + " " + c.fix) for c in _guarded(_teacher, cfg)]

    price = "+teacher.prices={b: {input: 1, output: 2, date: '2026-11-01'}}"
    with ProviderThread(provider(kind, models=["b", "a"])) as server:
        assert [v for _, v, _ in found(server, "b", price)] == [Verdict.OK, Verdict.OK]
        (model, costs) = found(server, "retired")
        assert model[1] is Verdict.FAIL
        assert "does not serve retired set teacher.model to one of: a, b" in model[2]
        assert costs[1] is Verdict.WARN
        assert "teacher.prices" in costs[2]
        server.prefix = "/elsewhere"  # no list of models
        assert found(server, "b")[0][1] is Verdict.WARN
    monkeypatch.setenv("GROQ_API_KEY", "gsk-wrong-9876543210")
    monkeypatch.setenv("OPENAI_API_KEY", "gsk-wrong-9876543210")
    with ProviderThread(provider(kind)) as server:
        ((_, verdict, text),) = found(server, "m")
        assert verdict is Verdict.FAIL
        assert "refused the key" in text
        assert "9876543210" not in text
