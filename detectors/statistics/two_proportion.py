"""Whether one share differs between two samples: of missing values, of one category."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from detectors.columns import Floats
from detectors.statistics.effective_size import effective_size


def two_proportion(reference: ArrayLike, current: ArrayLike, /, *, chosen: ArrayLike) -> Floats:
    """Pooled z of the change of the share that the chosen bins hold; above 0 where it grew.

    (..., bins) and (..., bins) -> (...). chosen: (bins,) or (..., bins) of booleans. z² is
    Pearson's χ² of the two-by-two table. 0 where all rows or none are chosen: both shares are
    known to be equal. A row of counts that sums to zero is NaN.
    """
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    chosen_a, chosen_b = (np.where(chosen, side, 0.0).sum(axis=-1) for side in (a, b))
    n_a, n_b = a.sum(axis=-1), b.sum(axis=-1)
    share = (chosen_a + chosen_b) / np.maximum(n_a + n_b, 1)
    variance = share * (1 - share)
    difference = chosen_b / np.maximum(n_b, 1) - chosen_a / np.maximum(n_a, 1)
    in_sd: Floats = np.divide(
        difference, np.sqrt(variance), out=np.zeros(difference.shape), where=variance > 0
    )
    return in_sd * np.sqrt(effective_size(n_a, n_b))


def two_proportion_p_value(z: ArrayLike, /) -> Floats:
    """Chance of a change at least this large either way, by the normal law; NaN where z is."""
    return 2 * ndtr(-np.abs(np.asarray(z, dtype=np.float64)))
