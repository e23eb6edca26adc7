"""The local chat model: batching behind async calls, stops, limits, errors."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from deepcoder.chat_models.base import ChatModel
from deepcoder.chat_models.local import LocalChatModel, load_local
from deepcoder.students import load_base, load_tokenizer
from deepcoder.types import Fingerprint, Message, Role, Sampling

STUDENT = SimpleNamespace(
    source="random", model="tiny-qwen2", revision=None, dtype="float32", quantization="none"
)
FINGERPRINT = Fingerprint(kind="local", model="tiny")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def tokenizer(cache):
    return load_tokenizer(STUDENT, cache)


@pytest.fixture(scope="module")
def network(cache):
    return load_base(STUDENT, cache)


def chat(text: str) -> list[Message]:
    return [Message(role=Role.SYSTEM, content="Be brief."), Message(role=Role.USER, content=text)]


def play(network, tokenizer, calls, *, batch_size=4, context=None):
    """Completions of (messages, sampling) pairs asked at once."""

    async def main():
        model = LocalChatModel(
            network, tokenizer, batch_size=batch_size, fingerprint=FINGERPRINT, context=context
        )
        try:
            return await asyncio.gather(*(model.complete(*call) for call in calls)), model
        finally:
            await model.aclose()

    return asyncio.run(main())


def test_concurrent_calls_equal_single_calls(network, tokenizer) -> None:
    calls = [(chat(f"Say {'more ' * n}."), Sampling(max_tokens=6 + n)) for n in range(9)]
    together, model = play(network, tokenizer, calls)
    for call, completion in zip(calls, together, strict=True):
        (single,), _ = play(network, tokenizer, [call], batch_size=1)
        assert completion.token_ids == single.token_ids
        assert completion.text == single.text
        assert completion.usage.completion_tokens == len(completion.token_ids)
        assert completion.usage.requests == 1
    assert isinstance(model, ChatModel)
    assert model.throughput.sampled_tokens == sum(len(c.token_ids) for c in together)
    # The template and the system prompt are read once, not nine times.
    assert model.throughput.prefilled_tokens < 0.7 * model.throughput.prompt_tokens


def test_the_loop_goes_on_while_the_model_decodes(network, tokenizer) -> None:
    async def main() -> int:
        model = LocalChatModel(network, tokenizer, fingerprint=FINGERPRINT)
        answer = asyncio.create_task(model.complete(chat("Hi."), Sampling(max_tokens=60)))
        ticks = 0
        while not answer.done():
            await asyncio.sleep(0)
            ticks += 1
        await model.aclose()
        return ticks

    assert asyncio.run(main()) > 10


def test_max_tokens_ends_with_length(network, tokenizer) -> None:
    (completion,), _ = play(network, tokenizer, [(chat("Hi."), Sampling(max_tokens=5))])
    assert completion.finish == "length"
    assert len(completion.token_ids) == 5 == completion.usage.completion_tokens


def test_a_stop_token_ends_the_text_and_is_not_in_it(network, tokenizer, monkeypatch) -> None:
    (before,), _ = play(network, tokenizer, [(chat("Hi."), Sampling(max_tokens=8))])
    end = before.token_ids[3]
    first = before.token_ids.index(end)
    monkeypatch.setattr(
        "deepcoder.rendering.ChatRenderer.stop_ids", lambda self, tokenizer=None: [end]
    )
    (completion,), _ = play(network, tokenizer, [(chat("Hi."), Sampling(max_tokens=8))])
    assert completion.finish == "stop"
    assert completion.token_ids == before.token_ids[: first + 1]
    assert completion.text == tokenizer.decode(list(before.token_ids[:first]))


def test_a_stop_string_is_cut_off(network, tokenizer) -> None:
    (before,), _ = play(network, tokenizer, [(chat("Hi."), Sampling(max_tokens=12))])
    stop = before.text[len(before.text) // 2 :][:6]
    (completion,), _ = play(
        network, tokenizer, [(chat("Hi."), Sampling(max_tokens=12, stop=("\0never", stop)))]
    )
    assert completion.finish == "stop"
    assert completion.text == before.text[: before.text.index(stop)]


def test_seeds_repeat(network, tokenizer) -> None:
    def call(seed: int):
        return chat("Hi."), Sampling(max_tokens=10, temperature=1.0, seed=seed)

    first, second, other = play(network, tokenizer, [call(1), call(1), call(2)])[0]
    assert first.token_ids == second.token_ids != other.token_ids


def test_a_prompt_beyond_the_context_is_an_answer_of_length_zero(network, tokenizer) -> None:
    calls = [(chat("word " * 400), Sampling()), (chat("Hi."), Sampling(max_tokens=500))]
    (long, short), _ = play(network, tokenizer, calls, context=100)
    assert (long.finish, long.text, long.usage.completion_tokens) == ("length", "", 0)
    assert long.usage.prompt_tokens > 400
    assert short.usage.prompt_tokens + short.usage.completion_tokens == 100


def test_a_cancelled_call_frees_its_place(network, tokenizer) -> None:
    async def main() -> str:
        model = LocalChatModel(network, tokenizer, batch_size=1, fingerprint=FINGERPRINT)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await model.complete(chat("Hi."), Sampling(max_tokens=8000))
        completion = await model.complete(chat("Hi."), Sampling(max_tokens=3))
        await model.aclose()
        return completion.finish

    assert asyncio.run(main()) == "length"


def test_an_error_of_the_model_reaches_every_caller_and_passes(
    network, tokenizer, monkeypatch
) -> None:
    async def main() -> int:
        model = LocalChatModel(network, tokenizer, fingerprint=FINGERPRINT)
        with monkeypatch.context() as patch:
            patch.setattr(network.model, "forward", _fail)
            failed = await asyncio.gather(
                *(model.complete(chat(text), Sampling()) for text in "ab"), return_exceptions=True
            )
        assert [str(error) for error in failed] == ["out of memory"] * 2
        completion = await model.complete(chat("Hi."), Sampling(max_tokens=3))
        await model.aclose()
        with pytest.raises(RuntimeError, match="closed"):
            await model.complete(chat("Hi."), Sampling())
        return len(completion.token_ids)

    assert asyncio.run(main()) == 3


def _fail(*args, **kwargs):
    raise RuntimeError("out of memory")


def test_a_local_teacher_is_loaded_from_a_folder(network, tokenizer, tmp_path) -> None:
    network.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    cfg = SimpleNamespace(
        model=str(tmp_path), revision=None, dtype="float32", device_map=None, batch_size=2
    )
    teacher = load_local(cfg)
    assert teacher.fingerprint.model == str(tmp_path)
    assert teacher.context == 8192
    assert teacher.capability.logits
