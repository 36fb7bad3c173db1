"""The distance between the square roots of two distributions."""

import numpy as np
from numpy.typing import ArrayLike

from detectors.columns import Floats
from detectors.statistics.shares import shares


def hellinger(reference: ArrayLike, current: ArrayLike, /) -> Floats:
    """Hellinger distance √(½ Σ (√q − √p)²) of two stacks of counts, a metric between 0 and 1.

    (..., bins) and (..., bins) -> (...). A row of counts that sums to zero is NaN.
    Source: Hellinger (1909).
    """
    difference = np.sqrt(shares(current)) - np.sqrt(shares(reference))
    distance: Floats = np.sqrt((difference**2).sum(axis=-1) / 2)
    return np.minimum(distance, 1.0)
