"""A change spread thinly over many columns, none of which shows it alone."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import chdtrc, fdtrc

from detectors.columns import Floats

FEWEST_COMPONENTS = 3
FEWEST_WINDOWS = 20

MOVED_SHARE = 0.1
MOVED_BY = 2.0
"""The change that is bet on: a tenth of the columns, by two standard deviations either way. Where
ten of eighty columns move by three it sees 85 %, at a chance of 1/3700, of which a sum of squares
sees 65 %."""


N_DRAWS = 4096
"""From which variance and skewness are taken; seeded, so that they are always the same."""


@dataclass(frozen=True, slots=True)
class Dense:
    """The law of the mean over components of the logarithm of a sparse mixture's likelihood ratio.

    It is the statistic of Ingster (1997) and Donoho and Jin (2004) for a few of many means that
    have moved. Its law is taken for a shifted and scaled χ² with its mean, and with its variance
    and skewness over draws of normal scores that are correlated as the components are.

    variance: of the mean. df: of the χ². n_windows: from which a factor common to all components
    was learned, so that an F law stands for the χ²; None where rows alone explain how they are
    correlated.
    """

    variance: float
    df: float
    n_windows: int | None

    @staticmethod
    def fit(deviations: Floats, correlation: Floats) -> "Dense | None":
        """deviations: (windows, components) of the windows from their mean, standardised.
        correlation: (components, components) of the scores, as far as rows explain it.

        None where there is too little of either to learn from.
        """
        complete = ~np.isnan(deviations).any(axis=0)
        n_windows, n = len(deviations), int(complete.sum())
        if n < FEWEST_COMPONENTS or n_windows < FEWEST_WINDOWS:
            return None
        explained = correlation[np.ix_(complete, complete)]
        common = _common_share(deviations[:, complete], explained)
        together = (1 - common) * explained + common
        excess = _draws(together).mean(axis=1) - _MEAN
        variance, third = float((excess**2).mean()), float((excess**3).mean())
        return Dense(
            variance=variance,
            df=8 * variance**3 / max(third, 1e-3 * variance**1.5) ** 2,
            n_windows=n_windows if common else None,
        )

    def p_value(self, scores: Floats) -> float:
        """Of the normal scores of one more window, (components,); NaN without any. One-sided: a
        window may be less remarkable than the reference's, and that is no drift.
        """
        known = scores[~np.isnan(scores)]
        if known.size == 0:
            return float("nan")
        excess = float(log_mixture_ratio(known).mean()) - _MEAN
        ratio = max(1 + excess / np.sqrt(self.variance) * np.sqrt(2 / self.df), 0.0)
        if self.n_windows is None:
            return float(chdtrc(self.df, self.df * ratio))
        return float(fdtrc(self.df, self.df * (self.n_windows - 1), ratio))


def log_mixture_ratio(z: Floats) -> Floats:
    """Log likelihood ratio to N(0, 1) of a mixture of it with N(m, 1) and N(−m, 1)."""
    ratio = np.exp(-(MOVED_BY**2) / 2) * np.cosh(MOVED_BY * z)
    logarithm: Floats = np.log1p(MOVED_SHARE * (ratio - 1))
    return logarithm


def moved_probability(z: Floats) -> Floats:
    """That each has moved, once it was seen, as the bet has it."""
    moved = MOVED_SHARE * np.exp(-(MOVED_BY**2) / 2) * np.cosh(MOVED_BY * z)
    probability: Floats = moved / (1 - MOVED_SHARE + moved)
    return probability


def expected_shift(z: Floats) -> Floats:
    """How far each has moved, as the bet has it: the derivative of `log_mixture_ratio`. It draws
    towards 0 what chance explains."""
    shift: Floats = MOVED_BY * np.tanh(MOVED_BY * z) * moved_probability(z)
    return shift


def _mean() -> float:
    """Of a standard normal's `log_mixture_ratio`."""
    z = np.linspace(-12.0, 12.0, 4801)
    density = np.exp(-(z**2) / 2)
    return float(density @ log_mixture_ratio(z) / density.sum())


_MEAN: Final = _mean()


def _draws(correlation: Floats) -> Floats:
    """(draws, components) ratios of normal scores of this correlation."""
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    normal = np.random.default_rng(1).normal(size=(N_DRAWS, len(values)))
    return log_mixture_ratio(normal @ root.T)


def _common_share(deviations: Floats, correlation: Floats) -> float:
    """The part that one factor common to all components has in them, 0..1.

    It explains by how much the windows' squared correlations exceed those of rows; 0 where the
    excess is within two standard errors.
    """
    n_windows, n = deviations.shape
    explained, found = float((correlation**2).sum()), _squared_correlations(deviations)
    if found < explained * (1 + 2 * np.sqrt(4 / (n_windows * (n_windows - 1)))):
        return 0.0
    # The sum of ((1 − a) c + a)² over all pairs is a quadratic in a, and grows from a = 0 on.
    rest, linear = (
        float(((1 - correlation) ** 2).sum()),
        float((correlation * (1 - correlation)).sum()),
    )
    missing = min(found, float(n * n)) - explained
    return float(
        np.clip((np.sqrt(linear**2 + rest * missing) - linear) / max(rest, 1e-9), 0.0, 1.0)
    )


def _squared_correlations(deviations: Floats) -> float:
    """An estimate of the trace of the squared correlation matrix, from products over pairs of
    different windows."""
    n = len(deviations)
    # From their own mean the windows deviate less than from the true one ...
    products = deviations @ deviations.T * (n / (n - 1))
    # ... and so in opposite directions: without that the sum of squares would grow by n²/windows².
    products += np.trace(products) / (n * (n - 1))
    np.fill_diagonal(products, 0.0)
    return float((products**2).sum() / (n * (n - 1)))
