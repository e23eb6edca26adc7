"""SpanLoss against the float64 reference, and the identities that people rely on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from losses import reference

from deepcoder.config import LossConfig
from deepcoder.errors import ConfigError
from deepcoder.losses import SpanLoss, TeacherRows, denominators, shuffle_kinds
from deepcoder.types import KINDS, SpanKind, WeightGroup

ROWS, WIDTH, VOCAB = 23, 8, 31


def batch(seed: int = 0) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return {
        "hidden": torch.randn(ROWS, WIDTH, generator=g),
        "head": torch.randn(VOCAB, WIDTH, generator=g),
        "teacher_hidden": torch.randn(ROWS, WIDTH + 3, generator=g),
        "teacher_head": torch.randn(VOCAB, WIDTH + 3, generator=g),
        "targets": torch.randint(VOCAB, (ROWS,), generator=g),
        "kinds": torch.randint(2, len(KINDS), (ROWS,), generator=g).to(torch.uint8),
    }


def counts(kinds: torch.Tensor) -> torch.Tensor:
    return torch.bincount(kinds.long(), minlength=len(KINDS))


def run(b: dict[str, torch.Tensor], signal: str, **settings: Any) -> tuple[Any, torch.Tensor]:
    cfg = LossConfig(**settings)
    hidden = b["hidden"].clone().requires_grad_()
    teacher = TeacherRows(b["teacher_hidden"], b["teacher_head"]) if signal == "online" else None
    out = SpanLoss(cfg, signal)(
        hidden, b["head"], b["targets"], b["kinds"], denominators(counts(b["kinds"]), cfg), teacher
    )
    out.loss.backward()
    assert hidden.grad is not None
    return out, hidden.grad


def expected(
    b: dict[str, torch.Tensor], signal: str, **settings: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    hidden = b["hidden"].double().requires_grad_()
    teacher = b["teacher_hidden"].double() @ b["teacher_head"].double().T
    value = reference.span_loss(
        hidden @ b["head"].double().T,
        b["targets"],
        b["kinds"],
        teacher=teacher if signal == "online" else None,
        **settings,
    )
    value.backward()
    assert hidden.grad is not None
    return value.detach(), hidden.grad


@pytest.mark.parametrize("normaliser", ["group_mean", "token_mean", "sum"])
@pytest.mark.parametrize(
    ("signal", "settings"),
    [
        ("hard", {}),
        ("hard", {"reason_weight": 0.0}),
        ("hard", {"kind_weights": {"act.name": 3.0, "format.act": 0.0}}),
        ("online", {}),
        ("online", {"temperature": 2.5}),
        ("online", {"ce_mix": 0.3, "temperature": 0.7, "act_weight": 2.0}),
    ],
)
def test_value_and_gradient_are_those_of_the_reference(
    normaliser: str, signal: str, settings: dict[str, Any]
) -> None:
    settings = {**settings, "normaliser": normaliser}
    out, grad = run(batch(), signal, **settings)
    value, want = expected(batch(), signal, **settings)
    torch.testing.assert_close(out.loss.double(), value, rtol=2e-6, atol=0)
    assert (grad - want).norm() <= 2e-6 * want.norm()


def test_cutting_a_step_into_micro_batches_changes_nothing() -> None:
    b, cfg = batch(), LossConfig()
    step = denominators(counts(b["kinds"]), cfg)
    whole, whole_grad = run(b, "hard")
    hidden, loss = b["hidden"].clone().requires_grad_(), SpanLoss(cfg, "hard")
    sums, value = None, 0.0
    for rows in (slice(0, 4), slice(4, 5), slice(5, None)):
        out = loss(hidden[rows], b["head"], b["targets"][rows], b["kinds"][rows], step)
        out.loss.backward()
        value += out.loss.item()
        sums = out.sums if sums is None else sums + out.sums
    assert sums is not None
    assert value == pytest.approx(whole.loss.item(), rel=1e-6)
    torch.testing.assert_close(hidden.grad, whole_grad)
    torch.testing.assert_close(sums.stacked(), whole.sums.stacked())


def test_long_reasoning_does_not_drown_a_single_action_token() -> None:
    b = batch()
    b["kinds"] = torch.full((ROWS,), SpanKind.REASON.code, dtype=torch.uint8)
    b["kinds"][-1] = SpanKind.ACT_NAME.code
    _, grad = run(b, "hard", reason_weight=0.0)
    _, both = run(b, "hard")
    torch.testing.assert_close(both[-1], grad[-1])


def test_statistics_are_per_kind_and_rebuild_the_loss() -> None:
    b = batch()
    settings = {"reason_weight": 0.5, "kind_weights": {"act.name": 2.0}}
    out, _ = run(b, "online", **settings)
    logits = b["hidden"].double() @ b["head"].double().T
    nll = -logits.log_softmax(-1)[torch.arange(ROWS), b["targets"]]
    for kind in KINDS:
        mine = b["kinds"] == kind.code
        assert out.sums.tokens[kind.code] == mine.sum()
        assert float(out.sums.nll[kind.code]) == pytest.approx(float(nll[mine].sum()), rel=1e-5)
        hits = (logits.argmax(-1) == b["targets"])[mine].sum()
        assert out.sums.correct[kind.code] == hits
    divisor = denominators(counts(b["kinds"]), LossConfig(**settings))
    rebuilt = sum(out.sums.group(g)["weighted"] / divisor[g] for g in divisor)
    assert rebuilt == pytest.approx(out.loss.item(), rel=1e-6)


@pytest.mark.parametrize("signal", ["hard", "online"])
@pytest.mark.parametrize("empty", ["rows", "kinds"])
def test_nothing_supervised_is_exactly_zero_with_a_zero_gradient(signal: str, empty: str) -> None:
    b = batch()
    if empty == "rows":
        for key in ("hidden", "teacher_hidden", "targets", "kinds"):
            b[key] = b[key][:0]
    else:
        b["kinds"][:] = SpanKind.PROMPT.code
    out, grad = run(b, signal)
    assert out.loss.item() == 0
    assert not grad.any()


def test_denominators_count_supervised_tokens_of_the_step() -> None:
    given = {"prompt": 50, "reason": 6, "format.reason": 2, "act.name": 1, "act.answer": 3}
    per_group = denominators(given, LossConfig())
    assert per_group == {WeightGroup.REASON: 8, WeightGroup.ACT: 4}
    every = denominators(given, LossConfig(normaliser="token_mean"))
    assert every == {WeightGroup.REASON: 12, WeightGroup.ACT: 12}
    assert set(denominators(given, LossConfig(normaliser="sum")).values()) == {1.0}
    only_act = LossConfig(reason_weight=0.0, normaliser="token_mean")
    assert denominators(given, only_act)[WeightGroup.ACT] == 4
    array = np.array([given.get(str(kind), 0) for kind in KINDS])
    assert denominators(array, LossConfig()) == per_group


@pytest.mark.parametrize(
    "weights", [{"prompt": 1.0}, {"act": 1.0}, {"reason": -1.0}, {"reason": float("nan")}]
)
def test_a_weight_that_means_nothing_is_refused_by_name(weights: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(weights))):
        SpanLoss(LossConfig(kind_weights=weights), "hard")


def test_shuffled_kinds_keep_their_counts_and_leave_the_prompt_alone() -> None:
    g = np.random.default_rng(1)
    kinds = g.integers(0, len(KINDS), 400).astype(np.uint8)
    shuffled = shuffle_kinds(kinds, np.random.default_rng(3))
    fixed = np.isin(kinds, [SpanKind.PROMPT.code, SpanKind.OBSERVATION.code])
    assert (shuffled[fixed] == kinds[fixed]).all()
    assert (np.bincount(shuffled) == np.bincount(kinds)).all()
    assert (shuffled != kinds).any()
    assert (shuffle_kinds(kinds, np.random.default_rng(3)) == shuffled).all()
