"""How far one distribution function rises above another, and how far it falls below."""

import numpy as np
from numpy.typing import ArrayLike

from detectors.columns import Floats
from detectors.statistics.effective_size import effective_size
from detectors.statistics.shares import shares

N_TERMS = 20
"""Of Kuiper's series: from λ = 0.4 on the next one is below 1e-60."""


def kuiper(reference: ArrayLike, current: ArrayLike, /) -> Floats:
    """Kuiper's distance of two stacks of counts in the order of the values: the largest excess
    of either distribution function over the other, added.

    (..., bins) and (..., bins) -> (...), between 0 and 1. As sensitive in the tails as at the
    median, and the same wherever a circle (hours, bearings) is cut open. It never exceeds the
    distance of the raw values, and falls short of it by at most twice the largest share that a
    bin with several distinct values holds. A row of counts that sums to zero is NaN.
    Source: Kuiper (1960).
    """
    difference = np.cumsum(shares(current) - shares(reference), axis=-1)
    above: Floats = difference.max(axis=-1, initial=0.0)
    below: Floats = difference.min(axis=-1, initial=0.0)
    return above - below


def kuiper_p_value(
    distance: ArrayLike, /, *, n_reference: ArrayLike, n_current: ArrayLike
) -> Floats:
    """Chance of a distance at least this large between two samples of one continuous law.

    Kuiper's limit 2 Σ (4j²λ² − 1) exp(−2j²λ²) at λ = (√n + 0.155 + 0.24/√n)·V, n = n₁n₂/(n₁+n₂),
    of Stephens (1970). At 5 % it is a tenth below the exact chance between two samples of 50, a
    seventieth between two of 500. Ties make it conservative. NaN where the distance is, or a
    sample is empty.
    """
    root = np.sqrt(effective_size(n_reference, n_current))
    scaled = (root + 0.155 + 0.24 / root) * np.asarray(distance, dtype=np.float64)
    # Below 0.4 the chance is 1 to ten digits, and the series slow.
    squares = np.maximum(scaled, 0.4)[..., None] ** 2 * np.arange(1, N_TERMS + 1) ** 2
    tail: Floats = 2 * ((4 * squares - 1) * np.exp(-2 * squares)).sum(axis=-1)
    return np.minimum(tail, 1.0)
