"""The difference of two distribution functions when the pooled rows are dealt out at random."""

import numpy as np
from numpy.typing import ArrayLike

from detectors.columns import Floats
from detectors.statistics.effective_size import effective_size
from detectors.statistics.shares import shares


def bridge(reference: ArrayLike, current: ArrayLike, /) -> tuple[Floats, Floats]:
    """The share H of pooled rows at or below each bin but the last, and the effective size n.

    (..., bins) and (..., bins) -> (..., bins - 1) and (...). Dealt out at random into two samples
    of these sizes, the distribution functions differ by 0 on average, and their differences at
    two places have covariance H(1 - H')/n, H the lower one: exactly, ties included. n is NaN
    where a side has no counts.
    """
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    below = np.minimum(np.cumsum(shares(a + b), axis=-1)[..., :-1], 1.0)
    n = (a + b).sum(axis=-1)
    return below, effective_size(a.sum(axis=-1), b.sum(axis=-1)) * (1 - 1 / np.maximum(n, 1))
