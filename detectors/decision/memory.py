"""Whether successive windows resemble one another, and what that costs.

Thirty days that each resemble the day before say less about how days vary than thirty unrelated
ones: their spread is too small, and their mean too uncertain.
"""

from functools import lru_cache

import numpy as np

from detectors.columns import Floats
from detectors.decision.moderation import n_independent_components

_FEWEST_WINDOWS = 10

_LONGEST_STRETCH = 96
"""Windows; a longer series is taken for several that do not know of one another."""

DECAYS = np.linspace(0.05, 0.97, 24)
STRENGTHS = np.linspace(0.02, 1.0, 50)


def variance_inflation(residuals: Floats) -> float:
    """How many times the variance of the windows' mean exceeds that of independent windows.

    residuals: (windows, components) in time order, of components that share one memory. It is
    modelled as row noise plus a first-order autoregression. What its strength and decay make of
    the mean is averaged over both, each as likely as the windows make it: by the restricted
    likelihood (Patterson and Thompson 1971), for which the mean need not be known, with a scale
    of its own for each component. 1 where the first autocorrelation does not stand out by three
    standard errors, and with fewer than ten windows, from which it cannot be told.
    """
    n_windows = len(residuals)
    moving = residuals[:, residuals.std(axis=0) > 0] if n_windows else residuals
    if n_windows < _FEWEST_WINDOWS or moving.shape[1] == 0:
        return 1.0
    independent = n_independent_components(moving)
    # Of independent windows the first is −1/(n − 1), the mean being their own.
    first = _first_autocorrelation(moving) + 1 / (n_windows - 1)
    if first < 3 / np.sqrt(n_windows * independent):
        return 1.0
    logarithm = log_likelihood(moving) * independent / moving.shape[1]
    weights = np.exp(logarithm - logarithm.max())
    return float((weights * _inflations(n_windows)).sum() / weights.sum())


def _first_autocorrelation(moving: Floats) -> float:
    """Pooled over components."""
    # Standardising each by itself would bias the pooled ratio; only the wildest are held down.
    scale = moving.std(axis=0)
    scale = np.maximum(scale, 1.5 * np.median(scale))
    deviations = (moving - moving.mean(axis=0)) / scale
    return float((deviations[1:] * deviations[:-1]).mean() / (deviations**2).mean())


def log_likelihood(moving: Floats) -> Floats:
    """(decays, strengths) restricted, of all components as if they were independent."""
    series = _stretches(moving)
    degrees, n = len(series) - 1, series.shape[1]
    logarithm = np.empty((DECAYS.size, STRENGTHS.size))
    for i, (values, vectors) in enumerate(_contrasts(len(series))):
        variances = 1 + STRENGTHS[:, np.newaxis] * (values - 1)
        sums = (1 / variances) @ (vectors.T @ series) ** 2
        logarithm[i] = -(n * np.log(variances).sum(axis=1) + degrees * np.log(sums).sum(axis=1)) / 2
    return logarithm


def _stretches(moving: Floats) -> Floats:
    """(windows, components) -> (windows of a stretch, stretches · components that move in it)."""
    n_stretches = -(-len(moving) // _LONGEST_STRETCH)
    length = len(moving) // n_stretches
    parts = np.split(moving[: length * n_stretches], n_stretches)
    series = np.concatenate(parts, axis=1)
    return series[:, series.std(axis=0) > 0]


@lru_cache(maxsize=8)
def _inflations(n_windows: int) -> Floats:
    """(decays, strengths)"""
    k = np.arange(1, n_windows)
    of_decays = 2 * (1 - k / n_windows) @ DECAYS ** k[:, np.newaxis]
    inflations: Floats = 1 + of_decays[:, np.newaxis] * STRENGTHS
    return inflations


@lru_cache(maxsize=8)
def _contrasts(n_windows: int) -> tuple[tuple[Floats, Floats], ...]:
    """For every decay the uncorrelated contrasts of an autoregression, which know nothing of its
    mean: variances, (windows − 1,), and vectors, (windows, windows − 1)."""
    return tuple(_eigen(decay, n_windows) for decay in DECAYS.tolist())


def _eigen(decay: float, n: int) -> tuple[Floats, Floats]:
    k = np.arange(n)
    centring = np.eye(n) - 1 / n
    values, vectors = np.linalg.eigh(centring @ decay ** np.abs(k[:, np.newaxis] - k) @ centring)
    # The first, of the value 0, is the mean.
    return values[1:], vectors[:, 1:]
