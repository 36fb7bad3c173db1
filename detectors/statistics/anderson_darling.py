"""The squared distance between two distribution functions, each place by its own precision."""

import numpy as np
from numpy.typing import ArrayLike

from detectors.columns import Floats
from detectors.statistics.effective_size import effective_size
from detectors.statistics.limit_laws import LimitLaw, smirnov_law
from detectors.statistics.shares import shares


def anderson_darling(reference: ArrayLike, current: ArrayLike, /) -> Floats:
    """Anderson-Darling A² of two stacks of counts in the order of the values, ties by midranks.

    (..., bins) and (..., bins) -> (...), from 0 up, 1 on average without drift; it grows with the
    rows. What SciPy's `anderson_ksamp` returns is (A² − 1)/σ. Tails weigh as much as the
    middle, so a bin counts its values as tied and no bound on that holds at the outermost ones.
    A row of counts that sums to zero is NaN. Source: Scholz and Stephens (1987), equation 7.
    """
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    pooled, _, precision = _middles(a + b)
    step = shares(b) - shares(a)
    middle = np.cumsum(step, axis=-1) - step / 2
    mean: Floats = (pooled * middle**2 * precision).sum(axis=-1)
    n = (a + b).sum(axis=-1)
    size = effective_size(a.sum(axis=-1), b.sum(axis=-1))
    statistic: Floats = size * mean * (1 - 1 / np.maximum(n, 1))
    return statistic


def anderson_darling_variance(reference: ArrayLike, current: ArrayLike, /) -> Floats:
    """Variance of A² without drift, given which values are tied, for many rows.

    (..., bins) and (..., bins) -> (...): 2 for two bins, towards 2(π² − 9)/3 = 0.58 for very
    many; 0 for one, where there is nothing to compare. NaN where a side has no counts.
    """
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    pooled, below, precision = _middles(a + b)
    # Two places have covariance B(1 − B'), B the lower: a product, so sums are cumulative.
    lower = pooled * precision * below**2
    upper = pooled * precision * (1 - below) ** 2
    pairs = ((np.cumsum(lower, axis=-1) - lower) * upper).sum(axis=-1)
    itself = (pooled * (precision > 0)) ** 2
    known = (a.sum(axis=-1) > 0) & (b.sum(axis=-1) > 0)
    return np.where(known, 2 * itself.sum(axis=-1) + 4 * pairs, np.nan)


def anderson_darling_p_value(statistic: ArrayLike, /, *, variance: ArrayLike) -> Floats:
    """Chance of an A² at least this large without drift: its limit law, given the variance of
    `anderson_darling_variance`, so that ties are accounted for.

    1 where there is nothing to compare (no variance), NaN where an argument is.
    """
    return _LAW.matched_tail(statistic, mean=1.0, variance=variance)


def _middles(pooled: Floats) -> tuple[Floats, Floats, Floats]:
    """Of pooled counts: each bin's share, the mean rank in it, and the reciprocal of the variance
    that a difference of distribution functions has there; 0 for a bin that holds everything.
    """
    n = np.maximum(pooled.sum(axis=-1, keepdims=True), 1)
    ends = np.cumsum(pooled, axis=-1)
    left, here, right = (ends - pooled) / n, pooled / n, (n - ends) / n
    variance = left * right + here * (left + right) / 4
    precision = np.divide(1.0, variance, out=np.zeros_like(variance), where=variance > 0)
    return here, left + here / 2, precision


def _law() -> LimitLaw:
    j = np.arange(1.0, 49.0)
    return smirnov_law(
        j * (j + 1),
        lambda u: np.cos(np.pi / 2 * np.sqrt(1 + 4 * u)) / (np.pi * u),
        mean=1.0,
        variance=2 * (np.pi**2 - 9) / 3,
        lowest=0.05,
    )


_LAW = _law()
