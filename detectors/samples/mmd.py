"""Maximum mean discrepancy between two sets of rows, with a permutation test."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.columns import Floats
from detectors.median_distance import median_distance
from detectors.samples.permutations import (
    UNDECIDED,
    PermutationTest,
    labellings,
    p_value,
    pair_means,
)
from detectors.samples.rows import FARTHEST, finite_rows, pooled


def mmd(
    reference: ArrayLike,
    current: ArrayLike,
    /,
    *,
    rng: np.random.Generator,
    n_permutations: int = 100,
    bandwidth: float | None = None,
) -> PermutationTest:
    """Squared MMD, unbiased, with the kernel exp(-|x - y|² / (2 bandwidth²)), and its p-value.

    (rows, d) and (rows, d), any numbers of rows; a row that holds NaN or an infinity is left out.
    bandwidth: in the rows' unit; by default the median distance between rows of both sides. The
    statistic is at most 2, about 0 without a difference, and may be below. Kernels are 32-bit:
    the statistic is within 1e-6 of the 64-bit one. NaN with fewer than two rows on a side.
    Source: Gretton, Borgwardt, Rasch, Schölkopf, Smola (2012), lemma 6; p-value as in Phipson and
    Smyth (2010), never 0.
    """
    ours, theirs = finite_rows(reference), finite_rows(current)
    if min(len(ours), len(theirs)) < 2:
        return UNDECIDED
    rows, exponent = pooled(ours, theirs)
    width = median_distance(rows, rng) if bandwidth is None else np.ldexp(bandwidth, -exponent)
    signs = labellings(len(ours), len(theirs), n_permutations, rng)
    means = pair_means(_Gaussian(rows, width).tile, signs)
    statistics = means.reference + means.current - 2 * means.between
    return PermutationTest(float(statistics[0]), p_value(statistics, scale=means.overall))


class _Gaussian:
    """-|x - y|²/2 is x·y - |x|²/2 - |y|²/2: one product of rows that carry their squares along."""

    def __init__(self, rows: Floats, bandwidth: float) -> None:
        scaled = np.clip(rows / bandwidth, -FARTHEST, FARTHEST).astype(np.float32)
        square = (scaled**2).sum(axis=1, keepdims=True) / -2
        one = np.ones_like(square)
        self._left = np.concatenate([scaled, square, one], axis=1)
        self._right = np.concatenate([scaled, one, square], axis=1)

    def tile(self, left: slice, right: slice) -> NDArray[np.float32]:
        kernel: NDArray[np.float32] = self._left[left] @ self._right[right].T
        np.minimum(kernel, 0, out=kernel)  # above 0 by rounding alone
        np.exp(kernel, out=kernel)
        return kernel
