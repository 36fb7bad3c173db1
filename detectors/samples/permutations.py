"""Two-sample tests by permuting labels: every permutation at once, in one pass over the kernel.

Permuting which rows are the reference's permutes signs, not the kernel. So a tile of the kernel
matrix is made once, multiplied by the matrix of all sign vectors, and forgotten; the matrix is
symmetric, so the tiles on one side of its diagonal are enough.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Floats

Tile = Callable[[slice, slice], NDArray[np.float32]]
"""The kernel between two runs of rows, (rows, rows); the caller may write to it."""

N_TILE = 512
"""Rows to a side: one tile of 1 MB stays in the processor's cache from its making to its use."""

_TOLERANCE = 1e-6
"""Of the mean kernel: sums that differ by less do so by rounding, and count as ties."""


@dataclass(frozen=True, slots=True)
class PermutationTest:
    """p_value: the share of labellings, the observed one among them, at least as far apart."""

    statistic: float
    p_value: float


UNDECIDED = PermutationTest(np.nan, np.nan)


@dataclass(frozen=True, slots=True)
class PairMeans:
    """Mean kernel over pairs of distinct rows, one of each for every labelling.

    reference, current: within a side, pairs being n(n - 1). between: pairs of one of each side.
    overall: over all pairs of rows, whatever their side, of the kernel's magnitude.
    """

    reference: Floats
    current: Floats
    between: Floats
    overall: float


def labellings(
    n_reference: int, n_current: int, n_permutations: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """(rows, 1 + permutations) of +1, the reference's rows, and -1; the first as observed."""
    observed = np.repeat(np.array([1, -1], dtype=np.int8), (n_reference, n_current))
    permuted = rng.permuted(np.tile(observed, (n_permutations, 1)), axis=1)
    return np.concatenate([observed[:, np.newaxis], permuted.T], axis=1, dtype=np.float32)


def pair_means(tile: Tile, signs: NDArray[np.float32]) -> PairMeans:
    """The means of the kernel that `tile` makes, for every labelling in `signs`."""
    return means_of_forms(*_forms(tile, signs), signs)


def means_of_forms(plus_total: Floats, square: Floats, signs: NDArray[np.float32]) -> PairMeans:
    """The means, from 1'Ks and s'Ks of the kernel for s all ones and every labelling."""
    total, linear, square = plus_total[0], plus_total[1:], square[1:]
    n = np.count_nonzero(signs[:, 0] > 0)
    m = len(signs) - n
    return PairMeans(
        reference=(total + 2 * linear + square) / (4 * n * (n - 1)),
        current=(total - 2 * linear + square) / (4 * m * (m - 1)),
        between=(total - square) / (4 * n * m),
        overall=abs(total) / ((n + m) * (n + m - 1)),
    )


def p_value(statistics: Floats, *, scale: float) -> float:
    """Of the first statistic among all. scale: the size of what they are differences of."""
    n_as_far = int(np.count_nonzero(statistics >= statistics[0] - _TOLERANCE * scale))
    return n_as_far / len(statistics)


def _forms(tile: Tile, signs: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """1'Ks and s'Ks of the kernel with a diagonal of zeros, for s all ones and every labelling.

    Sums within a tile are 32-bit, sums over tiles 64-bit.
    """
    n, n_labellings = signs.shape
    vectors = np.concatenate([np.ones((n, 1), dtype=np.float32), signs], axis=1)
    linear, square = np.zeros(1 + n_labellings), np.zeros(1 + n_labellings)
    starts = range(0, n, N_TILE)
    for i in starts:
        rows = slice(i, i + N_TILE)
        for j in starts[i // N_TILE :]:
            kernel = tile(rows, slice(j, j + N_TILE))
            if i == j:
                np.fill_diagonal(kernel, 0)
            product = kernel @ vectors[j : j + N_TILE]
            # The mirror image of a tile off the diagonal adds its transpose's share.
            linear += product.sum(axis=0, dtype=np.float64)
            linear += (i != j) * (product[:, 0] @ vectors[rows])
            product *= vectors[rows]
            square += (1 + (i != j)) * product.sum(axis=0, dtype=np.float64)
    return linear, square
