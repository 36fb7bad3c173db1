"""How many times the reference's variance the window has."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtr, fdtrc

from detectors.columns import Floats
from detectors.statistics.moments import Moments, moments
from detectors.statistics.shares import shares


def variance_ratio(reference: ArrayLike, current: ArrayLike, /, *, positions: ArrayLike) -> Floats:
    """The window's variance over the reference's; 1 without drift, above 1 where it spread.

    (..., bins) and (..., bins) -> (...), from 0 up. positions: (bins,) or (..., bins), finite,
    where each bin's mass is taken to lie. NaN where a side has fewer than two rows, or the
    reference does not vary.
    """
    return variance_ratio_of_moments(
        moments(reference, positions=positions), moments(current, positions=positions)
    )


def variance_ratio_of_moments(reference: Moments, current: Moments, /) -> Floats:
    """The ratio from moments, which profiles also carry unbinned. NaN as `variance_ratio`."""
    before, now = np.broadcast_arrays(reference.variance, current.variance)
    ratio: Floats = np.divide(now, before, out=np.full(now.shape, np.nan), where=before > 0)
    return ratio


def variance_degrees_of_freedom(
    reference: ArrayLike, current: ArrayLike, /, *, positions: ArrayLike
) -> tuple[Floats, Floats]:
    """How many independent normal squares each side's variance is worth.

    n − 1 for normal values, fewer where tails are heavy: 2n / (κ − (n − 3)/(n − 1)) with κ the
    kurtosis of both sides around their means. Arguments, shapes and NaN as `variance_ratio`.
    Source: Shoemaker (2003), Fixing the F test for equal variances.
    """
    (n_a, second_a, fourth_a), (n_b, second_b, fourth_b) = (
        _sums_of_powers(side, positions) for side in (reference, current)
    )
    second, fourth = second_a + second_b, fourth_a + fourth_b
    known = (n_a > 1) & (n_b > 1) & (second_a > 0)
    square = np.where(known, second, 1.0) ** 2
    kurtosis = np.where(known, fourth * (n_a + n_b) / square, np.nan)
    return _worth(n_a, kurtosis), _worth(n_b, kurtosis)


def variance_ratio_p_value(
    ratio: ArrayLike, /, *, dof_reference: ArrayLike, dof_current: ArrayLike
) -> Floats:
    """Chance of a ratio at least this far from 1 either way, by Fisher's F law; NaN where an
    argument is.
    """
    ratio = np.asarray(ratio, dtype=np.float64)
    now, before = np.asarray(dof_current), np.asarray(dof_reference)
    tail: Floats = np.minimum(fdtr(now, before, ratio), fdtrc(now, before, ratio))
    return np.minimum(2 * tail, 1.0)


def _sums_of_powers(counts: ArrayLike, positions: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Rows, and the sums of the squares and fourth powers around the mean."""
    counts, positions = np.asarray(counts, dtype=np.float64), np.asarray(positions)
    mean = (shares(counts) * positions).sum(axis=-1, keepdims=True)
    squares = (positions - mean) ** 2
    n, second = counts.sum(axis=-1), (counts * squares).sum(axis=-1)
    return n, second, (counts * squares**2).sum(axis=-1)


def _worth(n: Floats, kurtosis: Floats) -> Floats:
    return 2 * n / (kurtosis - (n - 3) / np.maximum(n - 1, 1))
