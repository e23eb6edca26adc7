"""Hand-worked numbers and identities of the divergence kernels."""

from __future__ import annotations

import math

import pytest
import torch
from losses.cases import EVERY

from deepcoder.errors import ConfigError
from deepcoder.losses import Divergence, DivergenceName
from deepcoder.losses.divergences import log_softmax_

LN2 = math.log(2)


def evaluate(
    name: str, p: list[float], q: list[float], **parameters: float
) -> tuple[float, list[float]]:
    kernel = Divergence(DivergenceName(name), **parameters)
    logs = [torch.tensor([x], dtype=torch.float64).log().clamp_(min=-1e30) for x in (p, q)]
    value, gradient = kernel(*logs)
    return value.item(), gradient[0].tolist()


@pytest.mark.parametrize(
    ("name", "p", "q", "value", "gradient"),
    [
        # KL((1/2,1/2)‖(1/4,3/4)) = ½ ln 2 + ½ ln(2/3); the gradient is q - p
        ("forward_kl", [0.5, 0.5], [0.25, 0.75], 0.5 * math.log(4 / 3), [-0.25, 0.25]),
        # KL((1/2,1/2)‖(1/4,3/4)) read backwards; q (ln q/p - D)
        (
            "reverse_kl",
            [0.25, 0.75],
            [0.5, 0.5],
            0.5 * math.log(4 / 3),
            [0.25 * math.log(3), -0.25 * math.log(3)],
        ),
        # (p - q)(ln p - ln q) = ¼ ln 2 + ¼ ln(3/2) = ¼ ln 3
        ("jeffreys", [0.5, 0.5], [0.25, 0.75], 0.25 * math.log(3), None),
        ("total_variation", [0.5, 0.5], [0.25, 0.75], 0.25, [-0.1875, 0.1875]),
        # disjoint distributions are as far apart as JSD allows
        ("jsd", [1.0, 0.0], [0.0, 1.0], LN2, [0.0, 0.0]),
        # p = (1,0), q = (½,½), mixture with share ½ of p: (¾,¼); KL(p‖m) = ln 4/3
        ("skewed_forward_kl", [1.0, 0.0], [0.5, 0.5], math.log(4 / 3), None),
    ],
)
def test_values_worked_by_hand(
    name: str, p: list[float], q: list[float], value: float, gradient: list[float] | None
) -> None:
    got, got_gradient = evaluate(name, p, q, alpha=0.5)
    assert got == pytest.approx(value, abs=1e-15)
    if gradient is not None:
        assert got_gradient == pytest.approx(gradient, abs=1e-15)


def test_adaptive_kl_weighs_forward_kl_by_the_gap_on_the_head() -> None:
    # The head of (0.6, 0.3, 0.1) is its first entry. Gaps 0.2, 0.1, 0.1: the head has half.
    p, q = [0.6, 0.3, 0.1], [0.4, 0.4, 0.2]
    forward, reverse = evaluate("forward_kl", p, q), evaluate("reverse_kl", p, q)
    value, gradient = evaluate("adaptive_kl", p, q)
    assert value == pytest.approx((forward[0] + reverse[0]) / 2)
    assert gradient == pytest.approx(
        [(f + r) / 2 for f, r in zip(forward[1], reverse[1], strict=True)]
    )


def test_adaptive_kl_finds_a_head_longer_than_its_first_look() -> None:
    n = 1000  # 500 equal tokens make up half of the mass, the first look is at 64
    q = torch.linspace(1, 2, n, dtype=torch.float64)
    p = torch.full((n,), 1 / n, dtype=torch.float64)
    p[:10] += 1e-5  # a head that is not simply everything
    args = [(x / x.sum()).log()[None] for x in (p, q)]
    value, _ = Divergence(DivergenceName.adaptive_kl)(*[x.clone() for x in args])
    forward, _ = Divergence(DivergenceName.forward_kl)(*[x.clone() for x in args])
    # ties belong to the head, so the head is everything and AKL is forward KL
    assert value.item() == pytest.approx(forward.item(), rel=1e-12)


