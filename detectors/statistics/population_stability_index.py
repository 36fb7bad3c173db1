"""The credit industry's index: a symmetrised relative entropy."""

import numpy as np
from numpy.typing import ArrayLike

from detectors.columns import Floats
from detectors.statistics.bin_sums import Dealt, dealt, moments_of_sum
from detectors.statistics.matched_laws import gamma_tail
from detectors.statistics.shares import shares


def population_stability_index(
    reference: ArrayLike, current: ArrayLike, /, *, pseudocount: float = 0.5
) -> Floats:
    """Population stability index of two stacks of bin counts: Σ (q − p) ln(q / p).

    (..., bins) and (..., bins) -> (...). `pseudocount` is added to every bin of both sides, so
    that an empty bin weighs by how much data it had the chance to fill. A row of counts that
    sums to zero is NaN: no data is not the same as no drift.
    """
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    index: Floats = _term(shares(a + pseudocount), shares(b + pseudocount)).sum(axis=-1)
    return np.where((a.sum(axis=-1) > 0) & (b.sum(axis=-1) > 0), index, np.nan)


def population_stability_index_moments(
    reference: ArrayLike,
    current: ArrayLike,
    /,
    *,
    pseudocount: float = 0.5,
    deals: Dealt | None = None,
) -> tuple[Floats, Floats]:
    """Mean and variance of the index without drift, given the pooled counts of each bin.

    (..., bins) and (..., bins) -> (...) and (...). deals: of the same counts, where they are
    known. NaN where a side has no counts.
    """
    return moments_of_sum(deals or dealt(reference, current), term=_term, pseudocount=pseudocount)


def population_stability_index_p_value(
    index: ArrayLike, /, *, mean: ArrayLike, variance: ArrayLike
) -> Floats:
    """Chance of an index at least this large without drift: the gamma law of the moments of
    `population_stability_index_moments`. For many rows a bin that is χ² over n₁n₂/(n₁ + n₂).

    1 where there is nothing to compare (no variance), NaN where an argument is.
    Source for the limit: Yurdakul (2018), Statistical properties of population stability index.
    """
    return gamma_tail(index, mean=mean, variance=variance)


def _term(p: Floats, q: Floats) -> Floats:
    ratio = np.divide(q, p, out=np.ones(np.broadcast(p, q).shape), where=(p > 0) & (q > 0))
    return np.asarray((q - p) * np.log(ratio))
