"""Teachers that know only a part: some tokens, some targets, stretches instead of tokens."""

from __future__ import annotations

import pytest
import torch
from losses.cases import EVERY, Case
from losses.reference import divergence
from torch import Tensor

from deepcoder.config import compose
from deepcoder.errors import ConfigError
from deepcoder.losses import (
    ChunkRows,
    Divergence,
    DivergenceName,
    HardRows,
    Objective,
    SpanLoss,
    SparseRows,
    SparseScheme,
    TeacherRows,
    linear_distillation_loss,
)
from deepcoder.losses.chunks import chunk_loss
from deepcoder.types import SpanKind, WeightGroup

ONES = {WeightGroup.REASON: 1.0, WeightGroup.ACT: 1.0}


def everything(log_p: Tensor) -> SparseRows:
    """All V tokens of a dense teacher, in order of likelihood."""
    values, ids = log_p.topk(log_p.shape[1], dim=-1)
    nothing = torch.full(log_p.shape[:1], -torch.inf, dtype=log_p.dtype)
    return SparseRows(ids, values, SparseScheme.tail, log_tail=nothing)


def run(
    case: Case, signal: TeacherRows | SparseRows, objective: Objective
) -> tuple[Tensor, Tensor]:
    hidden = case.hidden.clone().requires_grad_()
    out = linear_distillation_loss(
        hidden, case.head, signal, case.weights, targets=case.targets, objective=objective
    )
    out.loss.backward()
    assert hidden.grad is not None
    return out.values, hidden.grad


@pytest.mark.parametrize("name", ["confidence", "entropy"])
def test_a_cache_that_stores_it_can_weight_by_what_the_teacher_thinks(name: str) -> None:
    case = Case(dtype=torch.float64)
    log_p = case.teacher_logits.log_softmax(-1)
    objective = Objective(**{name: 1.5})
    dense = run(case, TeacherRows(case.teacher_hidden, case.teacher_head), objective)
    stored = everything(log_p)
    with pytest.raises(ConfigError, match=f"loss.{name}"):
        run(case, stored, objective)
    target = log_p.gather(1, case.targets[:, None]).squeeze(1)
    nats = -(log_p.exp() * log_p).sum(-1)
    rich = SparseRows(
        stored.ids,
        stored.log_probs,
        stored.scheme,
        log_tail=stored.log_tail,
        entropy=nats,
        log_target=target,
    )
    for mine, want in zip(run(case, rich, objective), dense, strict=True):
        torch.testing.assert_close(mine, want)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("sparse", [False, True])
def test_a_token_that_only_one_knows_is_in_neither_distribution(name: str, sparse: bool) -> None:
    """As if both vocabularies did not have it."""
    case = Case(dtype=torch.float64, vocab=11)
    away = torch.tensor([2, 7])
    kept = torch.tensor([i for i in range(9) if i not in (2, 7)])  # and the head is sliced to 9
    case.targets = kept[case.targets % len(kept)]
    mask = torch.zeros(9, dtype=torch.float64).index_fill_(0, away, -torch.inf)
    objective = Objective(Divergence(DivergenceName(name)), ce_mix=0.3, temperature=2.0)
    z = case.teacher_logits[:, :9] + mask
    signal: TeacherRows | SparseRows
    if sparse:
        values, ids = (z / 2).log_softmax(-1).topk(len(kept), dim=-1)
        nothing = torch.full((case.rows,), -torch.inf, dtype=torch.float64)
        signal = SparseRows(
            ids, values, SparseScheme.tail, log_tail=nothing, width=9, mask=mask.float()
        )
    else:
        signal = TeacherRows(case.teacher_hidden, case.teacher_head[:9], mask=mask.float())
    mine = run(case, signal, objective)
    place = {int(token): i for i, token in enumerate(kept)}
    small = Case(dtype=torch.float64, vocab=11)
    small.head, small.weights = case.head[kept], case.weights
    small.targets = torch.tensor([place[int(t)] for t in case.targets])
    want = run(small, TeacherRows(case.teacher_hidden, case.teacher_head[kept]), objective)
    for a, b in zip(mine, want, strict=True):
        torch.testing.assert_close(a, b)


def test_smoothing_over_tokens_that_the_teacher_does_not_know_is_refused() -> None:
    case = Case()
    signal = TeacherRows(case.teacher_hidden, case.teacher_head, mask=torch.zeros(case.vocab))
    with pytest.raises(ConfigError, match="label_smoothing"):
        run(case, signal, Objective(label_smoothing=0.1))


