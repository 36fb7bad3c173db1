"""The work of carrying one distribution over into another."""

import numpy as np
from numpy.typing import ArrayLike

from detectors.columns import Floats
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
