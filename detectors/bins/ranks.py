"""Orthonormal polynomials of the ranks that a reference gives to its bins."""

from collections.abc import Iterable

import numpy as np
from numpy.polynomial import legendre

from detectors.columns import Counts, Floats


def rank_polynomials(counts: Counts, /, *, degree: int) -> Floats:
    """Legendre polynomials of the bins' mid-ranks, made orthonormal under the bins' own masses.

    counts: (bins,) of the reference in the order of the values. Returns (bins, k): each of
    mean 0 and variance 1 over the reference's rows. k is `degree`, or fewer where there are too
    few distinct values to bear them.
    """
    total = counts.sum()
    if total == 0:
        return np.zeros((counts.size, 0))
    masses = counts / total
    ranks = np.cumsum(masses) - masses / 2
    orthonormal = [np.ones(counts.size)]
    for candidate in legendre.legvander(2 * ranks - 1, degree).T[1:]:
        rest = _remove(candidate, orthonormal, masses)
        norm = np.sqrt((masses * rest**2).sum())
        if norm > 1e-6:
            orthonormal.append(rest / norm)
    return np.stack(orthonormal[1:], axis=-1) if orthonormal[1:] else np.zeros((counts.size, 0))


def _remove(vector: Floats, basis: Iterable[Floats], masses: Floats) -> Floats:
    """What is left of `vector` outside the basis; twice, for the sake of rounding."""
    for _ in range(2):
        for direction in basis:
            vector = vector - (masses * vector * direction).sum() * direction
    return vector
