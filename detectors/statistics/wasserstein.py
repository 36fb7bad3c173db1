"""The work of carrying one distribution over into another."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from detectors.columns import Floats
from detectors.statistics.permuted import bridge
from detectors.statistics.shares import shares


def wasserstein(reference: ArrayLike, current: ArrayLike, /, *, positions: ArrayLike) -> Floats:
    """First Wasserstein distance, in the unit of `positions`: the area between the two
    distribution functions.

    (..., bins) and (..., bins) -> (...). positions: (bins,) or (..., bins), finite and
    ascending, where each bin's mass is taken to lie. A row of counts that sums to zero is NaN.
    """
    difference = np.cumsum(shares(current), axis=-1) - np.cumsum(shares(reference), axis=-1)
    gaps = np.diff(np.asarray(positions, dtype=np.float64), axis=-1)
    area: Floats = (np.abs(difference[..., :-1]) * gaps).sum(axis=-1)
    return np.where(np.isnan(difference).any(axis=-1), np.nan, area)


def wasserstein_moments(
    reference: ArrayLike, current: ArrayLike, /, *, positions: ArrayLike
) -> tuple[Floats, Floats]:
    """Without drift: the mean square of the distance, and of the difference of the means.

    (..., bins) and (..., bins) -> (...) and (...), given which values are tied. The second is
    exact under permutation, the first is that of many rows, within 1 %. NaN where a side has no
    counts.
    """
    below, size = bridge(reference, current)
    gaps = np.diff(np.asarray(positions, dtype=np.float64), axis=-1)
    sd = gaps * np.sqrt(below * (1 - below))
    ratio = np.sqrt(np.divide(below, 1 - below, out=np.ones_like(below), where=sd > 0))
    of_means = _sum_over_pairs(
        sd * ratio, np.divide(sd, ratio, out=np.zeros_like(sd), where=sd > 0)
    )
    square = 2 / np.pi * sd.sum(axis=-1) ** 2
    for k, coefficient in enumerate(_ABSOLUTE, 1):
        lower = sd * ratio ** (2 * k)
        upper = np.divide(sd, ratio ** (2 * k), out=np.zeros_like(sd), where=sd > 0)
        square = square + 2 / np.pi * coefficient * _sum_over_pairs(lower, upper)
    return square / size, of_means / size


def wasserstein_p_value(
    distance: ArrayLike, /, *, square: ArrayLike, of_means: ArrayLike
) -> Floats:
    """Chance of a distance at least this large without drift, given `wasserstein_moments`.

    The distance is never less than the difference of the means, and where it is large it is
    little more: its square, less what the mean squares differ by, is taken for the square of a
    normal difference. Exact for two bins and many rows. 1 where there is nothing to compare (no
    variance), NaN where an argument is.
    """
    x, square, of_means = (np.asarray(a, dtype=np.float64) for a in (distance, square, of_means))
    rest = np.maximum(x**2 - (square - of_means), 0.0)
    z = np.sqrt(rest / np.where(of_means > 0, of_means, 1.0))
    p_value = np.where(of_means == 0, 1.0, 2 * ndtr(-z))
    return np.where(np.isnan(x + square + of_means), np.nan, p_value)


def _sum_over_pairs(lower: Floats, upper: Floats) -> Floats:
    """Σ lowerᵢ · upperⱼ over all i and j, the two swapped where i > j. (..., bins) -> (...)."""
    total: Floats = ((2 * np.cumsum(lower, axis=-1) - lower) * upper).sum(axis=-1)
    return total


_SERIES = (1 / 2, 1 / 24, 1 / 80)
_ABSOLUTE = (*_SERIES, np.pi / 2 - 1 - sum(_SERIES))
"""Of the covariance of two absolute normal values, 2/π Σ cₖ ρ²ᵏ; the last takes up the rest, so
that the variance, ρ = 1, is exact."""
