"""The batch decoder against the plainest possible decoding: one row, no cache."""

from __future__ import annotations

import math
import random

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

from deepcoder.chat_models.decoding import BatchDecoder, Finished, Request, pick

VOCAB = 150
STOPS = (7, 8)


def _qwen() -> Qwen2ForCausalLM:
    config = Qwen2Config(
        vocab_size=VOCAB,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=0.3,
    )
    torch.manual_seed(0)
    return Qwen2ForCausalLM(config).eval()


def _llama() -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=VOCAB,
        hidden_size=36,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=3,
        num_key_value_heads=3,
        max_position_embeddings=512,
        initializer_range=0.3,
    )
    torch.manual_seed(1)
    return LlamaForCausalLM(config).eval()


@pytest.fixture(scope="module")
def qwen() -> Qwen2ForCausalLM:
    return _qwen()


@torch.no_grad()
def alone(model: torch.nn.Module, request: Request) -> tuple[tuple[int, ...], list[float]]:
    """Greedy tokens and log-probabilities without cache, batch or mask."""
    ids, logprobs = list(request.ids), []
    for _ in range(request.max_new):
        scores = model(torch.tensor([ids])).logits[0, -1].log_softmax(-1)
        ids.append(int(scores.argmax()))
        logprobs.append(float(scores[ids[-1]]))
        if ids[-1] in STOPS:
            break
    return tuple(ids[len(request.ids) :]), logprobs


def decode(decoder: BatchDecoder, requests: list[Request]) -> dict[object, Finished]:
    waiting, results = list(requests), {}
    while waiting or decoder.active:
        finished = []
        while waiting and decoder.free:
            done = decoder.admit(waiting.pop(0))
            finished += [done] if done else []
        for done in [*finished, *decoder.step()]:
            results[done.request.key] = done
    return results


def requests(count: int, seed: int = 3) -> list[Request]:
    """Prompts of all lengths, half of them with a common beginning."""
    rng = random.Random(seed)
    common = [rng.randrange(VOCAB) for _ in range(12)]
    made = []
    for key in range(count):
        own = [rng.randrange(VOCAB) for _ in range(rng.randrange(1, 30))]
        prompt = own if key % 2 else common + own
        made.append(Request(ids=prompt, max_new=rng.randrange(1, 40), key=key))
    return made


@pytest.mark.parametrize("build", [_qwen, _llama])
def test_batched_equals_one_by_one(build) -> None:
    model = build()
    asked = requests(24)
    results = decode(BatchDecoder(model, slots=5, context=512, stop_ids=STOPS), asked)
    reasons = set()
    for request in asked:
        ids, logprobs = alone(model, request)
        assert results[request.key].ids == ids
        assert results[request.key].logprobs == pytest.approx(logprobs, abs=1e-4)
        assert results[request.key].reason == ("stop" if ids[-1] in STOPS else "length")
        reasons.add(results[request.key].reason)
    assert reasons == {"stop", "length"}


def test_a_growing_conversation_computes_only_its_new_part(qwen) -> None:
    decoder = BatchDecoder(qwen, slots=3, context=512, stop_ids=STOPS)
    ids = list(range(20, 60))
    for turn in range(3):
        before = decoder.prefilled
        request = Request(ids=ids, max_new=9, key=turn)
        done = decode(decoder, [request])[turn]
        assert done.ids == alone(qwen, request)[0]
        if turn:
            # The last sampled token never went through the model; 5 tokens are new.
            assert decoder.prefilled - before == 6
        ids = [*ids, *done.ids, 1, 2, 3, 4, 5]


def test_a_common_beginning_is_copied_from_a_running_row(qwen) -> None:
    decoder = BatchDecoder(qwen, slots=2, context=512, stop_ids=STOPS)
    common = list(range(30, 80))
    first, second = (Request(ids=[*common, own], max_new=12, key=own) for own in (3, 4))
    results = decode(decoder, [first, second])
    assert decoder.prefilled == len(common) + 2
    assert [results[r.key].ids for r in (first, second)] == [
        alone(qwen, r)[0] for r in (first, second)
    ]


