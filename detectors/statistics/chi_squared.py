"""Pearson's test that two samples share one distribution over categories."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from detectors.columns import Floats


def chi_squared(reference: ArrayLike, current: ArrayLike, /) -> Floats:
    """Pearson's χ² of homogeneity; the reference is a sample like the window, not the truth.

    (..., bins) and (..., bins) -> (...). Bins empty on both sides do not count; there is no
    continuity correction. A row of counts that sums to zero is NaN.
    """
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    n_a, n_b = a.sum(axis=-1, keepdims=True), b.sum(axis=-1, keepdims=True)
    # Σ (a·n_b − b·n_a)² / ((a + b)·n_a·n_b) is Σ (observed − expected)² / expected, both rows.
    balance = np.sqrt(np.maximum(n_b, 1) / np.maximum(n_a, 1))
    excess, total = (a * balance - b / balance) ** 2, a + b
    terms = np.divide(excess, total, out=np.zeros_like(total), where=total > 0)
    statistic: Floats = terms.sum(axis=-1)
    return np.where(((n_a > 0) & (n_b > 0))[..., 0], statistic, np.nan)


def degrees_of_freedom(reference: ArrayLike, current: ArrayLike, /) -> Floats:
    """Categories seen on either side, less one. (..., bins) and (..., bins) -> (...).

    NaN where a side has no counts.
    """
    a, b = np.asarray(reference), np.asarray(current)
    seen = ((a + b) > 0).sum(axis=-1)
    return np.where((a.sum(axis=-1) > 0) & (b.sum(axis=-1) > 0), seen - 1.0, np.nan)


def chi_squared_p_value(statistic: ArrayLike, /, *, dof: ArrayLike) -> Floats:
    """Upper tail of the χ² law with `dof` degrees of freedom; 1 where there is nothing to
    compare (no degree of freedom), NaN where either argument is.
    """
    statistic, dof = np.asarray(statistic, dtype=np.float64), np.asarray(dof, dtype=np.float64)
    return np.where(dof == 0, 1.0, chdtrc(np.where(dof == 0, 1.0, dof), statistic))
