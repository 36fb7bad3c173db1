"""The share of rows that would have to change their category."""

import numpy as np
from numpy.typing import ArrayLike

from detectors.columns import Floats
from detectors.statistics.shares import shares


def total_variation(reference: ArrayLike, current: ArrayLike, /) -> Floats:
    """Total variation distance of two stacks of counts, between 0 and 1.

    (..., bins) and (..., bins) -> (...). A row of counts that sums to zero is NaN.
    """
    distance: Floats = np.abs(shares(current) - shares(reference)).sum(axis=-1) / 2
    return distance
