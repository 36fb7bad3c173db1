"""Whether successive windows resemble one another, and what that costs.

Thirty days that each resemble the day before say less about how days vary than thirty unrelated
ones: their spread is too small, and their mean too uncertain.
"""

import numpy as np

from detectors.columns import Floats
from detectors.decision.moderation import n_independent_components

_FEWEST_WINDOWS = 10
_LARGEST_LAG = 8
_DECAYS = np.linspace(0.05, 0.97, 47)
_STRENGTHS = np.linspace(0.02, 1.0, 50)


def variance_inflation(residuals: Floats) -> float:
    """How many times the variance of the windows' mean exceeds that of independent windows.

    residuals: (windows, components) in time order, of components that share one memory. It is
    modelled as row noise plus a first-order autoregression, whose strength and decay are those
    whose expected autocorrelations, about a mean that is estimated from the same windows, are
    closest to the pooled ones found. 1 where the first lag does not stand out by three standard
    errors, and with fewer than ten windows, from which it cannot be told.
    """
    n_windows = len(residuals)
    moving = residuals[:, residuals.std(axis=0) > 0] if n_windows else residuals
    if n_windows < _FEWEST_WINDOWS or moving.shape[1] == 0:
        return 1.0
    independent = n_independent_components(moving)
    # Standardising each by itself would bias the pooled ratios; only the wildest are held down.
    scale = moving.std(axis=0)
    scale = np.maximum(scale, 1.5 * np.median(scale))
    found = _autocovariances((moving - moving.mean(axis=0)) / scale)
    # Of independent windows the first is −1/(n − 1), the mean being their own.
    if found[1] / found[0] + 1 / (n_windows - 1) < 3 / np.sqrt(n_windows * independent):
        return 1.0
    strength, decay = _closest(found, n_windows)
    k = np.arange(1, n_windows)
    correlations = strength * decay**k
    return float(min(1 + 2 * ((1 - k / n_windows) * correlations).sum(), n_windows / 3))


def _autocovariances(deviations: Floats) -> Floats:
    """(lags + 1,) pooled over components."""
    n = len(deviations)
    lags = range(min(_LARGEST_LAG, n // 3) + 1)
    return np.array([(deviations[k:] * deviations[: n - k]).mean() for k in lags])


def _closest(found: Floats, n_windows: int) -> tuple[float, float]:
    """Strength and decay of an autoregression in noise, by least squares of autocorrelations."""
    noise = _expected(0.0, n_windows, found.size)
    signal = np.stack([_expected(decay, n_windows, found.size) for decay in _DECAYS])
    mixed = noise + _STRENGTHS[:, np.newaxis, np.newaxis] * (signal - noise)
    error = ((mixed[..., 1:] / mixed[..., :1] - found[1:] / found[0]) ** 2).sum(axis=-1)
    strength, decay = np.unravel_index(error.argmin(), error.shape)
    return float(_STRENGTHS[strength]), float(_DECAYS[decay])


def _expected(decay: float, n: int, n_lags: int) -> Floats:
    """(lags,) expected autocovariances of n values of an autoregression about their own mean."""
    i = np.arange(n)
    # The average covariance of each value with all n: two geometric series.
    with_mean = ((1 - decay ** (i + 1)) + (decay - decay ** (n - i))) / (1 - decay) / n
    common = with_mean.mean()
    lags = [decay**k - with_mean[: n - k].mean() - with_mean[k:].mean() for k in range(n_lags)]
    expected: Floats = np.array(lags) + common
    return expected
