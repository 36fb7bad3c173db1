"""The share of rows that would have to change their category."""

import numpy as np
from numpy.typing import ArrayLike

from detectors.columns import Floats
from detectors.statistics.bin_sums import dealt, moments_of_sum
from detectors.statistics.matched_laws import nakagami_tail
from detectors.statistics.shares import shares

_N_NODES = 97
"""The magnitude has a kink, which takes more nodes than a smooth term does."""


def total_variation(reference: ArrayLike, current: ArrayLike, /) -> Floats:
    """Total variation distance of two stacks of counts, between 0 and 1.

    (..., bins) and (..., bins) -> (...). A row of counts that sums to zero is NaN.
    """
    distance: Floats = _term(shares(reference), shares(current)).sum(axis=-1)
    return distance


def total_variation_moments(reference: ArrayLike, current: ArrayLike, /) -> tuple[Floats, Floats]:
    """Mean and variance of the distance without drift, given the pooled counts of each bin.

    (..., bins) and (..., bins) -> (...) and (...). NaN where a side has no counts.
    """
    return moments_of_sum(dealt(reference, current, n_nodes=_N_NODES), term=_term)


def total_variation_p_value(
    distance: ArrayLike, /, *, mean: ArrayLike, variance: ArrayLike
) -> Floats:
    """Chance of a distance at least this large without drift: Nakagami's law, half-normal for two
    categories and nearly normal for many, of the moments of `total_variation_moments`.

    1 where there is nothing to compare (no variance), NaN where an argument is.
    """
    return nakagami_tail(distance, mean=mean, variance=variance)


def _term(p: Floats, q: Floats) -> Floats:
    return np.asarray(np.abs(q - p) / 2)
