"""The energy that holds two sets of rows apart, with a permutation test."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.columns import Floats
from detectors.samples.permutations import (
    UNDECIDED,
    PermutationTest,
    labellings,
    p_value,
    pair_means,
)
from detectors.samples.rows import finite_rows, pooled


def energy_distance(
    reference: ArrayLike,
    current: ArrayLike,
    /,
    *,
    rng: np.random.Generator,
    n_permutations: int = 100,
) -> PermutationTest:
    """Energy distance, √(2 E|X − Y| − E|X − X′| − E|Y − Y′|), and its p-value.

    (rows, d) and (rows, d), any numbers of rows; a row that holds NaN or an infinity is left out.
    Distances are Euclidean, so columns should be of one unit. The statistic is from 0 up, in
    roots of that unit, and of the samples as they are: a row's distance from itself, 0, counts.
    NaN with fewer than two rows on a side.
    Source: Székely and Rizzo (2013); p-value as in Phipson and Smyth (2010), never 0.
    """
    ours, theirs = finite_rows(reference), finite_rows(current)
    n, m = len(ours), len(theirs)
    if min(n, m) < 2:
        return UNDECIDED
    rows, exponent = pooled(ours, theirs)
    means = pair_means(_Distance(rows).tile, labellings(n, m, n_permutations, rng))
    within = means.reference * (1 - 1 / n) + means.current * (1 - 1 / m)
    energies = 2 * means.between - within
    statistic = np.sqrt(max(float(energies[0]), 0.0)) * 2.0 ** (exponent / 2)
    return PermutationTest(float(statistic), p_value(energies, scale=means.overall))


class _Distance:
    """64-bit until the root is taken: rows that are alike differ in the last digits of squares."""

    def __init__(self, rows: Floats) -> None:
        square = (rows**2).sum(axis=1, keepdims=True)
        one = np.ones_like(square)
        self._left = np.concatenate([-2 * rows, square, one], axis=1)
        self._right = np.concatenate([rows, one, square], axis=1)

    def tile(self, left: slice, right: slice) -> NDArray[np.float32]:
        squares = self._left[left] @ self._right[right].T
        np.maximum(squares, 0, out=squares)  # below 0 by rounding alone
        distances: NDArray[np.float32] = np.sqrt(squares, dtype=np.float32, casting="same_kind")
        return distances
