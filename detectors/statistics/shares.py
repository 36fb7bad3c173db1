"""From counts to shares, the first step of every statistic here."""

import numpy as np
from numpy.typing import ArrayLike

from detectors.columns import Floats


def shares(counts: ArrayLike) -> Floats:
    """Each bin's share of its row of counts. (..., bins) -> (..., bins).

    A row without counts has no shares: all NaN.
    """
    counts = np.asarray(counts, dtype=np.float64)
    total = counts.sum(axis=-1, keepdims=True)
    result: Floats = np.divide(counts, total, out=np.full_like(counts, np.nan), where=total > 0)
    return result
