"""What a row costs whoever expects the reference and meets the window."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import rel_entr

from detectors.columns import Floats
from detectors.statistics.shares import shares


def kullback_leibler(
    reference: ArrayLike, current: ArrayLike, /, *, pseudocount: float = 0.5
) -> Floats:
    """Kullback-Leibler divergence of the window from the reference in nats: Σ q ln(q / p).

    (..., bins) and (..., bins) -> (...), from 0 up. `pseudocount` is added to every bin of both
    sides; without it a bin that only the window fills makes the divergence infinite. Swapping
    the sides and adding gives the population stability index. A row of counts that sums to
    zero is NaN. Source: Kullback and Leibler (1951).
    """
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    divergence = rel_entr(shares(b + pseudocount), shares(a + pseudocount)).sum(axis=-1)
    defined = (a.sum(axis=-1) > 0) & (b.sum(axis=-1) > 0)
    return np.where(defined, np.maximum(divergence, 0.0), np.nan)
