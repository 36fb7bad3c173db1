"""The least work of turning one cloud of vectors into another, both taken for Gaussian."""

import numpy as np

from detectors.columns import Floats
from detectors.vectors.sums import VectorMoments


def frechet_distance(reference: VectorMoments, current: VectorMoments, /) -> float:
    """Fréchet (Wasserstein-2) distance between the two Gaussians with these moments.

    √(|μ - ν|² + tr(A + B - 2 (AB)^½)), in the vectors' unit, from 0 up; its square is the FID of
    generated images. Of a projection it is at most the whole vectors'. Two small samples of one
    law are not at 0: it has no unbiased estimate. NaN with fewer than two vectors on a side.
    Source: Dowson and Landau (1982).
    """
    if min(reference.n, current.n) < 2 or len(reference.mean) == 0:
        return np.nan
    root = _root(reference.covariance)
    cross = np.linalg.eigvalsh(root @ current.covariance @ root)
    shift = float(((current.mean - reference.mean) ** 2).sum())
    spreads = float(np.trace(reference.covariance) + np.trace(current.covariance))
    return float(np.sqrt(max(shift + spreads - 2 * np.sqrt(np.maximum(cross, 0)).sum(), 0)))


def _root(covariance: Floats) -> Floats:
    """(k, k) the symmetric square root."""
    values, vectors = np.linalg.eigh(covariance)
    root: Floats = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root
