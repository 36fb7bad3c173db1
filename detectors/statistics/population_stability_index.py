"""The credit industry's index: a symmetrised relative entropy."""

import numpy as np
from numpy.typing import ArrayLike

from detectors.columns import Floats
from detectors.statistics.shares import shares


def population_stability_index(
    reference: ArrayLike, current: ArrayLike, /, *, pseudocount: float = 0.5
) -> Floats:
    """Population stability index of two stacks of bin counts: Σ (q − p) ln(q / p).

    (..., bins) and (..., bins) -> (...). `pseudocount` is added to every bin of both sides, so
    that an empty bin weighs by how much data it had the chance to fill. A row of counts that
    sums to zero is NaN: no data is not the same as no drift.
    """
    reference = np.asarray(reference, dtype=np.float64)
    current = np.asarray(current, dtype=np.float64)
    p, q = shares(reference + pseudocount), shares(current + pseudocount)
    seen = (p > 0) & (q > 0)
    ratio = np.divide(q, p, out=np.ones(seen.shape), where=seen)
    defined = (reference.sum(axis=-1) > 0) & (current.sum(axis=-1) > 0)
    return np.where(defined, ((q - p) * np.log(ratio)).sum(axis=-1), np.nan)
