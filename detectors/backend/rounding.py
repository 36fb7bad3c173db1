"""Cuts in the type of the values that are placed among them."""

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Floats


def rounded_down(cuts: Floats) -> NDArray[np.float32]:
    """The largest float32 that is not above each cut, in the same shape.

    A float32 value lies above the one exactly where it lies above the other, so that values are
    placed as they are, without being made twice as wide first.
    """
    with np.errstate(over="ignore"):  # what lies beyond the range of float32 becomes infinite
        nearest = cuts.astype(np.float32)
        below = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest > cuts, below, nearest)
