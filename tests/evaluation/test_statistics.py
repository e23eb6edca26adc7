"""Estimators against hand-worked numbers, closed forms and enumeration."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepcoder.evaluation.statistics import (
    bootstrap,
    mcnemar,
    paired_bootstrap,
    pass_at_k,
    ratio_bootstrap,
)


@pytest.mark.parametrize(
    ("n", "c", "k", "expected"),
    [
        (1, 1, 1, 1.0),
        (1, 0, 1, 0.0),
        (5, 2, 1, 0.4),
        (5, 2, 2, 0.7),  # 1 - C(3,2)/C(5,2) = 1 - 3/10
        (5, 2, 4, 1.0),
        (200, 3, 100, 1 - math.comb(197, 100) / math.comb(200, 100)),
    ],
)
def test_pass_at_k_by_hand(n, c, k, expected) -> None:
    assert pass_at_k(n, c, k) == pytest.approx(expected, rel=1e-12)


@given(st.integers(1, 7).flatmap(lambda n: st.tuples(*(st.integers(0, n),) * 2, st.just(n))))
def test_pass_at_k_is_the_share_of_subsets_with_a_pass(counts) -> None:
    c, k, n = counts
    if k == 0:
        return
    outcomes = [1] * c + [0] * (n - c)
    subsets = list(itertools.combinations(outcomes, k))
    assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))


@pytest.mark.parametrize(("n", "c", "k"), [(3, 1, 4), (3, 1, 0), (3, 4, 1), (3, -1, 1)])
def test_impossible_counts_are_refused(n, c, k) -> None:
    with pytest.raises(ValueError, match=r"needs at least|cannot have passed"):
        pass_at_k(n, c, k)


def test_bootstrap_interval_is_that_of_the_binomial() -> None:
    """The mean of resampled 0/1 values is binomial(n, p)/n, whose quantiles can be summed up."""
    n, solved = 40, 12
    estimate = bootstrap([1.0] * solved + [0.0] * (n - solved), resamples=40_000, seed=1)
    p = solved / n
    mass = [math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(n + 1)]
    cumulative = np.cumsum(mass)
    low = int(np.searchsorted(cumulative, 0.025)) / n
    high = int(np.searchsorted(cumulative, 0.975)) / n
    assert estimate.mean == p
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=1e-9)
    assert estimate.n == n


def test_bootstrap_is_repeatable_and_wider_with_more_confidence() -> None:
    values = np.random.default_rng(0).random(30)
    first, second = bootstrap(values, seed=3), bootstrap(values, seed=3)
    assert first == second
    assert first != bootstrap(values, seed=4)
    wide = bootstrap(values, seed=3, confidence=0.99)
    assert wide.low < first.low < first.mean < first.high < wide.high


def test_pairs_remove_what_both_share() -> None:
    """Problems differ wildly, the gain is 0.1 everywhere: the paired interval has no width."""
    before = np.linspace(0, 0.9, 20)
    difference = paired_bootstrap(before + 0.1, before)
    assert difference.mean == pytest.approx(0.1)
    assert difference.high - difference.low == pytest.approx(0, abs=1e-12)
    assert bootstrap(before).high - bootstrap(before).low > 0.1


def test_pairs_need_the_same_problems() -> None:
    with pytest.raises(ValueError, match="same problems"):
        paired_bootstrap([1, 0], [1])


def test_ratio_is_of_sums_not_a_mean_of_ratios() -> None:
    estimate = ratio_bootstrap([1, 0, 9], [1, 0, 99])
    assert estimate is not None
    assert estimate.mean == pytest.approx(0.1)
    assert estimate.low <= 0.1 <= estimate.high
    assert ratio_bootstrap([0, 0], [0, 0]) is None


@pytest.mark.parametrize(
    ("gained", "lost", "p"),
    [
        (0, 0, 1.0),
        (5, 0, 2 / 32),  # five heads, both sides
        (3, 1, 2 * (1 + 4) / 16),
        (4, 4, 1.0),
        (10, 2, 2 * (1 + 12 + 66) / 4096),
    ],
)
def test_mcnemar_by_hand(gained, lost, p) -> None:
    assert mcnemar(gained, lost) == pytest.approx(p)
    assert mcnemar(lost, gained) == pytest.approx(p)


def test_no_problems_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one problem"):
        bootstrap([])
