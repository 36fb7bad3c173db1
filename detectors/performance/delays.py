"""How long after their predictions labels came."""

import numpy as np

from detectors.columns import Counts
from detectors.profile.profiles import DELAYS_S

QUANTILES = (0.5, 0.9)


def delays(counts: Counts) -> tuple[float, float] | None:
    """Median and 90th percentile in seconds, from a profile's `delays`; None without any.

    Interpolated between the edges of `DELAYS_S` that the true ones lie between; what lies beyond
    the last edge is told as that edge.
    """
    total = int(counts.sum())
    if total <= 0:
        return None
    edges = np.array([0.0, *DELAYS_S])
    reached = np.concatenate([[0.0], np.cumsum(counts[:-1])]) / total
    median, late = np.interp(QUANTILES, reached, edges).tolist()
    return median, late
