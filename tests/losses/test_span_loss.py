"""SpanLoss against the float64 reference, and the identities that people rely on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from losses import reference

from deepcoder.config import LossConfig
from deepcoder.errors import ConfigError, DataError
from deepcoder.losses import (
    DivergenceName,
    KindSums,
    SpanLoss,
    SparseRows,
    SparseScheme,
    TeacherRows,
    denominators,
    shuffle_kinds,
)
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
        ("online", {"divergence": "jsd", "beta": 0.2, "label_smoothing": 0.1, "ce_mix": 0.5}),
        ("online", {"reason_divergence": "reverse_kl", "focal": 1.0}),
        ("online", {"act_divergence": "total_variation", "reason_weight": 0.0}),
        ("online", {"divergence": "skewed_forward_kl", "alpha": 0.4, "entropy": 2.0}),
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


def test_every_divergence_of_the_configuration_is_there() -> None:
    b = batch()
    values = [run(b, "online", divergence=name)[0].loss.item() for name in DivergenceName]
    assert len(set(values)) == len(values)


def test_stored_tokens_of_a_teacher_are_a_signal_too() -> None:
    b, cfg = batch(), LossConfig()
    p = (b["teacher_hidden"] @ b["teacher_head"].T).log_softmax(-1)
    log_probs, ids = p.topk(VOCAB, dim=-1)
    none_left = torch.full((ROWS,), -torch.inf)
    rows = SparseRows(ids, log_probs, SparseScheme.tail, log_tail=none_left)
    step = denominators(counts(b["kinds"]), cfg)
    out = SpanLoss(cfg, "cached")(b["hidden"], b["head"], b["targets"], b["kinds"], step, rows)
    torch.testing.assert_close(out.loss, run(b, "online")[0].loss.detach())


def test_rows_without_weight_are_skipped_in_training_and_counted_in_validation() -> None:
    b, cfg = batch(), LossConfig(reason_weight=0.0)
    out, grad = run(b, "hard", reason_weight=0.0)
    assert out.sums.group(WeightGroup.REASON)["tokens"] == 0
    reason = torch.tensor([kind.group is WeightGroup.REASON for kind in KINDS])[b["kinds"].long()]
    assert not grad[reason].any()
    with torch.no_grad():
        step = denominators(counts(b["kinds"]), cfg)
        seen = SpanLoss(cfg, "hard")(b["hidden"], b["head"], b["targets"], b["kinds"], step)
    assert seen.sums.group(WeightGroup.REASON)["tokens"] == reason.sum()
    assert seen.sums.group(WeightGroup.REASON)["nll"] > 0
    assert seen.sums.group(WeightGroup.REASON)["weighted"] == 0
    torch.testing.assert_close(seen.loss, out.loss.detach())


@pytest.mark.parametrize("part", ["teacher_hidden", "teacher_head"])
def test_a_teacher_that_overflowed_is_named(part: str) -> None:
    b = batch()
    b[part][3, 1] = torch.nan
    with pytest.raises(DataError, match=r"teacher's .* row 3.*bfloat16"):
        run(b, "online")


def test_a_student_that_diverged_is_not_blamed_on_the_teacher() -> None:
    b = batch()
    b["hidden"][0] = torch.nan
    out, grad = run(b, "online")
    assert out.loss.isnan()
    assert grad.isfinite().all()


@pytest.mark.parametrize(("given", "made_for"), [("online", "hard"), ("none", "online")])
def test_a_signal_of_the_wrong_kind_is_refused(given: str, made_for: str) -> None:
    b, cfg = batch(), LossConfig()
    teacher = TeacherRows(b["teacher_hidden"], b["teacher_head"]) if given == "online" else None
    with pytest.raises(ValueError, match=f"signal={made_for}"):
        SpanLoss(cfg, made_for)(
            b["hidden"],
            b["head"],
            b["targets"],
            b["kinds"],
            dict.fromkeys(WeightGroup, 1.0),
            teacher,
        )


def test_sums_survive_an_all_reduce() -> None:
    sums = run(batch(), "hard")[0].sums
    again = KindSums.from_stacked(sums.stacked())
    torch.testing.assert_close((sums + again).stacked(), 2 * sums.stacked())
    assert not KindSums.zeros().stacked().any()


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"divergence": "jsd", "beta": 0.0}, "beta"),
        ({"temperature": 0.0}, "temperature"),
        ({"focal": -1.0}, "focal"),
        ({"label_smoothing": 1.5}, "label_smoothing"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(settings: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=rf"loss\.{match}"):
        SpanLoss(LossConfig(**settings), "online")


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
