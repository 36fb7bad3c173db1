"""The largest distance between two distribution functions."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import kolmogorov

from detectors.columns import Floats
from detectors.statistics.effective_size import effective_size
from detectors.statistics.shares import shares


def kolmogorov_smirnov(reference: ArrayLike, current: ArrayLike, /) -> Floats:
    """Kolmogorov-Smirnov distance of two stacks of counts in the order of the values.

    (..., bins) and (..., bins) -> (...), between 0 and 1. It never exceeds the distance of the
    raw values, and falls short of it by at most the largest share that a bin with several
    distinct values holds. A row of counts that sums to zero is NaN.
    """
    difference = np.cumsum(shares(current), axis=-1) - np.cumsum(shares(reference), axis=-1)
    distance: Floats = np.abs(difference).max(axis=-1, initial=0.0)
    return distance


def kolmogorov_smirnov_p_value(
    distance: ArrayLike, /, *, n_reference: ArrayLike, n_current: ArrayLike
) -> Floats:
    """Chance of a distance at least this large between two samples of one continuous law.

    Kolmogorov's limit at the effective size n = n₁n₂/(n₁+n₂), with the correction
    √n·D + 1/(6√n) + (√n·D − 1)/(4n) of Vrbik (2018), which is within 3e-4 of the finite law
    from n = 50 on. Ties make it conservative. NaN where the distance is, or a sample is empty.
    """
    n = effective_size(n_reference, n_current)
    scaled = np.sqrt(n) * np.asarray(distance, dtype=np.float64)
    return np.asarray(kolmogorov(scaled + 1 / (6 * np.sqrt(n)) + (scaled - 1) / (4 * n)))
