"""Estimators and intervals: numpy in, numbers out. Knows nothing of models or problems.

The unit of chance is the problem: intervals come from resampling problems with their samples, never
single samples, because samples of one problem are alike. Pairs (base and student on the same
problems) are resampled together, which removes the difficulty of the problems from the difference.

    pass_at_k(n=5, c=2, k=1)                                  # 0.4
    interval = bootstrap([0.4, 1.0, 0.0], seed=0)              # of the mean
    paired_bootstrap(after, before, seed=0).mean               # mean difference

Alternative to percentile intervals: BCa, which needs a jackknife and gains little above 30
problems; below that no interval is worth much.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

__all__ = ["Estimate", "bootstrap", "mcnemar", "paired_bootstrap", "pass_at_k", "ratio_bootstrap"]

Values = Sequence[float] | Float[ndarray, " problems"]


@dataclass(frozen=True)
class Estimate:
    """A mean over problems with its percentile interval; `n` is the number of problems."""

    mean: float
    low: float
    high: float
    n: int


def pass_at_k(n: int, c: int, k: int) -> float:
    """Unbiased probability that one of `k` samples passes, from `c` of `n` that did.

    1 - C(n-c, k) / C(n, k), as in the HumanEval paper (arXiv 2107.03374). Raises ValueError when
    fewer than `k` samples were drawn or the counts contradict each other.
    """
    if k < 1 or n < k:
        raise ValueError(f"pass@{k} needs at least {max(k, 1)} samples per problem, not {n}")
    if not 0 <= c <= n:
        raise ValueError(f"{c} of {n} samples cannot have passed")
    return 1.0 - math.comb(n - c, k) / math.comb(n, k)


def bootstrap(
    values: Values, *, resamples: int = 2000, confidence: float = 0.95, seed: int = 0
) -> Estimate:
    """Mean of one value per problem, with the percentile interval over resampled problems.

    Raises ValueError without values.
    """
    array = _array(values)
    means = array[_draws(len(array), resamples, seed)].mean(axis=1)
    return _estimate(float(array.mean()), means, confidence, len(array))


def paired_bootstrap(
    after: Values, before: Values, *, resamples: int = 2000, confidence: float = 0.95, seed: int = 0
) -> Estimate:
    """Mean of after - before over the same problems, with the interval over resampled pairs.

    Raises ValueError when the two are not of one length.
    """
    a, b = _array(after), _array(before)
    if len(a) != len(b):
        raise ValueError(f"pairs need the same problems: {len(a)} after, {len(b)} before")
    return bootstrap(a - b, resamples=resamples, confidence=confidence, seed=seed)


def ratio_bootstrap(
    numerators: Values,
    denominators: Values,
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate | None:
    """Ratio of sums over problems, e.g. tool errors per tool call; None when the denominator is 0.

    Resamples without any denominator are left out of the interval.
    """
    a, b = _array(numerators), _array(denominators)
    if len(a) != len(b):
        raise ValueError(f"{len(a)} numerators for {len(b)} denominators")
    if b.sum() == 0:
        return None
    drawn = _draws(len(a), resamples, seed)
    below = b[drawn].sum(axis=1)
    ratios = a[drawn].sum(axis=1)[below > 0] / below[below > 0]
    return _estimate(float(a.sum() / b.sum()), ratios, confidence, len(a))


def mcnemar(gained: int, lost: int) -> float:
    """Exact two-sided p-value for pairs: `gained` solved only after, `lost` only before.

    Under no effect each changed pair is a fair coin, so this is a binomial test; 1 when none
    changed.
    """
    if gained < 0 or lost < 0:
        raise ValueError("counts of pairs cannot be negative")
    changed = gained + lost
    tail = sum(math.comb(changed, i) for i in range(min(gained, lost) + 1)) / 2**changed
    return min(1.0, 2 * tail)


def _array(values: Values) -> Float[ndarray, " problems"]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not len(array):
        raise ValueError("an estimate needs at least one problem")
    return array


def _draws(problems: int, resamples: int, seed: int) -> ndarray:
    """Indices [resamples, problems]: the same for every figure of one seed, so figures compare."""
    return np.random.default_rng(seed).integers(0, problems, size=(resamples, problems))


def _estimate(mean: float, resampled: ndarray, confidence: float, n: int) -> Estimate:
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return Estimate(mean, float(low), float(high), n)
