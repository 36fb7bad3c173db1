"""The distance between the square roots of two distributions."""

import numpy as np
from numpy.typing import ArrayLike

from detectors.columns import Floats
from detectors.statistics.bin_sums import Dealt, dealt, moments_of_sum
from detectors.statistics.matched_laws import gamma_tail
from detectors.statistics.shares import shares


def hellinger(reference: ArrayLike, current: ArrayLike, /) -> Floats:
    """Hellinger distance √(½ Σ (√q − √p)²) of two stacks of counts, a metric between 0 and 1.

    (..., bins) and (..., bins) -> (...). A row of counts that sums to zero is NaN.
    Source: Hellinger (1909).
    """
    square: Floats = _term(shares(reference), shares(current)).sum(axis=-1)
    return np.minimum(np.sqrt(square), 1.0)


def hellinger_moments(
    reference: ArrayLike, current: ArrayLike, /, *, deals: Dealt | None = None
) -> tuple[Floats, Floats]:
    """Mean and variance of the squared distance without drift, given the pooled counts of each bin.

    (..., bins) and (..., bins) -> (...) and (...). deals: of the same counts, where they are
    known. NaN where a side has no counts.
    """
    return moments_of_sum(deals or dealt(reference, current), term=_term)


def hellinger_p_value(distance: ArrayLike, /, *, mean: ArrayLike, variance: ArrayLike) -> Floats:
    """Chance of a distance at least this large without drift: the gamma law of the moments of
    `hellinger_moments`, for the square.

    1 where there is nothing to compare (no variance), NaN where an argument is.
    """
    return gamma_tail(np.square(distance), mean=mean, variance=variance)


def _term(p: Floats, q: Floats) -> Floats:
    return np.asarray((np.sqrt(q) - np.sqrt(p)) ** 2 / 2)
