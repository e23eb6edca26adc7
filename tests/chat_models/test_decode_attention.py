"""One token's attention against the definition, and decoding in bfloat16 with and without it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from transformers import Qwen2Config, Qwen2ForCausalLM

from deepcoder.chat_models import decoding
from deepcoder.chat_models.decode_attention import applies, attend
from deepcoder.chat_models.decoding import BatchDecoder, Request


@pytest.mark.parametrize(("heads", "kv_heads"), [(6, 2), (3, 3), (4, 1)])
@pytest.mark.parametrize("spare", [0, 7])
def test_it_is_about_as_near_to_the_definition_as_torchs_own(heads, kv_heads, spare) -> None:
    torch.manual_seed(0)
    rows, keys, size = 5, 40, 16
    query = torch.randn(rows, heads, 1, size).bfloat16()
    key = torch.randn(rows, kv_heads, keys, size).bfloat16()
    pool = torch.randn(rows, kv_heads, keys + spare, size).bfloat16()
    value = pool[:, :, :keys]
    lengths = torch.tensor([1, 7, 20, 39, 40])
    seen = (torch.arange(keys)[None, :] < lengths[:, None])[:, None, None]

    def reference(dtype):
        tensors = (query.to(dtype), key.to(dtype), value.to(dtype))
        return F.scaled_dot_product_attention(*tensors, attn_mask=seen, scale=0.3, enable_gqa=True)

    exact = reference(torch.float64)

    def error(output):
        return float((output - exact).square().mean().sqrt())

    ours = error(attend(query, key.float(), pool, seen, 0.3))
    assert ours <= 2 * error(reference(torch.bfloat16))
    assert ours < 0.003


def _model(dtype=torch.bfloat16) -> Qwen2ForCausalLM:
    config = Qwen2Config(
        vocab_size=150,
        hidden_size=48,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=6,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=0.2,
    )
    torch.manual_seed(0)
    return Qwen2ForCausalLM(config).to(dtype).eval()


def test_only_the_case_it_is_made_for_is_served() -> None:
    assert applies(_model())
    assert not applies(_model(torch.float32))
    model = _model()
    model.set_attn_implementation("eager")
    assert not applies(model)


def test_conversations_that_grow_and_share_a_cache_come_out_alike(monkeypatch) -> None:
    """Log-probabilities differ by rounding alone, and the model is left as it was."""
    model = _model()
    prompt = list(range(20, 60))

    def run():
        decoder = BatchDecoder(model, slots=3, context=512, stop_ids=())
        found = []
        for turn in range(3):
            ids = prompt + [70 + turn] * 5 * turn
            rows = [Request(ids=[*ids, turn, i], max_new=6, key=i) for i in range(3)]
            done = [f for f in map(decoder.admit, rows) if f]
            while decoder.active:
                done += decoder.step()
            found += sorted(done, key=lambda f: f.request.key)
        return found

    ours = run()
    assert model.config._attn_implementation == "sdpa"
    monkeypatch.setattr(decoding, "applies", lambda model: False)
    for one, other in zip(ours, run(), strict=True):
        same = [a == b for a, b in zip(one.ids, other.ids, strict=True)]
        until = same.index(False) if False in same else len(same)
        assert until >= 1
        assert one.logprobs[:until] == pytest.approx(other.logprobs[:until], abs=0.1)
