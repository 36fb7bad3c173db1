"""The energy that holds two distributions apart."""

import numpy as np
from numpy.typing import ArrayLike

from detectors.columns import Floats
from detectors.statistics.shares import shares


def energy_distance(reference: ArrayLike, current: ArrayLike, /, *, positions: ArrayLike) -> Floats:
    """Energy distance, √(2 E|X − Y| − E|X − X′| − E|Y − Y′|), in roots of the unit of `positions`.

    (..., bins) and (..., bins) -> (...), from 0 up. positions: (bins,) or (..., bins), finite and
    ascending, where each bin's mass is taken to lie. It differs from the distance of the raw
    values by at most √(2 Σ p²w) + √(2 Σ q²w), where p and q are the shares that a bin holds and w
    how far apart its values and position lie. A row of counts that sums to zero is NaN.
    Source: Székely and Rizzo (2013).
    """
    difference = np.cumsum(shares(current) - shares(reference), axis=-1)
    gaps = np.diff(np.asarray(positions, dtype=np.float64), axis=-1)
    # On a line the energy is twice the squared area between the distribution functions.
    energy: Floats = 2 * (difference[..., :-1] ** 2 * gaps).sum(axis=-1)
    return np.where(np.isnan(difference).any(axis=-1), np.nan, np.sqrt(energy))
