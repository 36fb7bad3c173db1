"""The largest change of any one share."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc

from detectors.columns import Floats
from detectors.statistics.shares import shares


def chebyshev(reference: ArrayLike, current: ArrayLike, /) -> Floats:
    """L∞ (Chebyshev) distance of two stacks of counts, max |q − p|, between 0 and 1.

    (..., bins) and (..., bins) -> (...). A row of counts that sums to zero is NaN.
    """
    distance: Floats = np.abs(shares(current) - shares(reference)).max(axis=-1, initial=0.0)
    return distance


def chebyshev_p_value(
    distance: ArrayLike, /, *, reference: ArrayLike, current: ArrayLike
) -> Floats:
    """Chance of a distance at least this large between samples like these without drift.

    reference, current: (..., bins) counts, of which only their sum and both totals matter. Each
    bin's chance is that of its hypergeometric law, taken for the binomial law of the same mean
    and variance. Bins are joined as if independent, each to the power of what the others hold,
    which is exact for two bins. NaN where the distance is, or a side has no counts.
    """
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    n_a, n_b = a.sum(axis=-1, keepdims=True), b.sum(axis=-1, keepdims=True)
    pooled, n = a + b, np.maximum(n_a + n_b, 1)
    mean = pooled * n_b / n
    # Rounding must not push a distance that was reached beyond itself.
    away = np.asarray(distance, dtype=np.float64)[..., None] * (n_a * n_b / n) * (1 - 1e-12)
    chance = np.clip(_two_tails(mean, (n_a / n) * (n - pooled) / np.maximum(n - 1, 1), away), 0, 1)
    none = ((1 - pooled / n) * np.log1p(-np.minimum(chance, 1 - 1e-16))).sum(axis=-1)
    known = ((n_a > 0) & (n_b > 0))[..., 0] & ~np.isnan(away[..., 0])
    return np.where(known, -np.expm1(none), np.nan)


def _two_tails(mean: Floats, thinning: Floats, away: Floats) -> Floats:
    """Chance that a count of this mean, and variance mean · thinning, is so far from its mean."""
    p = np.clip(1 - thinning, 1e-12, 1.0)
    size = mean / p
    above, below = np.ceil(mean + away), np.floor(mean - away)
    upper = betainc(np.maximum(above, 1e-300), np.maximum(size - above + 1, 1e-300), p)
    lower = betainc(np.maximum(size - below, 1e-300), np.maximum(below + 1, 1e-300), 1 - p)
    return np.where(above <= size, upper, 0.0) + np.where(below >= 0, lower, 0.0)
