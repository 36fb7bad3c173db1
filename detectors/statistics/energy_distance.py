"""The energy that holds two distributions apart."""

import numpy as np
from numpy.typing import ArrayLike

from detectors.columns import Floats
from detectors.statistics.matched_laws import shifted_gamma_tail
from detectors.statistics.permuted import bridge
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


def energy_distance_moments(
    reference: ArrayLike, current: ArrayLike, /, *, positions: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """Mean, variance and third central moment of the squared distance without drift, given which
    values are tied.

    (..., bins) and (..., bins) -> three of (...). The mean is exact under permutation, the others
    are those of many rows. NaN where a side has no counts.
    """
    below, size = bridge(reference, current)
    weights = 2 * np.diff(np.asarray(positions, dtype=np.float64), axis=-1) / size[..., None]
    # Covariances are products of a lower and an upper factor, so sums over pairs are cumulative.
    itself, lower, upper = (
        weights * below * (1 - below),
        weights * below**2,
        weights * (1 - below) ** 2,
    )
    before = np.cumsum(lower, axis=-1) - lower
    after = upper.sum(axis=-1, keepdims=True) - np.cumsum(upper, axis=-1)
    pairs = (2 * before + lower) * upper
    triples = itself * (6 * before * after + 3 * before * upper + 3 * lower * after + itself**2)
    return itself.sum(axis=-1), 2 * pairs.sum(axis=-1), 8 * triples.sum(axis=-1)


def energy_distance_p_value(
    distance: ArrayLike, /, *, mean: ArrayLike, variance: ArrayLike, third: ArrayLike
) -> Floats:
    """Chance of a distance at least this large without drift: the shifted gamma law of the moments
    of `energy_distance_moments`, for the square.

    1 where there is nothing to compare (no variance), NaN where an argument is.
    """
    return shifted_gamma_tail(np.square(distance), mean=mean, variance=variance, third=third)
