"""Estimators and intervals: numpy in, numbers out. Knows nothing of models or problems.

The unit of chance is the problem: intervals come from resampling problems with their samples, never
single samples, because samples of one problem are alike. Pairs (student and teacher on the same
problems) are resampled together, which removes the difficulty of the problems from the difference.

Values are one number per problem, or [seeds, problems] for a method that was trained with several
seeds. Then seeds and problems are resampled both and independently (the pigeonhole bootstrap, Owen
2007, arXiv 0712.1111): a seed that was lucky on all problems widens the interval, which pooling
seeds x problems as if they were so many problems would hide. It errs on the wide side.

    pass_at_k(n=5, c=2, k=1)                                  # 0.4
    interval = bootstrap([0.4, 1.0, 0.0], seed=0)             # of the mean
    paired_bootstrap(after, before, seed=0).mean              # mean difference
    ratio_bootstrap(student, teacher, seed=0).mean            # the student's share of its teacher

Alternative to percentile intervals: BCa, which needs a jackknife and gains little above 30
problems; below that no interval is worth much.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

__all__ = ["Estimate", "bootstrap", "mcnemar", "paired_bootstrap", "pass_at_k", "ratio_bootstrap"]

Values = Sequence[float] | Sequence[Sequence[float]] | Float[ndarray, "*seeds problems"]


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
    """Mean over problems (and seeds), with the percentile interval over resamples.

    Raises ValueError without values.
    """
    array = _array(values)
    drawn = _resampled(array, resamples, seed, arm=0)
    return _estimate(float(array.mean()), drawn, confidence, array.shape[1])


def paired_bootstrap(
    after: Values,
    before: Values,
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Mean of `after` - `before` over the same problems, resampled together.

    Seeds of the two are different trainings: they are resampled apart. Raises ValueError when the
    problems differ in number.
    """
    a, b = _pair(after, before)
    drawn = _resampled(a, resamples, seed, arm=0) - _resampled(b, resamples, seed, arm=1)
    return _estimate(float(a.mean() - b.mean()), drawn, confidence, a.shape[1])


def ratio_bootstrap(
    numerators: Values,
    denominators: Values,
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
    same_seeds: bool = True,
) -> Estimate | None:
    """Ratio of means over problems, resampled together; None when the denominator is 0.

    Either of two counts of one model (tool errors per tool call: their seeds are the same ones), or
    of two models (`same_seeds=False`: student over teacher). Resamples whose denominator is 0 are
    left out of the interval.
    """
    a, b = _pair(numerators, denominators)
    if b.sum() == 0:
        return None
    above = _resampled(a, resamples, seed, arm=0)
    below = _resampled(b, resamples, seed, arm=0 if same_seeds else 1)
    ratios = above[below > 0] / below[below > 0]
    return _estimate(float(a.mean() / b.mean()), ratios, confidence, a.shape[1])


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


def _array(values: Values) -> Float[ndarray, "seeds problems"]:
    array = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if array.ndim != 2 or not array.size:
        raise ValueError("an estimate needs at least one problem")
    return array


def _pair(a: Values, b: Values) -> tuple[ndarray, ndarray]:
    one, other = _array(a), _array(b)
    if one.shape[1] != other.shape[1]:
        raise ValueError(
            f"pairs need the same problems: {one.shape[1]} after, {other.shape[1]} before"
        )
    return one, other


def _resampled(array: ndarray, resamples: int, seed: int, arm: int) -> Float[ndarray, " resamples"]:
    """Means of the resampled values. Problems are drawn alike for every figure of one seed, so
    that figures compare; seeds apart for each `arm` of a pair."""
    problems = _shares(array.shape[1], resamples, (seed,))
    if len(array) == 1:
        return problems @ array[0]
    seeds = _shares(len(array), resamples, (seed, 1 + arm))
    return np.einsum("rs,sp,rp->r", seeds, array, problems, optimize=True)


@functools.lru_cache(maxsize=32)
def _shares(units: int, resamples: int, entropy: tuple[int, ...]) -> ndarray:
    """[resamples, units]: how often each unit was drawn with replacement, over the draws."""
    drawn = np.random.default_rng(entropy).integers(0, units, size=(resamples, units))
    drawn += np.arange(resamples)[:, None] * units
    counts = np.bincount(drawn.ravel(), minlength=resamples * units)
    return counts.reshape(resamples, units) / units


def _estimate(mean: float, resampled: ndarray, confidence: float, n: int) -> Estimate:
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return Estimate(mean, float(low), float(high), n)
