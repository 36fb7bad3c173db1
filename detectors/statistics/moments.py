"""From counts at positions to mean and variance."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from detectors.columns import Floats
from detectors.statistics.shares import shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Of a stack of samples, three arrays that broadcast.

    n: rows. mean: NaN without rows. variance: around the mean, divided by n − 1; NaN below two
    rows.
    """

    n: Floats
    mean: Floats
    variance: Floats


def moments(counts: ArrayLike, *, positions: ArrayLike) -> Moments:
    """The moments of counts whose mass lies at `positions`. (..., bins) -> (...).

    positions: (bins,) or (..., bins), finite, and so are their squares. The mean differs from
    that of the raw values by at most the mean distance w between a value and its bin's
    position, the root of the variance (divided by n) by at most the root of the mean w².
    """
    share, positions = shares(counts), np.asarray(positions, dtype=np.float64)
    n = np.asarray(counts, dtype=np.float64).sum(axis=-1)
    mean = (share * positions).sum(axis=-1)
    spread = (share * (positions - mean[..., None]) ** 2).sum(axis=-1)
    freed = np.divide(n, n - 1, out=np.full(n.shape, np.nan), where=n > 1)
    return Moments(n=n, mean=mean, variance=spread * freed)
