"""The likelihood-ratio test that two samples share one distribution over categories."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import rel_entr

from detectors.columns import Floats
from detectors.statistics.shares import shares


def g_test(reference: ArrayLike, current: ArrayLike, /) -> Floats:
    """G = 2 Σ observed · ln(observed / expected) of homogeneity; the reference is a sample like
    the window, not the truth.

    (..., bins) and (..., bins) -> (...), from 0 up; it grows with the rows. Its p-value is that
    of `chi_squared_p_value` at `degrees_of_freedom`. Bins empty on both sides do not count;
    there is no continuity correction. A row of counts that sums to zero is NaN.
    Source: Sokal and Rohlf, Biometry.
    """
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    pooled = shares(a + b)
    from_reference = a.sum(axis=-1) * rel_entr(shares(a), pooled).sum(axis=-1)
    from_current = b.sum(axis=-1) * rel_entr(shares(b), pooled).sum(axis=-1)
    g: Floats = 2 * (from_reference + from_current)
    return np.maximum(g, 0.0)
