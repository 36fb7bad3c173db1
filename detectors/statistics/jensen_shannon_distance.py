"""How far two distributions lie from their average, in bits."""

import numpy as np
from numpy.typing import ArrayLike

from detectors.columns import Floats
from detectors.statistics.shares import shares


def jensen_shannon_distance(reference: ArrayLike, current: ArrayLike, /) -> Floats:
    """Square root of the Jensen-Shannon divergence in base 2, a metric between 0 and 1.

    (..., bins) and (..., bins) -> (...). A row of counts that sums to zero is NaN.
    Source: Endres and Schindelin (2003).
    """
    p, q = shares(reference), shares(current)
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    return np.sqrt(np.clip(divergence, 0.0, 1.0))


def _relative_entropy(p: Floats, q: Floats) -> Floats:
    """Σ p log₂(p / q) with 0 log 0 = 0; NaN shares stay NaN."""
    ratio = np.divide(p, q, out=np.ones_like(q), where=p > 0)
    entropy: Floats = (p * np.log2(ratio)).sum(axis=-1)
    return entropy