@pytest.mark.parametrize("name", EVERY)
def test_sorted_compares_sizes_and_not_tokens(name: str) -> None:
    case = Case(dtype=torch.float64, name=name)
    log_p = case.teacher_logits.log_softmax(-1)
    values = log_p.topk(case.k, dim=-1).values
    tail = (1 - values.exp().sum(-1)).log()
    shuffled = torch.zeros_like(values, dtype=torch.long)  # ids are not read
    signal = SparseRows(shuffled, values, SparseScheme.sorted, log_tail=tail)
    hidden = case.hidden.clone().requires_grad_()
    mine, grad = run(case, signal, case.objective())
    q = (hidden @ case.head.T).softmax(-1)
    top = q.topk(case.k, dim=-1).values
    outcomes = torch.cat([top, 1 - top.sum(-1, keepdim=True)], dim=-1)
    p = torch.cat([values.exp(), tail.exp()[:, None]], dim=-1)
    want = divergence(name, p, outcomes)
    (case.weights * want).sum().backward()
    torch.testing.assert_close(mine, want.detach())
    torch.testing.assert_close(grad, hidden.grad)


# -------------------------------------------------------------------------- stretches


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_stretches_are_compared_by_their_whole_likelihood(name: str, temperature: float) -> None:
    case = Case(dtype=torch.float64, rows=7, name=name)
    chunks = torch.tensor([0, 0, -1, 1, 2, 2, 2])
    log_p = torch.tensor([-3.0, -0.4, -2.0], dtype=torch.float64)
    objective = Objective(Divergence(DivergenceName(name)), temperature=temperature, ce_mix=0.25)
    hidden = case.hidden.clone().requires_grad_()
    out = chunk_loss(
        hidden,
        case.head,
        ChunkRows(chunks, log_p),
        case.weights,
        targets=case.targets,
        objective=objective,
    )
    out.loss.backward()
    other = case.hidden.clone().requires_grad_()
    nll = -(other @ case.head.T).log_softmax(-1).gather(1, case.targets[:, None]).squeeze(1)
    want = other.sum() * 0.0
    for number in range(3):
        inside = chunks == number
        p = (log_p[number] / temperature).exp()
        q = (-nll[inside].sum() / temperature).exp()
        pair = divergence(name, torch.stack([p, 1 - p])[None], torch.stack([q, 1 - q])[None])
        each = 0.75 * temperature**2 * pair[0] / inside.sum() + 0.25 * nll[inside]
        want = want + (case.weights[inside] * each).sum()
    want.backward()
    torch.testing.assert_close(out.loss, want)
    torch.testing.assert_close(hidden.grad, other.grad)


def test_settings_of_single_tokens_are_refused_for_stretches() -> None:
    case = Case()
    signal = ChunkRows(torch.zeros(case.rows, dtype=torch.long), torch.tensor([-1.0]))
    with pytest.raises(ConfigError, match="focal"):
        chunk_loss(
            case.hidden,
            case.head,
            signal,
            case.weights,
            targets=case.targets,
            objective=Objective(focal=2.0),
        )


@pytest.mark.parametrize("form", ["online", "tail", "chunks"])
def test_cross_entropy_stands_in_where_the_teacher_does_not_know_the_target(form: str) -> None:
    case = Case(rows=6)
    cfg = compose("train", ["loss.normaliser=sum", "loss.reason_weight=0.5"]).loss
    reason, act = SpanKind.REASON.code, SpanKind.ACT_ARGUMENTS.code
    kinds = torch.tensor([reason, act, reason, act, act, reason], dtype=torch.uint8)
    weights = torch.where(kinds == reason, 0.5, 1.0)
    lost = torch.tensor([True, False, False, True, False, False])
    log_p = case.teacher_logits.log_softmax(-1)
    signal: TeacherRows | SparseRows | ChunkRows
    if form == "online":
        signal = TeacherRows(case.teacher_hidden, case.teacher_head, unknown=lost)
    elif form == "tail":
        whole = everything(log_p.float())
        signal = SparseRows(
            whole.ids, whole.log_probs, whole.scheme, log_tail=whole.log_tail, unknown=lost
        )
    else:
        signal = ChunkRows(torch.tensor([-1, 0, 1, -1, 2, 3]), torch.tensor([-1.0, -2, -0.1, -3]))
    hidden = case.hidden.clone().requires_grad_()
    loss = SpanLoss(cfg, "online" if form == "online" else "cached")
    out = loss(hidden, case.head, case.targets, kinds, ONES, signal)
    out.loss.backward()
    known = (~lost).float()
    parts = []
    for share, source in ((known, signal), (1 - known, HardRows())):
        other = case.hidden.clone().requires_grad_()
        if isinstance(source, ChunkRows):
            part = chunk_loss(
                other,
                case.head,
                source,
                weights * share,
                targets=case.targets,
                objective=Objective(),
            )
        else:
            part = linear_distillation_loss(
                other, case.head, source, weights * share, targets=case.targets
            )
        part.loss.backward()
        parts.append((part.loss.detach(), other.grad))
    torch.testing.assert_close(out.loss.detach(), parts[0][0] + parts[1][0])
    torch.testing.assert_close(hidden.grad, parts[0][1] + parts[1][1])
    assert out.sums.tokens.sum() == 6
