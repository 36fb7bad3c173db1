"""Vectors for the tests of this room, and the sums of them as they are, without an embedding."""

import numpy as np

from detectors.columns import Floats
from detectors.vectors.sums import FourierSums, VectorMoments


def vectors(n: int, d: int, *, seed: int, shift: float = 0.0, scale: float = 1.0) -> Floats:
    """Normal, correlated alike for every seed, the mean `shift` in every dimension."""
    mixing = np.random.default_rng(99).normal(size=(d, d)) / np.sqrt(d)
    return np.asarray(shift + scale * np.random.default_rng(seed).normal(size=(n, d)) @ mixing)


def moments_of(rows: Floats) -> VectorMoments:
    covariance = np.atleast_2d(np.cov(rows, rowvar=False))
    return VectorMoments(n=len(rows), mean=rows.mean(axis=0), covariance=covariance)


def features_of(rows: Floats, frequencies: Floats) -> Floats:
    phases = rows @ frequencies
    return np.concatenate([np.cos(phases), np.sin(phases)], axis=1)


def fourier_of(rows: Floats, frequencies: Floats) -> FourierSums:
    return FourierSums(n=len(rows), sums=features_of(rows, frequencies).sum(axis=0))
