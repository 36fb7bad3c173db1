"""How far the mean of vectors has moved, in the directions in which it seldom does."""

import numpy as np
from scipy.special import fdtrc

from detectors.columns import Floats
from detectors.vectors.sums import VectorMoments


def hotelling(reference: VectorMoments, current: VectorMoments, /) -> float:
    """Hotelling's T²: the squared shift of the mean, measured by the pooled covariance.

    From 0 up, with the rows; the square of Student's t for one dimension. NaN where a side is
    empty, where both together have fewer than k + 2 vectors, or where a direction does not vary.
    Source: Hotelling (1931).
    """
    n, m, k = reference.n, current.n, len(reference.mean)
    if min(n, m) == 0 or n + m < k + 2 or k == 0:
        return np.nan
    pooled = _scatter(reference) + _scatter(current)
    scale = np.sqrt(np.diag(pooled))
    if not (scale > 0).all():
        return np.nan
    shift = (current.mean - reference.mean) / scale
    correlation = pooled / np.outer(scale, scale)
    if np.linalg.cond(correlation) > 1 / np.finfo(np.float64).eps:
        return np.nan
    distance = shift @ np.linalg.solve(correlation, shift)
    return float(distance * (n + m - 2) * n * m / (n + m))


def hotelling_p_value(statistic: float, /, *, n: int, m: int, k: int) -> float:
    """Chance of a T² at least as large for n and m normal vectors of one law: Fisher's F.

    k: dimensions. NaN where the statistic is. Normality matters little from some hundred rows on.
    """
    freedom = n + m - k - 1
    if freedom < 1 or k < 1:
        return np.nan
    return float(fdtrc(k, freedom, statistic * freedom / (k * (n + m - 2))))


def _scatter(moments: VectorMoments) -> Floats:
    """(k, k) sum of squares about the mean."""
    if moments.n < 2:
        return np.zeros((len(moments.mean), len(moments.mean)))
    return moments.covariance * (moments.n - 1)
