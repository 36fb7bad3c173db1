"""How many standard errors the mean has moved."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr

from detectors.columns import Floats
from detectors.statistics.moments import Moments, moments


def welch_mean_shift(
    reference: ArrayLike, current: ArrayLike, /, *, positions: ArrayLike
) -> Floats:
    """Welch's t of the change of the mean, the variances not taken as equal; above 0 where the
    mean rose.

    (..., bins) and (..., bins) -> (...). positions: (bins,) or (..., bins), finite, where each
    bin's mass is taken to lie. NaN where a side has fewer than two rows, or neither varies.
    Source: Welch (1947).
    """
    return welch_mean_shift_of_moments(
        moments(reference, positions=positions), moments(current, positions=positions)
    )


def welch_mean_shift_of_moments(reference: Moments, current: Moments, /) -> Floats:
    """Welch's t from moments, which profiles also carry unbinned. NaN as `welch_mean_shift`."""
    variance, _ = _error(reference, current)
    shift = current.mean - reference.mean
    t: Floats = np.divide(
        shift, np.sqrt(variance), out=np.full(variance.shape, np.nan), where=variance > 0
    )
    return t


def welch_degrees_of_freedom(reference: Moments, current: Moments, /) -> Floats:
    """Welch and Satterthwaite's degrees of freedom of the t. NaN as `welch_mean_shift`."""
    variance, parts = _error(reference, current)
    freedom = [
        (part / np.where(variance > 0, variance, np.nan)) ** 2 / np.maximum(side.n - 1, 1)
        for part, side in zip(parts, (reference, current), strict=True)
    ]
    return 1 / (freedom[0] + freedom[1])


def welch_p_value(t: ArrayLike, /, *, dof: ArrayLike) -> Floats:
    """Chance of a shift at least this large either way, by Student's law; NaN where an argument
    is.
    """
    t, dof = np.asarray(t, dtype=np.float64), np.asarray(dof, dtype=np.float64)
    p_value: Floats = 2 * stdtr(dof, -np.abs(t))
    return p_value


def _error(reference: Moments, current: Moments) -> tuple[Floats, tuple[Floats, Floats]]:
    """The squared standard error of the difference of means, and each side's part in it."""
    parts = (
        reference.variance / np.maximum(reference.n, 1),
        current.variance / np.maximum(current.n, 1),
    )
    return np.asarray(parts[0] + parts[1]), parts
