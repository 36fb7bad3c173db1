"""The largest change of any one share."""

import numpy as np
from numpy.typing import ArrayLike

from detectors.columns import Floats
from detectors.statistics.shares import shares


def chebyshev(reference: ArrayLike, current: ArrayLike, /) -> Floats:
    """L∞ (Chebyshev) distance of two stacks of counts, max |q − p|, between 0 and 1.

    (..., bins) and (..., bins) -> (...). A row of counts that sums to zero is NaN.
    """
    distance: Floats = np.abs(shares(current) - shares(reference)).max(axis=-1, initial=0.0)
    return distance
