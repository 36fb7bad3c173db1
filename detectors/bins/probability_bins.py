"""Bins of predicted probabilities: fine where a reference has many, and cut at every tenth."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Floats

QUANTILES = np.sort(
    np.concatenate([np.arange(1, 64) / 64, *([p, 1 - p] for p in 2.0 ** -np.arange(7, 11))])
)
"""Where probabilities are cut, besides at tenths: finer at both ends, for classes that are rare."""

ATOM_SHARE = 1 / 64
"""A probability that occurs so often has a bin of its own."""

TENTHS = np.arange(1, 10) / 10


def probability_edges(columns: Sequence[Floats]) -> Floats:
    """(columns, edges) inner limits of the bins, increasing, padded with infinity.

    columns: (rows,) the probabilities of the reference, one column a class. A bin holds its upper
    limit and not its lower one.
    """
    edges = [_edges_of(column) for column in columns]
    longest = max(map(len, edges), default=0)
    padded = [np.pad(e, (0, longest - len(e)), constant_values=np.inf) for e in edges]
    return np.array(padded).reshape(len(edges), longest)


def _edges_of(values: Floats) -> Floats:
    ordered = np.sort(values[np.isfinite(values)]).astype(np.float64)
    if len(ordered) == 0:
        return TENTHS
    quantiles = ordered[np.ceil(QUANTILES * len(ordered)).astype(np.intp) - 1]
    common, n = np.unique(ordered, return_counts=True)
    atoms = common[n > max(1, ATOM_SHARE * len(ordered))]
    return np.unique(np.concatenate([TENTHS, quantiles, atoms, np.nextafter(atoms, -np.inf)]))


def hold_one_value(edges: Floats) -> NDArray[np.bool_]:
    """(columns, edges) -> (columns, edges + 1) whether a bin can hold one value alone."""
    outside = np.full((len(edges), 1), np.inf)
    lower, upper = np.hstack([-outside, edges]), np.hstack([edges, outside])
    return np.asarray((np.nextafter(lower, np.inf) == upper) & np.isfinite(upper))
