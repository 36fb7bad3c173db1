"""Whether probabilities mean what they say, and what they should have said."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Floats
from detectors.performance.intervals import Estimate, Z, undefined

N_TENTHS = 10


def expected_calibration_error(n: Floats, hits: Floats, confidences: Floats) -> Estimate:
    """Σ (nᵢ / n)·|hitsᵢ / nᵢ - mean confidenceᵢ| over bins of the confidence (Naeini et al. 2015).

    n, hits, confidences: (bins,) rows, rows of the class, and the sum of their confidences. The
    interval holds the bins' signs for given; with few rows the value itself is too large, for
    chance alone moves hits away from confidences.
    """
    total = float(n.sum())
    if total <= 0:
        return undefined("no labels with a probability")
    filled = n > 0
    share = np.divide(hits, n, out=np.zeros(len(n)), where=filled)
    value = float(np.abs(hits - confidences).sum()) / total
    margin = Z * float(np.sqrt((n * share * (1 - share)).sum())) / total
    return Estimate(value, max(value - margin, 0.0), min(value + margin, 1.0))


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """The probability of a class by bin of the score: increasing, in steps.

    probability: (bins,) between 0 and 1.
    step: (bins,) the step that each bin lies on.
    n: (steps,) the labelled rows that each step rests on.
    """

    probability: Floats
    step: NDArray[np.intp]
    n: Floats


def calibrated(n: Floats, hits: Floats) -> Calibration | None:
    """The isotonic regression of hits on the bins: pooling adjacent violators (Ayer et al. 1955).

    n, hits: (bins,) labelled rows and those of the class, by increasing score. A bin without rows
    lies on the step below it, or on the lowest. None without any rows.
    """
    filled = np.flatnonzero(n)
    if len(filled) == 0:
        return None
    starts, rows, found = _pooled(filled, n, hits)
    step = np.searchsorted(starts, np.arange(len(n)), side="right") - 1
    step = np.maximum(step, 0)
    return Calibration((found / rows)[step], step, rows)


def _pooled(
    filled: NDArray[np.intp], n: Floats, hits: Floats
) -> tuple[NDArray[np.intp], Floats, Floats]:
    """The steps' first bins, rows and hits."""
    starts, rows, found = [], [], []
    for i in filled.tolist():
        starts.append(i)
        rows.append(float(n[i]))
        found.append(float(hits[i]))
        while len(rows) > 1 and found[-2] * rows[-1] >= found[-1] * rows[-2]:
            starts.pop()
            rows[-2:], found[-2:] = [sum(rows[-2:])], [sum(found[-2:])]
    return np.array(starts), np.array(rows), np.array(found)
