"""What a row costs whoever expects the reference and meets the window."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import rel_entr

from detectors.columns import Floats
from detectors.statistics.bin_sums import Dealt, dealt, moments_of_sum
from detectors.statistics.matched_laws import gamma_tail
from detectors.statistics.shares import shares


def kullback_leibler(
    reference: ArrayLike, current: ArrayLike, /, *, pseudocount: float = 0.5
) -> Floats:
    """Kullback-Leibler divergence of the window from the reference in nats: Σ q ln(q / p).

    (..., bins) and (..., bins) -> (...), from 0 up. `pseudocount` is added to every bin of both
    sides; without it a bin that only the window fills makes the divergence infinite. Swapping
    the sides and adding gives the population stability index. A row of counts that sums to
    zero is NaN. Source: Kullback and Leibler (1951).
    """
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    divergence = _term(shares(a + pseudocount), shares(b + pseudocount)).sum(axis=-1)
    defined = (a.sum(axis=-1) > 0) & (b.sum(axis=-1) > 0)
    return np.where(defined, np.maximum(divergence, 0.0), np.nan)


def kullback_leibler_moments(
    reference: ArrayLike,
    current: ArrayLike,
    /,
    *,
    pseudocount: float = 0.5,
    deals: Dealt | None = None,
) -> tuple[Floats, Floats]:
    """Mean and variance of the divergence without drift, given the pooled counts of each bin.

    (..., bins) and (..., bins) -> (...) and (...). deals: of the same counts, where they are
    known. NaN where a side has no counts. The pseudocount must not be 0: the divergence may then be
    infinite.
    """
    return moments_of_sum(deals or dealt(reference, current), term=_term, pseudocount=pseudocount)


def kullback_leibler_p_value(
    divergence: ArrayLike, /, *, mean: ArrayLike, variance: ArrayLike
) -> Floats:
    """Chance of a divergence at least this large without drift: the gamma law of the moments of
    `kullback_leibler_moments`.

    1 where there is nothing to compare (no variance), NaN where an argument is.
    """
    return gamma_tail(divergence, mean=mean, variance=variance)


def _term(p: Floats, q: Floats) -> Floats:
    return rel_entr(q, p)
