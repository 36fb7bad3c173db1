"""A change spread thinly over many columns, none of which shows it alone."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import fdtrc

from detectors.columns import Floats

FEWEST_COMPONENTS = 3
FEWEST_WINDOWS = 20

MOVED_SHARE = 0.1
MOVED_BY = 2.0
"""The change that is bet on: a tenth of the columns, by two standard deviations either way. Where
ten of eighty columns move by three it sees 85 %, at a chance of 1/3700, of which a sum of squares
sees 65 %."""


@dataclass(frozen=True, slots=True)
class Dense:
    """The law of the mean over components of the logarithm of a sparse mixture's likelihood ratio.

    It is the statistic of Ingster (1997) and Donoho and Jin (2004) for a few of many means that
    have moved. Its law is taken for a shifted and scaled χ² with the same variance and skewness.
    Were the components independent these would follow from their number; correlations C make them
    tr C² / n and tr C³ / n times as large, as they do a sum of squares. That is exact also where
    all components are one, and too much in between, the statistic's higher powers being less
    correlated than its squares (Mehler's formula). The traces are read from the cross products of
    the reference's windows. As the windows know the scale from so many times the components'
    degrees of freedom, an F law stands for the χ².

    variance: of the mean. df: of the χ². n_windows: learned from.
    """

    variance: float
    df: float
    n_windows: int

    @staticmethod
    def fit(deviations: Floats) -> "Dense | None":
        """From the windows' standardised deviations from their mean, (windows, components).

        None where there is too little of either to learn from.
        """
        complete = deviations[:, ~np.isnan(deviations).any(axis=0)]
        n_windows, n = complete.shape
        if n < FEWEST_COMPONENTS or n_windows < FEWEST_WINDOWS:
            return None
        second, third = _traces(complete)
        # Correlations cannot lie outside those of independent and of identical components.
        second = float(np.clip(second, n, n * n))
        third = float(np.clip(third, second**1.5 / np.sqrt(n), second**1.5))
        variance = _MOMENTS.variance * second / n**2
        third_moment = _MOMENTS.third * third / n**3
        return Dense(variance, 8 * variance**3 / third_moment**2, n_windows)

    def p_value(self, scores: Floats) -> float:
        """Of the normal scores of one more window, (components,); NaN without any. One-sided: a
        window may be less remarkable than the reference's, and that is no drift.
        """
        known = scores[~np.isnan(scores)]
        if known.size == 0:
            return float("nan")
        excess = float(log_mixture_ratio(known).mean()) - _MOMENTS.mean
        ratio = 1 + excess / np.sqrt(self.variance) * np.sqrt(2 / self.df)
        return float(fdtrc(self.df, self.df * (self.n_windows - 1), max(ratio, 0.0)))


def log_mixture_ratio(z: Floats) -> Floats:
    """Log likelihood ratio to N(0, 1) of a mixture of it with N(m, 1) and N(−m, 1)."""
    ratio = np.exp(-(MOVED_BY**2) / 2) * np.cosh(MOVED_BY * z)
    logarithm: Floats = np.log1p(MOVED_SHARE * (ratio - 1))
    return logarithm


@dataclass(frozen=True, slots=True)
class _Moments:
    """Of a standard normal's `log_mixture_ratio`; variance and third are central."""

    mean: float
    variance: float
    third: float

    @staticmethod
    def integrate() -> "_Moments":
        z = np.linspace(-12.0, 12.0, 4801)
        density = np.exp(-(z**2) / 2)
        density /= density.sum()
        value = log_mixture_ratio(z)
        mean = float(density @ value)
        return _Moments(
            mean=mean,
            variance=float(density @ (value - mean) ** 2),
            third=float(density @ (value - mean) ** 3),
        )


_MOMENTS: Final = _Moments.integrate()


def _traces(deviations: Floats) -> tuple[float, float]:
    """Estimates of tr C² and tr C³ from products over pairs and triples of different windows."""
    n = len(deviations)
    # From their own mean the windows deviate less than from the true one.
    products = deviations @ deviations.T * (n / (n - 1))
    # ... and so in opposite directions: without that the sum of squares would grow by n²/windows².
    products += np.trace(products) / (n * (n - 1))
    np.fill_diagonal(products, 0.0)
    second = (products**2).sum() / (n * (n - 1))
    third = np.trace(products @ products @ products) / (n * (n - 1) * (n - 2))
    return float(second), float(third)
