"""Mistakes found in other distillation libraries, each shown not to be ours.

docs/losses.md says which library had which.
"""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from losses.cases import EVERY, Case
from torch import Tensor

from deepcoder.config import LossConfig
from deepcoder.losses import (
    HardRows,
    SpanLoss,
    TeacherRows,
    denominators,
    linear_distillation_loss,
)
from deepcoder.types import SpanKind, WeightGroup


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("wider", ["teacher", "student"])
def test_a_wider_head_is_sliced_not_padded_with_zeros(name: str, wider: str) -> None:
    """Zeros appended to logits are tokens with real probability: exp(0) beside the others."""
    case = Case(name=name, bias=True)
    same = case.ours()
    head, bias = ("teacher_head", "teacher_bias") if wider == "teacher" else ("head", "head_bias")
    # four more tokens that would win every softmax if they were let in
    more = 10 * torch.ones(4, getattr(case, head).shape[1])
    setattr(case, head, torch.cat([getattr(case, head), more]))
    setattr(case, bias, torch.cat([getattr(case, bias), torch.full((4,), 50.0)]))
    for mine, other in zip(case.ours(), same, strict=True):
        torch.testing.assert_close(mine, other)


def test_a_trained_wider_head_gets_zero_gradient_for_tokens_that_are_not_shared() -> None:
    case = Case()
    head = torch.cat([case.head, torch.randn(3, case.width)]).requires_grad_()
    teacher = TeacherRows(case.teacher_hidden, case.teacher_head)
    linear_distillation_loss(
        case.hidden, head, teacher, case.weights, targets=case.targets
    ).loss.backward()
    assert head.grad is not None
    assert head.grad.shape == head.shape
    assert not head.grad[-3:].any()
    assert head.grad[:-3].any()


@pytest.mark.parametrize("signal", ["hard", "online", "tail"])
def test_a_chunk_without_supervised_tokens_is_no_division_by_zero(signal: str) -> None:
    case = Case(signal=signal, rows=9, chunk=3)
    case.weights[3:6] = 0.0  # exactly the second chunk
    value, grad = case.ours()
    assert value.isfinite()
    assert grad.isfinite().all()
    assert not grad[3:6].any()


@pytest.mark.parametrize("signal", ["online", "tail", "sampled"])
@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_the_gradient_has_the_squared_temperature_that_the_value_has(
    signal: str, temperature: float
) -> None:
    """A step along the gradient changes the value by what the gradient promises."""
    case = Case(signal=signal, dtype=torch.float64, cost={"temperature": temperature})
    state = case.generator.get_state()
    value, grad = case.ours()
    step = 1e-6 * grad / grad.norm()
    case.hidden = case.hidden + step
    case.generator.set_state(state)
    moved, _ = case.ours()
    assert ((moved - value) / (step * grad).sum()).item() == pytest.approx(1.0, rel=1e-4)


@pytest.mark.parametrize("signal", ["online", "tail"])
def test_forward_kl_includes_the_entropy_of_the_teacher(signal: str) -> None:
    """Cross-entropy alone has the same gradient, but is not 0 for a student that is right."""
    case = Case(signal=signal, k=5)
    case.teacher_hidden, case.teacher_head = case.hidden, case.head
    value, _ = case.ours()
    assert value.abs() <= 1e-6
    p = (case.hidden @ case.head.T).softmax(-1)
    assert (-(p * p.log()).sum(-1)).min() > 0.1  # what would be left without it


def test_means_are_over_supervised_tokens_not_over_all() -> None:
    kinds = torch.full((10,), SpanKind.PROMPT.code, dtype=torch.uint8)
    kinds[4], kinds[7] = SpanKind.REASON.code, SpanKind.ACT_ANSWER.code
    cfg, case = LossConfig(normaliser="token_mean"), Case(signal="hard", rows=10)
    step = denominators(torch.bincount(kinds.long(), minlength=8), cfg)
    out = SpanLoss(cfg, "hard")(case.hidden, case.head, case.targets, kinds, step)
    nll = F.cross_entropy(case.hidden @ case.head.T, case.targets, reduction="none")
    torch.testing.assert_close(out.loss, (nll[4] + nll[7]) / 2)


@pytest.mark.parametrize("normaliser", ["group_mean", "token_mean", "sum"])
@pytest.mark.parametrize("cuts", [[12], [1, 11], [5, 0, 7], [3, 3, 3, 3]])
def test_accumulating_micro_batches_gives_the_loss_of_the_whole_step(
    normaliser: str, cuts: list[int]
) -> None:
    """Not off by the number of micro-batches, nor by how unevenly tokens fall into them."""
    cfg, case = LossConfig(normaliser=normaliser), Case(signal="online", rows=12)
    g = torch.Generator().manual_seed(1)
    kinds = torch.randint(2, 8, (12,), generator=g).to(torch.uint8)
    step = denominators(torch.bincount(kinds.long(), minlength=8), cfg)
    loss = SpanLoss(cfg, "online")

    def total(sizes: list[int]) -> tuple[float, Tensor]:
        hidden, value, start = case.hidden.clone().requires_grad_(), 0.0, 0
        for size in sizes:
            part = slice(start, start + size)
            teacher = TeacherRows(case.teacher_hidden[part], case.teacher_head)
            out = loss(hidden[part], case.head, case.targets[part], kinds[part], step, teacher)
            out.loss.backward()
            value, start = value + out.loss.item(), start + size
        assert hidden.grad is not None
        return value, hidden.grad

    value, grad = total(cuts)
    want, want_grad = total([12])
    assert value == pytest.approx(want, rel=1e-6)
    torch.testing.assert_close(grad, want_grad)


def test_earlier_turns_carry_loss_like_the_last() -> None:
    """Every supervised row contributes; none is dropped for its place in the conversation."""
    case = Case(signal="hard", rows=6)
    kinds = torch.full((6,), SpanKind.ACT_ARGUMENTS.code, dtype=torch.uint8)
    hidden = case.hidden.clone().requires_grad_()
    step = {WeightGroup.REASON: 1.0, WeightGroup.ACT: 6.0}
    out = SpanLoss(LossConfig(), "hard")(hidden, case.head, case.targets, kinds, step)
    out.loss.backward()
    assert hidden.grad is not None
    assert hidden.grad.any(-1).all()


def test_hard_rows_ignore_what_a_teacher_would_have_said() -> None:
    case = Case(signal="hard")
    out = linear_distillation_loss(
        case.hidden, case.head, HardRows(), case.weights, targets=case.targets
    )
    nll = F.cross_entropy(case.hidden @ case.head.T, case.targets, reduction="none")
    torch.testing.assert_close(out.loss, (case.weights * nll).sum())
