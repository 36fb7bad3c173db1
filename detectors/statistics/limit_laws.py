"""Upper tails of Σ λⱼ Zⱼ², which quadratic statistics of two samples follow in the limit."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from detectors.columns import Floats

N_NODES = 64
"""In each interval: the tail is exact to ten digits down to 1e-100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitLaw:
    """The law of Σ λⱼ Zⱼ² as a mixture of exponentials.

    rates, weights: (nodes,). mean, variance: Σ λⱼ and 2 Σ λⱼ².
    lowest: below it lies less than 1e-10 of the law, and the mixture has not converged.
    """

    rates: Floats
    weights: Floats
    mean: float
    variance: float
    lowest: float

    def upper_tail(self, statistic: ArrayLike) -> Floats:
        """Chance of a value at least as large. (...) -> (...)."""
        x = np.maximum(np.asarray(statistic, dtype=np.float64), self.lowest)
        tail: Floats = np.exp(-x[..., None] * self.rates) @ self.weights
        return np.clip(tail, 0.0, 1.0)

    def matched_tail(self, statistic: ArrayLike, *, mean: ArrayLike, variance: ArrayLike) -> Floats:
        """The upper tail after `statistic`, of this mean and variance, is given the law's own.

        Ties leave the shape of the law nearly as it is, but not its moments. 1 where the variance
        is 0: there was nothing to compare. NaN where an argument is.
        """
        statistic, variance = np.asarray(statistic), np.asarray(variance, dtype=np.float64)
        scale = np.sqrt(self.variance / np.where(variance > 0, variance, 1.0))
        tail = self.upper_tail(self.mean + (statistic - mean) * scale)
        tail = np.where(variance == 0, 1.0, tail)
        return np.where(np.isnan(statistic + variance), np.nan, tail)


def smirnov_law(
    poles: Floats,
    determinant: Callable[[Floats], Floats],
    *,
    mean: float,
    variance: float,
    lowest: float,
) -> LimitLaw:
    """The law of Σ λⱼ Zⱼ² with distinct λⱼ by Smirnov's formula,

        P(Q > x) = 1/π Σₖ (−1)ᵏ⁺¹ ∫ exp(−xu/2) / (u √|D(u)|) du  from 1/λ₂ₖ₋₁ to 1/λ₂ₖ.

    poles: (2k,) the 1/λⱼ, ascending. determinant: D(u) = Π (1 − λⱼu). Gauss-Chebyshev quadrature
    absorbs the roots at both ends of each interval. Source: Smirnov (1937).
    """
    angles = (np.arange(N_NODES) + 0.5) * np.pi / N_NODES
    start, end = poles[::2, None], poles[1::2, None]
    u = (start + end) / 2 - (end - start) / 2 * np.cos(angles)
    signs = np.where(np.arange(len(start)) % 2 == 0, 1.0, -1.0)[:, None]
    density = (end - start) / 2 * np.sin(angles) / (u * np.sqrt(np.abs(determinant(u))))
    return LimitLaw(
        rates=u.ravel() / 2,
        weights=(signs * density).ravel() / N_NODES,
        mean=mean,
        variance=variance,
        lowest=lowest,
    )
