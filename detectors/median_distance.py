"""The usual bandwidth of a Gaussian kernel: the median distance between rows."""

import numpy as np

from detectors.columns import Floats

N_ROWS = 500
"""The median is taken among so many rows, drawn at random where there are more."""

_ROUNDING = 1e-12


def median_distance(rows: Floats, rng: np.random.Generator) -> float:
    """(rows, d) -> Euclidean distance between rows that differ; 1 where none do.

    Source: Gretton and others (2012), section 8.
    """
    some = rows[rng.permutation(len(rows))[:N_ROWS]]
    squares = (some**2).sum(axis=1)
    sums = squares[:, np.newaxis] + squares
    distances = sums - 2 * some @ some.T
    apart = distances[np.triu(distances > _ROUNDING * sums, k=1)]
    return float(np.sqrt(np.median(apart))) if len(apart) else 1.0
