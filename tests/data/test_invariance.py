"""The gradient of an optimizer step does not depend on how the step is cut, packed or padded.

All on the random two-layer Qwen2 (grouped heads, rotary positions) in float32.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

import numpy as np
import pytest
import torch
from training_toys import toy_config, toy_rows

from deepcoder.data import Examples, collate
from deepcoder.data.planner import MicroBatch
from deepcoder.losses import SpanLoss, denominators
from deepcoder.losses.kinds import kind_table
from deepcoder.students import attach_lora, load_base
from deepcoder.students.attention import use_document_attention
from deepcoder.students.batch import TokenBatch, head_of, supervised_hidden

ROWS = [row for row in toy_rows(11, seed=3) if row["split"] == "train"][:8]
EXAMPLES = Examples.of([(row["id"], row["input_ids"], row["kinds"]) for row in ROWS])
CFG = toy_config("runs", "loss.act_weight=1.5", "+loss.kind_weights={act.arguments: 2.0}")
SUPERVISED = kind_table(CFG.loss).numpy() > 0
DENOMINATORS = denominators(EXAMPLES.target_counts().sum(0), CFG.loss)
ALL = tuple(range(8))


@functools.cache
def student():
    lora = CFG.student.lora
    lora.dropout = 0.0
    model = attach_lora(load_base(CFG.student, CFG.paths.cache), lora, seed=1)
    use_document_attention(model.get_base_model())
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():  # B starts at zero, which would make the gradient of A zero
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.1, generator=generator)
    return model


def batch(*rows: tuple[int, ...], left: bool = False) -> TokenBatch:
    return collate(EXAMPLES, MicroBatch(rows), SUPERVISED, DENOMINATORS, left=left)


def gradient(batches: Iterable[TokenBatch]) -> torch.Tensor:
    model = student()
    model.zero_grad()
    loss = SpanLoss(CFG.loss, "hard")
    for part in batches:
        weight, bias = head_of(model.get_base_model())
        hidden = supervised_hidden(model.get_base_model(), part)
        out = loss(hidden, weight, part.targets, part.kinds, part.denominators, None, bias)
        out.loss.backward()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


@functools.cache
def reference() -> torch.Tensor:
    """One at a time, alone in its row: no packing, no padding, no neighbour."""
    found = gradient(batch((i,)) for i in ALL)
    assert found.norm() > 0.1
    return found


def same(found: torch.Tensor) -> bool:
    return bool((found - reference()).norm() <= 1e-5 * reference().norm())


def singles(*indices: int) -> tuple[tuple[int, ...], ...]:
    return tuple((i,) for i in indices)


CUTS = {
    "packed in one row": [batch(ALL)],
    "packed in two rows": [batch(ALL[:3], ALL[3:])],
    "another order": [batch((5, 2, 7, 0, 1, 6, 4, 3))],
    "one padded batch of 8": [batch(*singles(*ALL))],
    "padded on the left": [batch(*singles(*ALL), left=True)],
    "accumulation 4 x 2": [batch(*singles(i, i + 1)) for i in range(0, 8, 2)],
    "accumulation of packed rows": [batch(ALL[:5]), batch(ALL[5:])],
    "with an empty micro-batch": [batch(ALL), batch()],
}


@pytest.mark.parametrize("name", CUTS)
def test_gradient_is_the_same_however_the_step_is_cut(name):
    assert same(gradient(CUTS[name]))


def test_gradient_checkpointing_changes_nothing():
    base = student().get_base_model()
    base.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    base.enable_input_require_grads()
    try:
        assert same(gradient([batch(ALL[:5]), batch(ALL[5:])]))
    finally:
        base.gradient_checkpointing_disable()


def test_the_comparison_can_fail():
    """Denominators per micro-batch, the common mistake, give another gradient."""
    parts = []
    for piece in (ALL[:2], ALL[2:]):
        counts = EXAMPLES.target_counts()[list(piece)].sum(0)
        local = {k: 2 * v for k, v in denominators(counts, CFG.loss).items()}
        parts.append(collate(EXAMPLES, MicroBatch((piece,)), SUPERVISED, local))
    assert not same(gradient(parts))


def hidden_of(part: TokenBatch, number: int) -> torch.Tensor:
    """Hidden states of the supervised rows of the document at place `number` of row 0."""
    with torch.no_grad():
        hidden = supervised_hidden(student().get_base_model(), part)
    start, end = part.documents[0][number]
    return hidden[(part.rows >= start) & (part.rows < end)]


def test_a_packed_neighbour_changes_nothing():
    before = hidden_of(batch((0, 1, 2)), 1)
    other = EXAMPLES.input_ids.copy()
    for neighbour in (0, 2):
        span = slice(EXAMPLES.offsets[neighbour], EXAMPLES.offsets[neighbour + 1])
        other[span] = np.random.default_rng(9).integers(20, 300, len(other[span]))
    changed = Examples(EXAMPLES.ids, other, EXAMPLES.kinds, EXAMPLES.offsets)
    part = collate(changed, MicroBatch(((0, 1, 2),)), SUPERVISED, DENOMINATORS)
    assert torch.equal(hidden_of(part, 1), before)
    assert not torch.equal(hidden_of(part, 0), hidden_of(batch((0, 1, 2)), 0))


def test_agrees_with_plain_attention_of_transformers():
    """The same hidden states as the model's own attention on each sequence alone."""
    part = batch((0, 1, 2))
    plain = load_base(CFG.student, CFG.paths.cache)
    adapted = student().get_base_model()
    adapted.set_attn_implementation("eager")
    try:
        for number in range(3):
            ids = torch.from_numpy(EXAMPLES[number][0])[None]
            with torch.no_grad():
                alone = adapted.get_decoder()(input_ids=ids).last_hidden_state[0]
            start, end = part.documents[0][number]
            rows = part.rows[(part.rows >= start) & (part.rows < end)] - start
            adapted.set_attn_implementation("deepcoder_documents")
            assert torch.allclose(hidden_of(part, number), alone[rows], atol=1e-5)
            adapted.set_attn_implementation("eager")
    finally:
        use_document_attention(adapted)
    assert plain.config.num_key_value_heads < plain.config.num_attention_heads
