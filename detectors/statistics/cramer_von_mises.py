"""The squared distance between two distribution functions, averaged over the values."""

import numpy as np
from numpy.typing import ArrayLike

from detectors.columns import Floats
from detectors.statistics.effective_size import effective_size
from detectors.statistics.limit_laws import LimitLaw, smirnov_law
from detectors.statistics.shares import shares


def cramer_von_mises(reference: ArrayLike, current: ArrayLike, /) -> Floats:
    """Cramér-von Mises criterion T of two stacks of counts in the order of the values.

    (..., bins) and (..., bins) -> (...), from 0 up; it grows with the rows. Where values are tied
    the squared distance is averaged over before and after them, which agrees with midranks for
    samples of one size, and stays 0 for equal shares of samples of any size (midranks do not).
    √(T/n), n = n₁n₂/(n₁ + n₂), differs from that of the raw values by at most the largest share
    that a bin with several distinct values holds. A row of counts that sums to zero is NaN.
    Source: Anderson (1962).
    """
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    after = np.cumsum(shares(b) - shares(a), axis=-1) ** 2
    before = np.concatenate([np.zeros_like(after[..., :1]), after[..., :-1]], axis=-1)
    mean: Floats = (shares(a + b) * (before + after) / 2).sum(axis=-1)
    return effective_size(a.sum(axis=-1), b.sum(axis=-1)) * mean


def cramer_von_mises_moments(reference: ArrayLike, current: ArrayLike, /) -> tuple[Floats, Floats]:
    """Mean and variance of the criterion without drift, given which values are tied.

    (..., bins) and (..., bins) -> (...) and (...). The mean is exact under permutation; the
    variance is that of many rows, with Anderson's factor for few. NaN where a side has no counts.
    """
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    pooled = shares(a + b)
    below = np.cumsum(pooled, axis=-1)[..., :-1]
    weights = (pooled[..., :-1] + pooled[..., 1:]) / 2
    # D at two places has covariance H(1 − H'), H the lower: a product, so sums are cumulative.
    lower, upper = weights * below**2, weights * (1 - below) ** 2
    pairs = ((2 * np.cumsum(lower, axis=-1) - lower) * upper).sum(axis=-1)
    n, size = (a + b).sum(axis=-1), effective_size(a.sum(axis=-1), b.sum(axis=-1))
    few = (1 + 1 / np.maximum(n, 1)) * (1 + 1 / np.maximum(n, 1) - 0.75 / size)
    mean = (weights * below * (1 - below)).sum(axis=-1) * n / np.maximum(n - 1, 1)
    return np.where(np.isnan(size), np.nan, mean), 2 * pairs * few


def cramer_von_mises_p_value(
    statistic: ArrayLike, /, *, mean: ArrayLike, variance: ArrayLike
) -> Floats:
    """Chance of a criterion at least this large without drift: its limit law, given the mean and
    variance of `cramer_von_mises_moments`, so that ties are accounted for.

    1 where there is nothing to compare (no variance), NaN where an argument is.
    """
    return _LAW.matched_tail(statistic, mean=mean, variance=variance)


def _law() -> LimitLaw:
    poles = (np.pi * np.arange(1.0, 49.0)) ** 2
    return smirnov_law(
        poles, lambda u: np.sin(np.sqrt(u)) / np.sqrt(u), mean=1 / 6, variance=1 / 45, lowest=0.005
    )


_LAW = _law()
