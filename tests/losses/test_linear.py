"""The fused loss beyond parity: its limits, its invariances, the modes that it must work under."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from losses.cases import EVERY, SPARSE, Case, assert_close
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

from deepcoder.errors import ConfigError, DataError
from deepcoder.losses import (
    Divergence,
    DivergenceName,
    HardRows,
    LogitMap,
    Objective,
    SparseRows,
    SparseScheme,
    TeacherRows,
    linear_distillation_loss,
)

SIGNALS = ["hard", "online", "tail", "renormalised", "sampled"]


def ones(rows: int) -> Tensor:
    return torch.ones(rows)


# ------------------------------------------------------------------------- limits


@pytest.mark.parametrize("signal", SIGNALS)
def test_no_rows_cost_exactly_zero(signal: str) -> None:
    case = Case(signal=signal, rows=0)
    value, grad = case.ours()
    assert value == 0
    assert grad.shape == (0, case.width)


@pytest.mark.parametrize("signal", SIGNALS)
def test_weights_of_zero_give_exactly_zero_and_no_gradient(signal: str) -> None:
    case = Case(signal=signal)
    case.weights.zero_()
    value, grad = case.ours()
    assert value == 0
    assert not grad.any()


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_single_token_is_a_batch(signal: str) -> None:
    assert_close(Case(signal=signal, rows=1), 1e-6)


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_vocabulary_of_one_token_leaves_nothing_to_learn(signal: str) -> None:
    value, grad = Case(signal=signal, vocab=1, k=1).ours()
    assert value.abs() <= 1e-6
    assert grad.abs().max() <= 1e-6


@pytest.mark.parametrize("name", EVERY)
def test_all_tokens_stored_equal_the_dense_teacher(name: str) -> None:
    sparse = Case(signal="tail", name=name, k=13, dtype=torch.float64)
    dense = replace(sparse, signal="online")
    for mine, other in zip(sparse.ours(), dense.ours(), strict=True):
        torch.testing.assert_close(mine, other, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("name", EVERY)
def test_a_student_equal_to_its_teacher_costs_nothing(name: str) -> None:
    case = Case(name=name, bias=True)
    hidden = case.hidden.clone().requires_grad_()
    twin = TeacherRows(case.hidden, case.head, case.head_bias)
    out = linear_distillation_loss(
        hidden,
        case.head,
        twin,
        ones(case.rows),
        targets=case.targets,
        objective=case.objective(),
        head_bias=case.head_bias,
    )
    out.loss.backward()
    assert hidden.grad is not None
    assert out.loss.abs() <= 1e-6
    assert hidden.grad.abs().max() <= 1e-6


def test_a_token_masked_on_both_sides_is_out_of_the_distribution() -> None:
    case = Case(bias=True)
    assert case.head_bias is not None
    assert case.teacher_bias is not None
    case.targets.clamp_(max=case.vocab - 3)
    case.head_bias[-2:] = case.teacher_bias[-2:] = -torch.inf
    narrow = Case(bias=True)
    narrow.targets.clamp_(max=case.vocab - 3)
    for name in ("head", "head_bias", "teacher_head", "teacher_bias"):
        setattr(narrow, name, getattr(narrow, name)[:-2])
    for mine, other in zip(case.ours(), narrow.ours(), strict=True):
        torch.testing.assert_close(mine, other)


@pytest.mark.parametrize("bad", ["impossible target", "inf", "-inf", "nan"])
def test_a_row_without_a_finite_cost_shows_in_the_value_and_spoils_no_gradient(bad: str) -> None:
    case = Case(signal="hard", rows=4)
    hidden, bias = case.hidden.clone(), torch.zeros(case.vocab)
    case.targets[:] = torch.tensor([0, 1, 2, 3])
    if bad == "impossible target":
        bias[2] = -torch.inf
    else:
        hidden[2] = float(bad)
    hidden.requires_grad_()
    out = linear_distillation_loss(
        hidden, case.head, HardRows(), ones(4), targets=case.targets, head_bias=bias
    )
    out.loss.backward()
    assert hidden.grad is not None
    assert not out.loss.isfinite()
    assert out.values.isfinite().tolist() == [True, True, False, True]
    assert hidden.grad.isfinite().all()
    assert hidden.grad.any(-1).tolist() == [True, True, False, True]


def test_a_bad_row_with_weight_zero_changes_nothing() -> None:
    case = Case(signal="online", rows=4)
    case.teacher_hidden[1] = torch.nan
    case.weights[1] = 0
    value, grad = case.ours()
    assert value.isfinite()
    assert grad.isfinite().all()
    assert not grad[1].any()


# -------------------------------------------------------------------- invariances


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("chunk", [1, 2, 7, 100])
def test_chunks_change_nothing(signal: str, chunk: int) -> None:
    whole = Case(signal=signal, chunk=None, dtype=torch.float64).ours()
    cut = Case(signal=signal, chunk=chunk, dtype=torch.float64).ours()
    for mine, other in zip(cut, whole, strict=True):
        torch.testing.assert_close(mine, other)


@pytest.mark.parametrize("signal", SIGNALS)
def test_visiting_some_rows_equals_weighing_the_others_zero(signal: str) -> None:
    rows = torch.tensor([5, 0, 3])
    case = Case(signal=signal)
    visited = Case(signal=signal).ours(rows=rows)
    weights = torch.zeros_like(case.weights)
    weights[rows] = case.weights[rows]
    case.weights = weights
    for mine, other in zip(visited, case.ours(), strict=True):
        torch.testing.assert_close(mine, other)


def test_statistics_follow_the_rows_that_were_asked_for() -> None:
    case, rows = Case(signal="hard"), torch.tensor([5, 0, 3])
    out = linear_distillation_loss(
        case.hidden, case.head, HardRows(), case.weights, targets=case.targets, rows=rows
    )
    logits = (case.hidden @ case.head.T)[rows]
    nll = torch.nn.functional.cross_entropy(logits, case.targets[rows], reduction="none")
    torch.testing.assert_close(out.nll, nll)
    assert (out.correct == (logits.argmax(-1) == case.targets[rows])).all()
    assert not out.loss.requires_grad


def test_the_gradient_is_scaled_by_what_comes_from_above() -> None:
    case = Case()
    hidden = case.hidden.clone().requires_grad_()
    teacher = TeacherRows(case.teacher_hidden, case.teacher_head)
    out = linear_distillation_loss(
        hidden, case.head, teacher, case.weights, targets=case.targets, chunk_rows=3
    )
    (3 * out.loss + 1).backward()
    assert hidden.grad is not None
    torch.testing.assert_close(hidden.grad, 3 * case.ours()[1])


def test_temperature_squared_is_in_value_and_gradient() -> None:
    """For large T, T²·KL(p_T‖q_T) tends to the variance of the difference of the logits over 2."""
    case = Case(dtype=torch.float64, cost={"temperature": 300.0})
    value, grad = case.ours()
    hidden = case.hidden.clone().requires_grad_()
    difference = hidden @ case.head.T - case.teacher_logits
    limit = (case.weights * difference.var(-1, unbiased=False) / 2).sum()
    limit.backward()
    assert hidden.grad is not None
    torch.testing.assert_close(value, limit.detach(), rtol=0.03, atol=0)
    assert (grad - hidden.grad).norm() <= 0.03 * hidden.grad.norm()


# ---------------------------------------------------------- gradients of everything


@pytest.mark.parametrize(
    ("signal", "name"),
    [("hard", "forward_kl"), ("sampled", "forward_kl")]
    + [("online", name) for name in EVERY if name != "adaptive_kl"]
    + [(scheme, name) for name, scheme in SPARSE if (scheme, name) == ("tail", "jsd")],
)
def test_finite_differences_agree_for_hidden_head_and_bias(signal: str, name: str) -> None:
    case = Case(signal=signal, name=name, rows=3, width=2, vocab=5, k=2, dtype=torch.float64)
    rows: Any = HardRows()
    if signal == "online":
        rows = TeacherRows(case.teacher_hidden, case.teacher_head)
    elif signal != "hard":
        rows = SparseRows(scheme=SparseScheme(signal), **case.sparse())
    objective = Objective(
        Divergence(DivergenceName(name)),
        temperature=1.7,
        ce_mix=0.2,
        label_smoothing=0.1,
        z_loss=0.01,
    )

    def value(hidden: Tensor, head: Tensor, bias: Tensor) -> Tensor:
        return linear_distillation_loss(
            hidden,
            head,
            rows,
            case.weights,
            targets=case.targets,
            objective=objective,
            head_bias=bias,
            logit_map=LogitMap(scale=0.7, softcap=4.0),
            chunk_rows=2,
        ).loss

    inputs = [case.hidden, case.head, torch.randn(5, dtype=torch.float64)]
    assert torch.autograd.gradcheck(value, [x.clone().requires_grad_() for x in inputs])


def test_a_frozen_head_gets_no_gradient_product(monkeypatch: pytest.MonkeyPatch) -> None:
    from deepcoder.losses import linear

    def refuse(*_: object) -> None:
        raise AssertionError("the head is frozen")

    monkeypatch.setattr(linear, "add_weight_gradient", refuse)
    Case(signal="online").ours()
    case = Case(signal="online")
    case.head.requires_grad_()
    with pytest.raises(AssertionError, match="frozen"):
        case.ours()


def test_no_gradient_work_under_no_grad(monkeypatch: pytest.MonkeyPatch) -> None:
    from deepcoder.losses import linear

    def refuse(*_: object) -> None:
        raise AssertionError("nobody asked for a gradient")

    monkeypatch.setattr(linear, "through_head", refuse)
    case = Case(signal="hard")
    hidden = case.hidden.requires_grad_()
    with torch.no_grad():
        out = linear_distillation_loss(
            hidden, case.head, HardRows(), case.weights, targets=case.targets
        )
    assert out.loss > 0


# ------------------------------------------------------------- modes and number formats


class LargestTensor(TorchDispatchMode):
    """Records the most elements that any operation returned."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for x in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(x, Tensor):
                self.elements = max(self.elements, x.numel())
        return out


