"""Which of many hypotheses to name, at a controlled rate of false discoveries."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.columns import Floats


def benjamini_hochberg(p_values: ArrayLike, /) -> Floats:
    """Adjusted p-values: those at or below q are discoveries at false discovery rate q.

    (tests,) -> (tests,). NaN is a test that was not made: it stays NaN and counts for nothing.
    Valid for independent or positively dependent tests. Source: Benjamini and Hochberg (1995).
    """
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    made = np.flatnonzero(~np.isnan(p))
    largest_first = made[np.argsort(-p[made], kind="stable")]
    ranks = np.arange(made.size, 0, -1)
    adjusted[largest_first] = np.minimum.accumulate(p[largest_first] * made.size / ranks)
    at_most_one: Floats = np.minimum(adjusted, 1.0)
    return at_most_one


def e_benjamini_hochberg(e_values: ArrayLike, /, *, rate: float) -> NDArray[np.bool_]:
    """Discoveries at false discovery rate `rate` from e-values, under any dependence.

    (tests,) -> (tests,): the k largest, for the largest k whose k-th e-value is at least
    tests / (rate · k). NaN is a test that was not made. Source: Wang and Ramdas (2022).
    """
    e = np.asarray(e_values, dtype=np.float64)
    largest_first = np.sort(e[~np.isnan(e)])[::-1]
    k = np.arange(1, largest_first.size + 1)
    enough = np.flatnonzero(largest_first * k >= largest_first.size / rate)
    if enough.size == 0:
        return np.zeros(e.shape, dtype=np.bool_)
    found: NDArray[np.bool_] = e >= largest_first[enough[-1]]
    return found
