"""Conformal p-values of scores, and how many rows they flag at a false discovery rate.

Bates, Candès, Lei, Romano, Sesia: Testing for outliers with conformal p-values. Annals of
Statistics 51 (2023) 149-178.
"""

import numpy as np

from detectors.columns import Counts, Floats


def p_values(calibration: Floats, scores: Floats) -> Floats:
    """(1 + calibration scores at least as large) / (1 + calibration scores), for each score.

    calibration: (n,) sorted scores of rows that the scorer was not fitted on. For a row from
    the same population the p-value is at most t with a probability of at most t.
    """
    n_below = np.searchsorted(calibration, scores, side="left")
    return (1 + len(calibration) - n_below).astype(np.float64) / (1 + len(calibration))


def n_flagged(counts: Counts, upper_limits: Floats, *, false_discovery_rate: float) -> int:
    """How many p-values Benjamini and Hochberg reject, from counts of p-values in bins.

    counts, upper_limits: (bins,) in increasing order. Every p-value counts as its bin's upper
    limit, so that binning can only make the answer smaller. Conformal p-values share their
    calibration rows and are positively dependent, under which the procedure holds.
    """
    up_to = np.cumsum(counts)
    share_up_to = up_to / max(1, int(counts.sum()))
    rejected = up_to[(up_to > 0) & (upper_limits <= false_discovery_rate * share_up_to)]
    return int(rejected.max(initial=0))
