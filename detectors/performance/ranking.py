"""How well scores rank one class above the rest, from counts per bin of the score.

Scores in one bin count as tied. So the area under the ROC curve is known to within half the share
of pairs that a bin holds, `roc_auc_error_bound`; average precision to within what the bins' own
rows, put in any order, could change.
"""

import math

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Floats
from detectors.performance.intervals import Estimate, Z, share, undefined

Mask = NDArray[np.bool_]

ONE_CLASS = "labels of one class only"


def roc_auc(positives: Floats, negatives: Floats) -> Estimate:
    """The chance that a positive scores above a negative, ties counting half.

    positives, negatives: (bins,) rows of the class and of the rest, by increasing score. The
    interval is Newcombe's (2006, method 5), of Hanley and McNeil's variance at its own limits:
    DeLong's at the value itself is too short where the area is near 1.
    """
    n_positive, n_negative = float(positives.sum()), float(negatives.sum())
    if n_positive <= 0 or n_negative <= 0:
        return undefined(ONE_CLASS)
    value = min(float((positives * placements(negatives)).sum() / n_positive), 1.0)
    low = _limit(value, n_positive, n_negative)
    high = 1 - _limit(1 - value, n_positive, n_negative)
    return Estimate(value, low, high)


def _limit(value: float, n_positive: float, n_negative: float) -> float:
    """The lowest area that the value is not `Z` standard errors above, by bisection."""
    n = (n_positive + n_negative) / 2 - 1
    low, high = 0.0, value
    while high - low > 1e-9:
        area = (low + high) / 2
        factor = 1 + n * (1 - area) / (2 - area) + n * area / (1 + area)
        variance = area * (1 - area) * factor / (n_positive * n_negative)
        if area + Z * math.sqrt(variance) < value:
            low = area
        else:
            high = area
    return low


def roc_auc_error_bound(positives: Floats, negatives: Floats) -> float:
    """The area under the curve of the scores themselves is no farther from the binned one."""
    pairs = float(positives.sum()) * float(negatives.sum())
    return float((positives * negatives).sum()) / pairs / 2 if pairs > 0 else np.nan


def average_precision(positives: Floats, negatives: Floats, *, tied: Mask) -> Estimate:
    """The mean precision over the positives, from the highest scores down: Σ (Rₙ - Rₙ₋₁) Pₙ.

    tied: (bins,) whether the scores of a bin are one value. Those of other bins are taken for
    evenly mixed. The interval takes it for a share of the positives (the binomial interval of
    Boyd, Eng and Page 2013), with Wilson's limits.
    """
    n = float(positives.sum())
    if n <= 0:
        return undefined("no label of the class")
    value = float(mean_precision(positives, negatives, tied=tied))
    return share(n * value, n, without=ONE_CLASS)


def mean_precision(positives: Floats, negatives: Floats, *, tied: Mask) -> Floats:
    """(..., bins) -> (...) the mean over the positives of the precision at each.

    In a bin of evenly mixed scores it goes from that above the bin, a of r rows, to that with its
    p of m rows: ∫ (a + p t) / (r + m t) dt from 0 to 1 (after Davis and Goadrich 2006).
    """
    rows = positives + negatives
    hits, seen = (np.cumsum(side[..., ::-1], axis=-1)[..., ::-1] for side in (positives, rows))
    r, a = seen - rows, hits - positives
    mixed, at_end, steps = _over(positives, rows), _over(hits, seen), _over(rows, r)
    # Above the first bin that holds a row there is none: then the mix is all that there is.
    means = mixed + (a - r * mixed) * _over(np.log1p(steps), rows)
    total = (positives * np.where(tied, at_end, means)).sum(axis=-1)
    return np.asarray(total / positives.sum(axis=-1))


def _over(numerator: Floats, denominator: Floats) -> Floats:
    """The quotient, 0 where the denominator is."""
    zero = np.zeros(np.broadcast_shapes(numerator.shape, denominator.shape))
    return np.divide(numerator, denominator, out=zero, where=denominator > 0)


def placements(rows: Floats) -> Floats:
    """(bins,) the share of the rows that score lower than a row of each bin, ties half."""
    shares: Floats = (np.cumsum(rows) - rows / 2) / rows.sum()
    return shares


def macro(estimates: list[Estimate]) -> Estimate:
    """The mean over classes of those that are known.

    The interval is as if they erred together, so never too short.
    """
    known = [one for one in estimates if one.is_known]
    if not known:
        return estimates[0]
    sides = zip(*((one.value, one.low, one.high) for one in known), strict=True)
    value, low, high = (sum(side) / len(known) for side in sides)
    return Estimate(value, low, high)