def test_long_prompts_are_read_in_chunks(qwen, monkeypatch) -> None:
    monkeypatch.setattr("deepcoder.chat_models.decoding._CHUNK", 16)
    request = Request(ids=[i % VOCAB for i in range(70)], max_new=5)
    done = decode(BatchDecoder(qwen, slots=1, context=512, stop_ids=STOPS), [request])[None]
    assert done.ids == alone(qwen, request)[0]


def test_seeds_repeat_and_do_not_depend_on_neighbours(qwen) -> None:
    def sampled(seed: int, key: int, top_p: float = 0.9) -> Request:
        return Request(ids=[1, 2, 3], max_new=20, temperature=1.0, top_p=top_p, seed=seed, key=key)

    crowd = decode(
        BatchDecoder(qwen, slots=4, context=512, stop_ids=STOPS),
        [sampled(5, 0), *requests(6)[1:], sampled(5, 10), sampled(6, 11)],
    )
    alone_ = decode(BatchDecoder(qwen, slots=1, context=512, stop_ids=STOPS), [sampled(5, 0)])[0]
    assert crowd[0].ids == crowd[10].ids == alone_.ids
    assert crowd[11].ids != crowd[0].ids


def test_abandoned_rows_leave_the_others_alone(qwen) -> None:
    asked = [Request(ids=[k + 1, 5], max_new=15, key=k) for k in range(3)]
    decoder = BatchDecoder(qwen, slots=3, context=512, stop_ids=STOPS)
    for request in asked:
        decoder.admit(request)
    decoder.step()
    decoder.abandon(0)
    results = decode(decoder, [])
    assert set(results) == {1, 2}
    assert all(results[k].ids == alone(qwen, asked[k])[0] for k in (1, 2))


@pytest.mark.parametrize(
    ("request_", "match"),
    [
        (Request(ids=[], max_new=3), "needs a prompt"),
        (Request(ids=[1], max_new=0), "at least one token"),
        (Request(ids=[1] * 10, max_new=7), "exceed the context"),
    ],
)
def test_impossible_requests_are_refused(qwen, request_, match) -> None:
    with pytest.raises(ValueError, match=match):
        BatchDecoder(qwen, slots=1, context=16).admit(request_)


# ------------------------------------------------------------------------------------ sampling


def _draws(request: Request, logits: list[float], count: int = 4000) -> list[float]:
    rng = random.Random(0)
    tokens, _ = pick(torch.tensor([logits] * count), [request] * count, [rng] * count)
    return [tokens.count(token) / count for token in range(len(logits))]


def test_sampling_follows_the_distribution() -> None:
    probabilities = [0.5, 0.3, 0.15, 0.05]
    logits = [math.log(p) for p in probabilities]
    plain = _draws(Request(ids=[1], max_new=1, temperature=1.0), logits)
    assert plain == pytest.approx(probabilities, abs=0.03)
    # Temperature 0.5 squares the probabilities.
    total = sum(p * p for p in probabilities)
    cold = _draws(Request(ids=[1], max_new=1, temperature=0.5), logits)
    assert cold == pytest.approx([p * p / total for p in probabilities], abs=0.03)
    # The smallest set that reaches 0.7 is the first two.
    nucleus = _draws(Request(ids=[1], max_new=1, temperature=1.0, top_p=0.7), logits)
    assert nucleus == pytest.approx([0.625, 0.375, 0, 0], abs=0.03)


def test_top_p_looks_at_the_whole_vocabulary_when_it_is_flat() -> None:
    size = 5000
    request = Request(ids=[1], max_new=1, temperature=1.0, top_p=0.999)
    rng = random.Random(0)
    tokens, logprobs = pick(torch.zeros(50, size), [request] * 50, [rng] * 50)
    assert max(tokens) > 3000
    assert logprobs[0] == pytest.approx(-math.log(size), rel=1e-5)


def test_logprobs_are_those_of_the_model_not_of_the_sampler() -> None:
    request = Request(ids=[1], max_new=1, temperature=0.2, top_p=0.5)
    tokens, logprobs = pick(torch.tensor([[0.0, math.log(3)]]), [request], [random.Random(0)])
    assert tokens == [1]
    assert logprobs[0] == pytest.approx(math.log(0.75))
