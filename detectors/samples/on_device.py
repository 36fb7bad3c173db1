"""The kernel two-sample test by the kernels of a backend, for samples that are large."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.backend import Backend, in_batches
from detectors.columns import Floats
from detectors.median_distance import median_distance
from detectors.samples.permutations import (
    UNDECIDED,
    PermutationTest,
    labellings,
    means_of_forms,
    p_value,
)
from detectors.samples.rows import FARTHEST, finite_rows, pooled

BATCH_ROWS = 1 << 13
"""Rows of the kernel matrix at a time, each against all rows."""


def mmd_on(
    backend: Backend,
    reference: ArrayLike,
    current: ArrayLike,
    /,
    *,
    rng: np.random.Generator,
    n_permutations: int = 100,
    bandwidth: float | None = None,
) -> PermutationTest:
    """What `detectors.samples.mmd` says, within 1e-5; arguments as there."""
    ours, theirs = finite_rows(reference), finite_rows(current)
    if min(len(ours), len(theirs)) < 2:
        return UNDECIDED
    rows, exponent = pooled(ours, theirs)
    width = median_distance(rows, rng) if bandwidth is None else np.ldexp(bandwidth, -exponent)
    scaled = np.clip(rows / width, -FARTHEST, FARTHEST).astype(np.float32)
    signs = labellings(len(ours), len(theirs), n_permutations, rng)
    means = means_of_forms(*_forms(backend, scaled, signs), signs)
    statistics = means.reference + means.current - 2 * means.between
    return PermutationTest(float(statistics[0]), p_value(statistics, scale=means.overall))


def _forms(
    backend: Backend, rows: NDArray[np.float32], signs: NDArray[np.float32]
) -> tuple[Floats, Floats]:
    """1'Ks and s'Ks of the kernel with a diagonal of zeros, for s all ones and every labelling."""
    vectors = np.concatenate([np.ones((len(rows), 1), dtype=np.float32), signs], axis=1)

    def job(on: Backend, where: slice) -> NDArray[np.float32]:
        kernel = on.gaussians(on.put(rows[where]), on.put(rows))
        return on.get(on.product(kernel, on.put(vectors)))

    ran = in_batches(job, len(rows), backend=backend, batch_rows=BATCH_ROWS)
    # A row's kernel with itself is 1, up to a rounding that the tolerance allows for.
    products = np.concatenate(ran.parts).astype(np.float64) - vectors
    return products.sum(axis=0), (products * vectors).sum(axis=0)