@pytest.mark.parametrize("signal", SIGNALS)
def test_nothing_is_larger_than_a_chunk_of_logits(signal: str) -> None:
    case = Case(signal=signal, rows=64, vocab=500, width=4, chunk=8)
    sparse = case.sparse() if signal in ("tail", "renormalised", "sampled") else None
    if sparse is not None:
        case.sparse = lambda: sparse  # type: ignore[method-assign]
    with LargestTensor() as seen:
        case.ours()
    assert 8 * 500 <= seen.elements <= max(8 * 500, 500 * 4)


def test_logits_of_bfloat16_operands_keep_float32() -> None:
    g = torch.Generator().manual_seed(0)
    hidden = torch.randn(9, 64, generator=g).bfloat16()
    head = torch.randn(50, 64, generator=g).bfloat16()
    targets = torch.zeros(9, dtype=torch.long)
    out = linear_distillation_loss(hidden, head, HardRows(), ones(9), targets=targets)
    exact = torch.nn.functional.cross_entropy(
        hidden.double() @ head.double().T, targets, reduction="none"
    )
    torch.testing.assert_close(out.nll.double(), exact, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("head_dtype", [torch.float32, torch.bfloat16])
def test_autocast_gives_what_the_model_itself_would_get(head_dtype: torch.dtype) -> None:
    case = Case(signal="hard", rows=11, width=32, vocab=40)
    head = case.head.to(head_dtype)
    hidden = case.hidden.clone().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = linear_distillation_loss(hidden, head, HardRows(), case.weights, targets=case.targets)
    out.loss.backward()
    exact = Case(signal="hard", rows=11, width=32, vocab=40)
    exact.hidden, exact.head = case.hidden.bfloat16(), case.head.bfloat16()
    value, grad = exact.wanted()
    assert hidden.grad is not None
    assert hidden.grad.dtype == torch.float32
    assert out.loss.dtype == torch.float32
    torch.testing.assert_close(out.loss.double(), value, rtol=1e-5, atol=0)
    assert (hidden.grad - grad).norm() <= 1e-2 * grad.norm()


@pytest.mark.parametrize("reentrant", [False, True])
def test_gradient_checkpointing_gives_the_same_gradient(reentrant: bool) -> None:
    case = Case(signal="hard")

    def part(hidden: Tensor) -> Tensor:
        return linear_distillation_loss(
            hidden, case.head, HardRows(), case.weights, targets=case.targets
        ).loss

    hidden = case.hidden.clone().requires_grad_()
    checkpoint(part, hidden, use_reentrant=reentrant).backward()
    assert hidden.grad is not None
    torch.testing.assert_close(hidden.grad, case.ours()[1])


def test_a_compiled_caller_gets_the_same_answer() -> None:
    case = Case(signal="hard")

    @torch.compile(backend="eager")
    def step(hidden: Tensor) -> Tensor:
        loss = linear_distillation_loss(
            hidden * 1.0, case.head, HardRows(), case.weights, targets=case.targets, chunk_rows=3
        ).loss
        return loss * 2

    hidden = case.hidden.clone().requires_grad_()
    value = step(hidden)
    value.backward()
    want, grad = case.ours()
    torch.testing.assert_close(value.detach(), 2 * want)
    torch.testing.assert_close(hidden.grad, 2 * grad)


# --------------------------------------------------------------------- what is refused


def test_a_teacher_of_other_rows_is_refused() -> None:
    case = Case()
    case.teacher_hidden = case.teacher_hidden[:-1]
    with pytest.raises(ValueError, match="6 rows, the student 7"):
        case.ours()


def test_more_stored_tokens_than_the_vocabulary_has_are_refused() -> None:
    case = Case()
    rows = SparseRows(
        torch.zeros(7, 14, dtype=torch.long), torch.zeros(7, 14), SparseScheme.renormalised
    )
    with pytest.raises(ValueError, match="stores 14 tokens a row, the vocabulary has 13"):
        linear_distillation_loss(case.hidden, case.head, rows, case.weights, targets=case.targets)


@pytest.mark.parametrize(
    ("signal", "name", "cost", "match"),
    [
        ("sampled", "jsd", {}, "biased"),
        ("renormalised", "reverse_kl", {}, "infinite"),
        ("hard", "forward_kl", {"entropy": 1.0}, "loss.entropy needs .* use loss.signal=online"),
        ("tail", "forward_kl", {"confidence": 1.0}, "loss.confidence needs .* loss.signal=online"),
    ],
)
def test_what_a_signal_cannot_give_is_refused_with_a_remedy(
    signal: str, name: str, cost: dict[str, float], match: str
) -> None:
    with pytest.raises(ConfigError, match=match):
        Case(signal=signal, name=name, cost=cost).ours()


@pytest.mark.parametrize("target", [-100, 13])
def test_a_target_outside_the_vocabulary_is_named(target: int) -> None:
    case = Case(signal="hard")
    case.targets[2] = target
    with pytest.raises(DataError, match=f"target {target} is none of the 13"):
        case.ours()
    case.ours(rows=torch.tensor([0, 1, 3]))  # not visited, not looked at
