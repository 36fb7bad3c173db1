"""Mean and variance, without drift, of a statistic that is a sum over bins."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from detectors.columns import Floats

N_NODES, N_NODES_NEAR_EMPTY = 17, 33
"""Sums of smooth terms over evenly spaced nodes converge at once. Where a bin may well be empty
they are not smooth, and nodes that leave counts out must leave out few.
"""

REACH = 6.0
"""Standard deviations around a bin's expected count: what lies beyond has a chance of 1e-9."""

N_POLYNOMIALS = 3

Term = Callable[[Floats, Floats], Floats]
"""What a bin adds to the statistic, of its shares in the reference and in the window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealt:
    """The pooled rows of two samples, dealt out to them at random: what every such statistic of
    the same counts begins with.

    pooled: (..., bins) counts of both. n_reference, n_current: (..., 1). known: (...) neither is 0.
    nodes, chances: (..., bins, nodes) counts that a bin may have in the window, and their chances.
    polynomials: (..., bins, nodes) each, orthonormal under the chances, of degree 1, 2, ...
    """

    pooled: Floats
    n_reference: Floats
    n_current: Floats
    known: NDArray[np.bool_]
    nodes: Floats
    chances: Floats
    polynomials: tuple[Floats, ...]


def dealt(reference: ArrayLike, current: ArrayLike, /, *, n_nodes: int | None = None) -> Dealt:
    """(..., bins) and (..., bins) counts. n_nodes: more than the usual ones for a term with a
    kink."""
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    pooled, n_a, n_b = a + b, a.sum(axis=-1)[..., None], b.sum(axis=-1)[..., None]
    known = ((n_a > 0) & (n_b > 0))[..., 0]
    n_a, n_b = np.maximum(n_a, 1), np.maximum(n_b, 1)
    nodes, chances = _hypergeometric(pooled, n_a, n_b, n_nodes)
    return Dealt(
        pooled=pooled,
        n_reference=n_a,
        n_current=n_b,
        known=known,
        nodes=nodes,
        chances=chances,
        polynomials=tuple(_polynomials(nodes, chances)),
    )


def moments_of_sum(
    rows: Dealt, /, *, term: Term, pseudocount: float = 0.0
) -> tuple[Floats, Floats]:
    """Mean and variance of Σ term(p, q) over all ways to deal the pooled rows out to two samples
    of these sizes: ties and a finite reference are accounted for, and bins of few rows.

    Returns (...) and (...). `pseudocount` is added to every bin of both sides before the shares are
    taken. NaN where a side has no counts.

    A bin's count is hypergeometric, and its term's mean and variance are sums over that law. Two
    bins' counts are correlated by -√(rᵢrⱼ), r = p / (1 - p), and their k-th orthogonal polynomials
    by the k-th power (exactly so in the multinomial law: Griffiths 1971), so that the covariances
    of all pairs are products and need no pairs. Within 1 % of the mean and 3 % of the variance.
    """
    pooled, n_a, n_b = rows.pooled, rows.n_reference, rows.n_current
    added = pseudocount * pooled.shape[-1]
    p = (pooled[..., None] - rows.nodes + pseudocount) / (n_a + added)[..., None]
    values = term(p, (rows.nodes + pseudocount) / (n_b + added)[..., None])
    weighted = rows.chances * values
    mean = weighted.sum(axis=-1)
    variance = (rows.chances * (values - mean[..., None]) ** 2).sum(axis=(-2, -1))
    odds = np.sqrt(pooled / np.maximum(n_a + n_b - pooled, 1))
    for k, polynomial in enumerate(rows.polynomials, 1):
        parts = odds**k * (weighted * polynomial).sum(axis=-1)
        variance += (-1) ** k * (parts.sum(axis=-1) ** 2 - (parts**2).sum(axis=-1))
    totals = mean.sum(axis=-1), np.maximum(variance, 0.0)
    return np.where(rows.known, totals[0], np.nan), np.where(rows.known, totals[1], np.nan)


def _hypergeometric(
    pooled: Floats, n_a: Floats, n_b: Floats, n_nodes: int | None
) -> tuple[Floats, Floats]:
    """Counts that a bin may have in the window, and their chances, (..., bins, nodes) both.

    Every possible count where they are few, else every second, third, ... of those within reach.
    """
    n = n_a + n_b
    mean = pooled * n_b / n
    sd = np.sqrt(mean * (n_a / n) * (n - pooled) / np.maximum(n - 1, 1))
    lowest = np.maximum(np.maximum(pooled - n_a, 0), np.floor(mean - REACH * sd))
    highest = np.minimum(np.minimum(pooled, n_b), np.ceil(mean + REACH * sd))
    n_nodes = n_nodes or (N_NODES if (lowest > 0).all() else N_NODES_NEAR_EMPTY)
    step = np.maximum(np.ceil((highest - lowest) / (n_nodes - 1)), 1)
    nodes: Floats = lowest[..., None] + step[..., None] * np.arange(n_nodes)
    possible = nodes <= highest[..., None]
    nodes = np.minimum(nodes, highest[..., None])
    rest = pooled[..., None] - nodes
    in_each = np.stack([nodes, rest, n_b[..., None] - nodes, n_a[..., None] - rest])
    logarithm = np.where(possible, -gammaln(in_each + 1).sum(axis=0), -np.inf)
    chances = np.exp(logarithm - logarithm.max(axis=-1, keepdims=True))
    return nodes, chances / chances.sum(axis=-1, keepdims=True)


def _polynomials(nodes: Floats, chances: Floats) -> Iterator[Floats]:
    """(..., bins, nodes) the orthonormal polynomials of degree 1, 2, ..."""
    centred = nodes - (chances * nodes).sum(axis=-1, keepdims=True)
    sd = np.sqrt((chances * centred**2).sum(axis=-1, keepdims=True))
    z = np.divide(centred, sd, out=np.zeros_like(centred), where=sd > 0)
    before, polynomial = np.zeros_like(z), np.ones_like(z)
    for _ in range(N_POLYNOMIALS):
        # The next one is z times this one, less its parts in this one and the one before.
        following = z * polynomial
        for known in (polynomial, before, polynomial):
            following = following - (chances * following * known).sum(-1, keepdims=True) * known
        norm = np.sqrt((chances * following**2).sum(axis=-1, keepdims=True))
        following = np.divide(following, norm, out=np.zeros_like(z), where=norm > 1e-6)
        before, polynomial = polynomial, following
        yield polynomial
