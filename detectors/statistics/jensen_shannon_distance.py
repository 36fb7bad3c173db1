"""How far two distributions lie from their average, in bits."""

import numpy as np
from numpy.typing import ArrayLike

from detectors.columns import Floats
from detectors.statistics.bin_sums import Dealt, dealt, moments_of_sum
from detectors.statistics.matched_laws import gamma_tail
from detectors.statistics.shares import shares


def jensen_shannon_distance(reference: ArrayLike, current: ArrayLike, /) -> Floats:
    """Square root of the Jensen-Shannon divergence in base 2, a metric between 0 and 1.

    (..., bins) and (..., bins) -> (...). A row of counts that sums to zero is NaN.
    Source: Endres and Schindelin (2003).
    """
    divergence: Floats = _term(shares(reference), shares(current)).sum(axis=-1)
    return np.sqrt(np.clip(divergence, 0.0, 1.0))


def jensen_shannon_distance_moments(
    reference: ArrayLike, current: ArrayLike, /, *, deals: Dealt | None = None
) -> tuple[Floats, Floats]:
    """Mean and variance of the squared distance without drift, given the pooled counts of each bin.

    (..., bins) and (..., bins) -> (...) and (...). deals: of the same counts, where they are
    known. NaN where a side has no counts.
    """
    return moments_of_sum(deals or dealt(reference, current), term=_term)


def jensen_shannon_distance_p_value(
    distance: ArrayLike, /, *, mean: ArrayLike, variance: ArrayLike
) -> Floats:
    """Chance of a distance at least this large without drift: the gamma law of the moments of
    `jensen_shannon_distance_moments`, for the square.

    1 where there is nothing to compare (no variance), NaN where an argument is.
    """
    return gamma_tail(np.square(distance), mean=mean, variance=variance)


def _term(p: Floats, q: Floats) -> Floats:
    middle = (p + q) / 2
    return (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2


def _relative_entropy(p: Floats, q: Floats) -> Floats:
    """p log₂(p / q) of each bin with 0 log 0 = 0; NaN shares stay NaN."""
    ratio = np.divide(p, q, out=np.ones_like(q), where=p > 0)
    return np.asarray(p * np.log2(ratio))
