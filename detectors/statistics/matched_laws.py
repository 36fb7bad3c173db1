"""Upper tails of familiar laws that are given the moments of a statistic without drift.

All: 1 where the variance is 0, for then there was nothing to compare; NaN where an argument is.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaincc, poch

from detectors.columns import Floats


def gamma_tail(statistic: ArrayLike, /, *, mean: ArrayLike, variance: ArrayLike) -> Floats:
    """Of the gamma law, a χ² scaled: what sums of squares nearly follow."""
    x, m, v = (np.asarray(a, dtype=np.float64) for a in (statistic, mean, variance))
    varies = (v > 0) & (m > 0)
    shape = np.divide(m**2, v, out=np.ones(varies.shape), where=varies)
    scaled = np.divide(m, v, out=np.ones(varies.shape), where=varies) * np.maximum(x, 0.0)
    return _where_it_varies(gammaincc(shape, scaled), x, m, v)


def nakagami_tail(statistic: ArrayLike, /, *, mean: ArrayLike, variance: ArrayLike) -> Floats:
    """Of the law whose square is gamma: what sums of magnitudes nearly follow. The half-normal
    law is one of them. Source: Nakagami (1960).
    """
    x, m, v = (np.asarray(a, dtype=np.float64) for a in (statistic, mean, variance))
    varies = (v > 0) & (m > 0)
    square = np.where(varies, m**2 + v, 1.0)
    shape = _nakagami_shape(np.where(varies, m**2 / square, 2 / np.pi))
    return _where_it_varies(gammaincc(shape, shape * x**2 / square), x, m, v)


def shifted_gamma_tail(
    statistic: ArrayLike, /, *, mean: ArrayLike, variance: ArrayLike, third: ArrayLike
) -> Floats:
    """Of the gamma law moved so that the third central moment is matched too. Source: Imhof (1961).

    third: positive where the variance is.
    """
    x, m, v = (np.asarray(a, dtype=np.float64) for a in (statistic, mean, variance))
    third = np.where(v > 0, third, 1.0)
    spread = np.where(v > 0, v, 1.0)
    scale, shape = third / (2 * spread), 4 * spread * (spread / third) ** 2
    return _where_it_varies(gammaincc(shape, np.maximum(shape + (x - m) / scale, 0.0)), x, m, v)


def _nakagami_shape(concentration: Floats) -> Floats:
    """The shape at which (mean)² / mean square is `concentration`, by Newton's method."""
    shape = np.maximum(0.25 / np.maximum(1 - concentration, 1e-12), 0.5)
    for _ in range(6):
        excess = 2 * np.log(poch(shape, 0.5)) - np.log(shape) - np.log(concentration)
        slope = 2 * (digamma(shape + 0.5) - digamma(shape)) - 1 / shape
        shape = np.maximum(shape - excess / slope, 0.05)
    return np.asarray(shape)


def _where_it_varies(tail: Floats, statistic: Floats, mean: Floats, variance: Floats) -> Floats:
    p_value = np.where(variance == 0, 1.0, tail)
    return np.where(np.isnan(statistic + mean + variance), np.nan, p_value)