@pytest.mark.parametrize("name", EVERY)
def test_equal_distributions_cost_nothing_and_pull_nowhere(name: str) -> None:
    logits = 5 * torch.randn(6, 300)
    value, gradient = Divergence(DivergenceName(name))(
        log_softmax_(logits.clone()), log_softmax_(logits.clone())
    )
    assert value.abs().max() <= 2e-7
    assert gradient.abs().max() <= 1e-7


@pytest.mark.parametrize("name", EVERY)
def test_no_divergence_is_negative_and_gradients_sum_to_zero(name: str) -> None:
    g = torch.Generator().manual_seed(3)
    p, q = (6 * torch.randn(40, 200, generator=g) for _ in range(2))
    value, gradient = Divergence(DivergenceName(name))(log_softmax_(p), log_softmax_(q))
    assert (value >= 0).all()
    assert gradient.sum(-1).abs().max() <= 1e-5


def test_kl_keeps_its_digits_where_student_and_teacher_nearly_agree() -> None:
    g = torch.Generator().manual_seed(0)
    z = 3 * torch.randn(20, 5000, generator=g)
    t = z + 1e-2 * torch.randn(20, 5000, generator=g)
    exact = (
        t.double().softmax(-1) * (t.double().log_softmax(-1) - z.double().log_softmax(-1))
    ).sum(-1)
    plain = (t.softmax(-1) * (t.log_softmax(-1) - z.log_softmax(-1))).sum(-1)
    ours, _ = Divergence(DivergenceName.forward_kl)(
        log_softmax_(t.clone()), log_softmax_(z.clone())
    )
    error = ((ours.double() - exact) / exact).abs().max()
    assert error < 2e-3
    assert error < 0.25 * ((plain.double() - exact) / exact).abs().max()


@pytest.mark.parametrize(
    ("name", "infinite"),
    [
        ("forward_kl", True),
        ("reverse_kl", False),
        ("jeffreys", True),
        ("jsd", False),
        ("skewed_forward_kl", False),
        ("skewed_reverse_kl", False),
        ("total_variation", False),
    ],
)
def test_a_token_impossible_for_the_student_is_infinite_only_where_the_formula_says_so(
    name: str, infinite: bool
) -> None:
    value, gradient = evaluate(name, [0.5, 0.25, 0.25, 0.0], [0.0, 0.5, 0.5, 0.0])
    assert math.isinf(value) == infinite
    assert not math.isnan(value)
    if not infinite:
        assert all(math.isfinite(x) for x in gradient)
        assert gradient[0] == 0  # nothing can be pulled at minus infinity
        assert gradient[3] == 0


@pytest.mark.parametrize(
    ("name", "infinite"),
    [
        ("forward_kl", False),
        ("reverse_kl", True),
        ("jeffreys", True),
        ("adaptive_kl", True),
        ("jsd", False),
        ("skewed_forward_kl", False),
        ("skewed_reverse_kl", False),
        ("total_variation", False),
    ],
)
def test_a_token_impossible_for_the_teacher_is_infinite_only_where_the_formula_says_so(
    name: str, infinite: bool
) -> None:
    value, gradient = evaluate(name, [0.0, 0.5, 0.5, 0.0], [0.5, 0.25, 0.25, 0.0])
    assert math.isinf(value) == infinite
    assert not math.isnan(value)
    assert Divergence(DivergenceName(name)).needs_full_support == infinite
    if not infinite:
        assert gradient[0] > 0
        assert gradient[3] == 0


@pytest.mark.parametrize(
    ("name", "parameters", "field"),
    [
        ("jsd", {"beta": 0.0}, "beta"),
        ("jsd", {"beta": 1.0}, "beta"),
        ("skewed_forward_kl", {"alpha": 1.0}, "alpha"),
        ("skewed_reverse_kl", {"alpha": -0.1}, "alpha"),
    ],
)
def test_parameters_that_make_a_divergence_vanish_are_refused(
    name: str, parameters: dict[str, float], field: str
) -> None:
    with pytest.raises(ConfigError, match=rf"loss\.{field}"):
        Divergence(DivergenceName(name), **parameters)
