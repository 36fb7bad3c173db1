"""Whether successive windows resemble one another, and what that costs.

Thirty days that each resemble the day before say less about how days vary than thirty unrelated
ones: their spread is too small, and their mean too uncertain.
"""

import numpy as np

from detectors.columns import Floats
from detectors.moderation import n_independent_components

_FEWEST_WINDOWS = 10
_STRONGEST = 0.95


def variance_inflation(residuals: Floats) -> float:
    """How many times the variance of the windows' mean exceeds that of independent windows.

    residuals: (windows, components) in time order, of components that share one memory. It is
    modelled as row noise plus a first-order autoregression, whose strength and decay are read
    from the pooled autocorrelations of the first three lags, corrected for the mean that was
    estimated from the same windows. 1 where the first lag does not stand out by three standard
    errors, and with fewer than ten windows, from which it cannot be told.
    """
    n_windows = len(residuals)
    moving = residuals[:, residuals.std(axis=0) > 0] if n_windows else residuals
    if n_windows < _FEWEST_WINDOWS or moving.shape[1] == 0:
        return 1.0
    independent = n_independent_components(moving)
    raw = _autocovariances((moving - moving.mean(axis=0)) / moving.std(axis=0))
    first, decay = _corrected(raw, n_windows, 1.0)
    if first < 3 / np.sqrt(n_windows * independent):
        return 1.0
    inflation = 1.0
    for _ in range(15):
        inflation = _inflation(first, decay, n_windows)
        first, decay = _corrected(raw, n_windows, inflation)
    return inflation


def _autocovariances(standardised: Floats) -> Floats:
    """(4,) of lags 0 to 3, unbiased but for the estimated mean, pooled over components."""
    n = len(standardised)
    lags = [(standardised[k:] * standardised[: n - k]).mean() for k in range(4)]
    return np.array(lags)


def _corrected(raw: Floats, n_windows: int, inflation: float) -> tuple[float, float]:
    """Lag-1 autocorrelation and decay per lag.

    Deviations from an estimated mean lack the mean's own variance, at every lag alike.
    """
    # The mean's variance is variance·inflation/n, and the variance is raw[0] plus that.
    lost = raw[0] * inflation / max(n_windows - inflation, 1.0)
    first, second, third = (raw[1:] + lost) / (raw[0] + lost)
    decay = (second + third) / (first + second) if first + second > 0 else 0.0
    return float(first), float(np.clip(decay, 0.05, _STRONGEST))


def _inflation(first: float, decay: float, n_windows: int) -> float:
    k = np.arange(1, n_windows)
    correlations = np.clip(first / decay, 0.0, 1.0) * decay**k
    return float(min(1 + 2 * ((1 - k / n_windows) * correlations).sum(), n_windows / 3))
