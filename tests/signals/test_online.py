"""A white-box teacher: the right rows, the right vocabulary, no gradient."""

from __future__ import annotations

import pytest
import torch
from training_toys import toy_config, toy_rows
from transformers import Qwen2ForCausalLM

from deepcoder.data import Examples, collate
from deepcoder.data.planner import MicroBatch
from deepcoder.errors import ConfigError, MissingError
from deepcoder.losses import SpanLoss, denominators
from deepcoder.losses.kinds import kind_table
from deepcoder.signals import HardSignal, load_signal
from deepcoder.students import load_base, load_tokenizer
from deepcoder.students.attention import use_document_attention
from deepcoder.students.batch import head_of, supervised_hidden
from deepcoder.types import KINDS


@pytest.fixture
def cfg(teacher_folder):
    return toy_config(
        "runs", "teacher=local", f"teacher.model={teacher_folder}", "teacher.dtype=float32"
    )


@pytest.fixture
def batch(cfg):
    rows = toy_rows(5, seed=1)[:3]
    examples = Examples.of([(row["id"], row["input_ids"], row["kinds"]) for row in rows])
    divisors = denominators(examples.target_counts().sum(0), cfg.loss)
    supervised = kind_table(cfg.loss).numpy() > 0
    return collate(examples, MicroBatch(((0, 1, 2),)), supervised, divisors)


def test_hard_signal_adds_nothing(cfg, batch):
    signal = load_signal("hard", cfg.teacher, None)
    assert isinstance(signal, HardSignal)
    assert signal.to(torch.device("cpu"))(batch) is None


def test_rows_are_those_of_each_document_alone(cfg, batch):
    signal = load_signal("online", cfg.teacher, load_tokenizer(cfg.student, cfg.paths.cache))
    rows = signal(batch)
    assert rows.head_weight.shape == (49152, 32)
    assert not rows.hidden.requires_grad
    plain = Qwen2ForCausalLM.from_pretrained(cfg.teacher.model)
    for start, end in batch.documents[0]:
        alone = plain.model(input_ids=batch.input_ids[:, start:end]).last_hidden_state[0]
        here = (batch.rows >= start) & (batch.rows < end)
        assert torch.allclose(rows.hidden[here], alone[batch.rows[here] - start], atol=1e-5)


def test_loss_equals_the_divergence_over_the_shared_vocabulary(cfg, batch):
    """Against logits of both models, written out, on the tokens that exist."""
    tokenizer = load_tokenizer(cfg.student, cfg.paths.cache)
    signal = load_signal("online", cfg.teacher, tokenizer)
    student = load_base(cfg.student, cfg.paths.cache)
    use_document_attention(student)
    hidden = supervised_hidden(student, batch).detach()
    weight, bias = head_of(student)
    rows = signal(batch)
    loss = SpanLoss(cfg.loss, "online")
    out = loss(hidden, weight, batch.targets, batch.kinds, batch.denominators, rows, bias)
    q = (hidden @ weight.detach().T).log_softmax(-1)
    p = (rows.hidden @ signal.model.lm_head.weight.T)[:, :49152].log_softmax(-1)
    divergence = (p.exp() * (p - q)).sum(-1)
    expected = torch.tensor(0.0)
    for group, divisor in batch.denominators.items():
        inside = torch.tensor([KINDS[k].group == group for k in batch.kinds.tolist()])
        expected += divergence[inside].sum() / divisor
    assert out.loss.item() == pytest.approx(expected.item(), rel=1e-4)


def test_absent_teacher_is_missing(cfg):
    cfg.teacher.model = "someone/absent-teacher"
    with pytest.raises(MissingError, match="teacher's model cannot be loaded"):
        load_signal("online", cfg.teacher, None)


def test_unknown_signal_is_a_config_error(cfg):
    with pytest.raises(ConfigError, match="psychic"):
        load_signal("psychic", cfg.teacher, None)
