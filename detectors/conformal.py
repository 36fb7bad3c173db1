"""Conformal p-values of scores, and how many rows they flag at a false discovery rate.

Bates, Candès, Lei, Romano, Sesia: Testing for outliers with conformal p-values. Annals of
Statistics 51 (2023) 149-178.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.bins.placing import Ruler, rulers_of
from detectors.columns import Counts, Floats

_N_MARKS = 512


@dataclass(frozen=True, slots=True, eq=False)
class Conformal:
    """P-values of scores from a table, a hundred times quicker than from the scores themselves.

    A score is replaced by its key on a ruler, of whose keys the calibration scores share few.
    That is a score as well, only coarser, so its p-values are as valid.

    table: p-values by position on the ruler; of larger scores they are smaller.
    calibration: sorted; looked up itself where there is no ruler.
    """

    ruler: Ruler | None
    table: Floats
    calibration: Floats

    @staticmethod
    def of(calibration: Floats) -> "Conformal":
        """calibration: (n,) sorted scores of rows that the scorer was not fitted on."""
        ruler = _ruler(calibration)
        if ruler is None:
            return Conformal(None, np.empty(0), calibration)
        keys = np.sort(ruler.keys(calibration.astype(np.float32)))
        by_key = p_values(keys, np.arange(ruler.n_keys))
        return Conformal(ruler, by_key if ruler.slope > 0 else by_key[::-1].copy(), calibration)

    def p_values(self, scores: Floats) -> Floats:
        """(rows,) -> (rows,) finite scores' p-values."""
        if self.ruler is None:
            return p_values(self.calibration, scores)
        with np.errstate(over="ignore"):  # infinity has a key as well
            positions = self.ruler.positions(scores.astype(np.float32))
        return self.table.take(positions, mode="clip")


def p_values(calibration: NDArray[np.number], scores: NDArray[np.number]) -> Floats:
    """(1 + calibration scores at least as large) / (1 + calibration scores), for each score.

    calibration: (n,) sorted scores of rows that the scorer was not fitted on. For a row from
    the same population the p-value is at most t with a probability of at most t.
    """
    n_below = np.searchsorted(calibration, scores, side="left")
    return (1 + len(calibration) - n_below).astype(np.float64) / (1 + len(calibration))


def _ruler(calibration: Floats) -> Ruler | None:
    if len(calibration) == 0:
        return None
    ranks = np.linspace(0, len(calibration) - 1, _N_MARKS).astype(np.intp)
    return next(rulers_of(np.unique(calibration[ranks])), None)


def n_flagged(counts: Counts, upper_limits: Floats, *, false_discovery_rate: float) -> int:
    """How many p-values Benjamini and Hochberg reject, from counts of p-values in bins."""
    limit = largest_flagged(counts, upper_limits, false_discovery_rate=false_discovery_rate)
    return int(counts[upper_limits <= limit].sum())


def largest_flagged(counts: Counts, upper_limits: Floats, *, false_discovery_rate: float) -> float:
    """The largest p-value that Benjamini and Hochberg reject, -inf where they reject none.

    counts, upper_limits: (bins,) in increasing order. Every p-value counts as its bin's upper
    limit, so that binning can only make the answer smaller. Conformal p-values share their
    calibration rows and are positively dependent, under which the procedure holds.
    """
    up_to = np.cumsum(counts)
    share_up_to = up_to / max(1, int(counts.sum()))
    rejected = (up_to > 0) & (upper_limits <= false_discovery_rate * share_up_to)
    return float(upper_limits[rejected].max(initial=-np.inf))
