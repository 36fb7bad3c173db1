"""Many variances, each from few windows: let them lend one another strength.

The empirical Bayes model of limma (Smyth 2004) and its robust form (Phipson et al. 2016): the
true variances of like components scatter about a common prior, and each estimate is drawn
towards it as far as the estimates' own scatter says that they differ by chance.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, chdtri, digamma, fdtrc, polygamma

from detectors.columns import Floats


@dataclass(frozen=True, slots=True)
class Moderated:
    """Variance ratios to rely on, at least 1, and the degrees of freedom behind each."""

    ratio: Floats
    df: Floats


@dataclass(frozen=True, slots=True)
class _Prior:
    """Scaled inverse χ² law of the true ratios: centre, and degrees of freedom (inf: all alike)."""

    ratio: float
    df: float


_KNOWN = _Prior(ratio=1.0, df=np.inf)
"""Windows vary as rows drawn at random would make them."""


def moderate(ratios: Floats, *, df: float, n_independent: float) -> Moderated:
    """Shrink variance ratios (observed over what row-to-row noise explains) to a common prior.

    ratios: (components,) of one kind, each estimated with `df` degrees of freedom; NaN is a
    component that says nothing of its own variance and takes the prior's.
    n_independent: how many independent components carry as much information as these.

    A ratio below 1 is chance, and becomes 1: windows cannot vary less than rows drawn at random.
    When all ratios agree with 1 they are taken to be 1, known exactly (infinite df). A component
    far more variable than its kind keeps its own ratio and does not inform the prior; one that
    may be so by chance keeps a part of it.
    """
    own = ~np.isnan(ratios)
    prior, outlying = _robust_prior(ratios[own], df, n_independent)
    result = Moderated(
        ratio=np.full(ratios.shape, max(prior.ratio, 1.0)),
        df=np.full(ratios.shape, max(prior.df, df)),
    )
    drawn = np.maximum(_posterior(ratios[own], df, prior), 1.0)
    drawn_df = np.inf if prior is _KNOWN else min(prior.df + df, df * n_independent)
    result.ratio[own] = drawn + outlying * (np.maximum(ratios[own], drawn) - drawn)
    # The variance of an estimate is 2/df, and this one is a mean of two.
    variance = (1 - outlying) ** 2 / drawn_df + outlying**2 / df
    result.df[own] = np.divide(
        1.0, variance, out=np.full(variance.shape, np.inf), where=variance > 0
    )
    return result


def _robust_prior(ratios: Floats, df: float, n_independent: float) -> tuple[_Prior, Floats]:
    """The prior, and how surely each ratio is too large to have come from it, 0..1."""
    none = np.zeros(ratios.shape)
    if ratios.size == 0:
        return _KNOWN, none
    if ratios.size < 3 or n_independent < 2:
        return _Prior(ratio=float(ratios.mean()), df=0.0), none
    prior = _fit_prior(ratios, df, n_independent)
    wild = _upper_tail(ratios, df, prior) < 1 / ratios.size
    if wild.any() and (~wild).sum() >= 3:
        prior = _fit_prior(ratios[~wild], df, n_independent)
    if np.isinf(prior.df) and prior.ratio < 1 + 1.5 * np.sqrt(2 / (df * n_independent)):
        prior = _KNOWN
    return prior, _outlying(_upper_tail(ratios, df, prior))


def _outlying(tails: Floats) -> Floats:
    """1 less the probability of Phipson et al. that a component is no outlier: its chance of being
    so large, over that of the largest were all drawn from the prior.
    """
    return np.maximum(1 - tails / (0.5 / tails.size), 0.0)


def _upper_tail(ratios: Floats, df: float, prior: _Prior) -> Floats:
    """Chance of a ratio as large under the prior: scaled F, or χ² where all are alike."""
    scaled = ratios / max(prior.ratio, 1.0)
    if np.isinf(prior.df):
        return np.asarray(chdtrc(df, df * scaled), dtype=np.float64)
    return np.asarray(fdtrc(df, prior.df, scaled), dtype=np.float64)


def _posterior(ratios: Floats, df: float, prior: _Prior) -> Floats:
    if np.isinf(prior.df):
        return np.full_like(ratios, prior.ratio)
    return (prior.df * prior.ratio + df * ratios) / (prior.df + df)


def _fit_prior(ratios: Floats, df: float, n_independent: float) -> _Prior:
    """Match mean and variance of the log ratios to those of a scaled F law."""
    # Less than chance can explain, as of a level that every window holds equally often, says
    # nothing of the others; its logarithm would drown them.
    possible = np.maximum(ratios, float(chdtri(df, 0.99)) / df)
    e = np.log(possible) - digamma(df / 2) + np.log(df / 2)
    chance = float(polygamma(1, df / 2))
    excess = float(e.var(ddof=1)) - chance
    if excess <= 2 * chance * np.sqrt(2 / (n_independent - 1)):
        return _Prior(ratio=float(ratios.mean()), df=np.inf)
    prior_df = 2 * trigamma_inverse(excess)
    centre = np.exp(e.mean() + digamma(prior_df / 2) - np.log(prior_df / 2))
    return _Prior(ratio=float(centre), df=prior_df)


def trigamma_inverse(y: float) -> float:
    """The x with trigamma(x) = y > 0, by Newton's method on 1/trigamma (Smyth 2004, appendix)."""
    if y > 1e7:
        return float(1 / np.sqrt(y))
    if y < 1e-6:
        return 1 / y
    x = 0.5 + 1 / y
    for _ in range(50):
        trigamma = float(polygamma(1, x))
        step = trigamma * (1 - trigamma / y) / float(polygamma(2, x))
        x += step
        if -step / x < 1e-10:
            break
    return x


def n_independent_components(values: Floats) -> float:
    """How many independent components inform as much about a variance as these correlated ones.

    values: (windows, components). G² over the sum of squared correlations, which is taken from
    the windows' Gram matrix and freed of what chance adds to it; between 1 and G.
    """
    windows, n = values.shape
    centred = values - values.mean(axis=0)
    spread = np.sqrt((centred**2).sum(axis=0))
    unit = centred[:, spread > 0] / spread[spread > 0]
    n = unit.shape[1]
    if n == 0 or windows < 3:
        return float(max(n, 1))
    squared_correlations = float(((unit @ unit.T) ** 2).sum())
    chance = n * (n - 1) / (windows - 1)
    return float(n * n / max(n, squared_correlations - chance))
