"""What k stored tokens say about a whole distribution: unbiased, a bound, or biased, as defined."""

from __future__ import annotations

import pytest
import torch
from losses.cases import Case
from torch import Tensor

from deepcoder.losses import SparseRows, SparseScheme, TeacherRows, linear_distillation_loss

ROWS, VOCAB, DRAWS = 4, 12, 6


def gradient(case: Case, signal: TeacherRows | SparseRows) -> tuple[Tensor, Tensor]:
    hidden = case.hidden.clone().requires_grad_()
    out = linear_distillation_loss(
        hidden, case.head, signal, torch.ones(len(hidden)), targets=case.targets
    )
    out.loss.backward()
    assert hidden.grad is not None
    return out.values, hidden.grad


def drawn(log_p: Tensor, copies: int, proposal: Tensor | None = None, seed: int = 0) -> SparseRows:
    """`copies` independent caches of the same rows, stacked, with importance weights."""
    g = torch.Generator().manual_seed(seed)
    log_p = log_p.repeat(copies, 1)
    source = log_p if proposal is None else proposal.repeat(copies, 1)
    ids = torch.multinomial(source.exp(), DRAWS, replacement=True, generator=g)
    weights = (log_p - source).gather(1, ids) - torch.tensor(float(DRAWS)).log()
    entropy = -(log_p.exp() * log_p).sum(-1)
    return SparseRows(ids, weights, SparseScheme.sampled, entropy=entropy)


def repeated(case: Case, copies: int) -> Case:
    case.hidden = case.hidden.repeat(copies, 1)
    case.targets = case.targets.repeat(copies)
    return case


@pytest.mark.parametrize("tempered", [False, True])
def test_the_mean_of_sampled_gradients_is_the_dense_gradient(tempered: bool) -> None:
    copies, case = 4000, Case(rows=ROWS, vocab=VOCAB, dtype=torch.float64)
    teacher = TeacherRows(case.teacher_hidden, case.teacher_head)
    values, dense = gradient(case, teacher)
    log_p = case.teacher_logits.log_softmax(-1)
    # a flatter proposal than p itself, corrected by importance weights
    proposal = (log_p / 2).log_softmax(-1) if tempered else None
    estimates, grads = gradient(repeated(case, copies), drawn(log_p, copies, proposal))
    for each, exact in (
        (grads.view(copies, ROWS, -1), dense),
        (estimates.view(copies, ROWS), values),
    ):
        spread = each.std(0) / copies**0.5
        assert ((each.mean(0) - exact).abs() <= 5 * spread + 1e-9).all()
        assert (spread < 0.1 * exact.abs().max()).all()  # the test can tell: it is narrow enough


@pytest.mark.parametrize("scheme", ["tail", "renormalised"])
def test_gradients_of_the_largest_k_are_biased(scheme: str) -> None:
    case = Case(rows=ROWS, vocab=VOCAB, k=3, dtype=torch.float64)
    _, dense = gradient(case, TeacherRows(case.teacher_hidden, case.teacher_head))
    case.signal = scheme
    rows = SparseRows(scheme=SparseScheme(scheme), **case.sparse())
    _, grad = gradient(case, rows)
    assert (grad - dense).norm() > 0.05 * dense.norm()


def test_a_tail_bucket_bounds_the_divergence_from_below_and_tightens_with_k() -> None:
    case = Case(rows=30, vocab=40, dtype=torch.float64)
    dense, _ = gradient(case, TeacherRows(case.teacher_hidden, case.teacher_head))
    last = torch.zeros_like(dense)
    for k in (1, 4, 16, 39):
        case.signal, case.k = "tail", k
        values, _ = gradient(case, SparseRows(scheme=SparseScheme.tail, **case.sparse()))
        assert (values <= dense + 1e-6).all()
        assert (values >= last - 1e-6).all()
        last = values


def test_renormalising_is_a_teacher_that_rules_out_all_other_tokens() -> None:
    case = Case(signal="renormalised", k=4, dtype=torch.float64)
    stored = case.sparse()
    masked = torch.full((case.rows, case.vocab), -torch.inf, dtype=torch.float64)
    masked.scatter_(1, stored["ids"], stored["log_probs"].double())
    q = (case.hidden @ case.head.T).log_softmax(-1)
    p = masked.softmax(-1)
    want = torch.where(p > 0, p * (p.clamp(min=1e-300).log() - q), 0.0).sum(-1)
    values, _ = gradient(case, SparseRows(scheme=SparseScheme.renormalised, **stored))
    torch.testing.assert_close(values, want)


def test_a_tail_far_below_float32_resolution_of_one_keeps_its_digits() -> None:
    """1 - Σ q would be 0 here; the bucket is summed on its own."""
    logits = torch.tensor([[30.0, 29.0, 0.0, -1.0, 1.0]])
    ids = torch.tensor([[0, 1]])
    log_p = torch.tensor([[-0.7, -0.7]])
    log_tail = torch.tensor([-5.0])
    hidden, head = logits.clone().requires_grad_(), torch.eye(5)
    rows = SparseRows(ids, log_p, SparseScheme.tail, log_tail=log_tail)
    out = linear_distillation_loss(
        hidden, head, rows, torch.ones(1), targets=torch.zeros(1, dtype=torch.long)
    )
    out.loss.backward()
    log_q = logits.double().log_softmax(-1)
    q_rest = log_q[0, 2:].logsumexp(-1)
    p = torch.tensor([-0.7, -0.7, -5.0], dtype=torch.float64)
    q = torch.stack([log_q[0, 0], log_q[0, 1], q_rest])
    want = (p.exp() * (p - q)).sum() - p.exp().sum() + 1  # p itself sums to 1.0000 at 4 digits
    assert out.loss.item() == pytest.approx(want.item(), rel=1e-5)
    assert hidden.grad is not None
    inside = hidden.grad[0, 2:].double() / (q_rest.exp() - p[2].exp())
    torch.testing.assert_close(inside, (log_q[0, 2:] - q_rest).exp(), rtol=1e-5, atol=0)


def test_unused_slots_of_a_sampled_row_count_nothing() -> None:
    case = Case(signal="sampled", rows=3)
    parts = case.sparse()
    padded = {
        **parts,
        "ids": torch.nn.functional.pad(parts["ids"], (0, 3)),
        "log_probs": torch.nn.functional.pad(parts["log_probs"], (0, 3), value=-torch.inf),
    }
    for mine, other in zip(
        gradient(case, SparseRows(scheme=SparseScheme.sampled, **padded)),
        gradient(case, SparseRows(scheme=SparseScheme.sampled, **parts)),
        strict=True,
    ):
        torch.testing.assert_close(mine, other)


def test_a_tail_that_was_not_stored_is_missed() -> None:
    with pytest.raises(ValueError, match="log_tail"):
        SparseRows(torch.zeros(2, 3, dtype=torch.long), torch.zeros(2, 3), SparseScheme.tail)
