"""How much each component varies from window to window while nothing is wrong.

The sampling unit is the window, not the row: days differ more than their rows can explain, and
by how much is learned from the reference's own windows. A component's variance in a window of n
rows is 1/n, what rows drawn at random give it, plus a variance between windows that does not
shrink with n.
"""

from dataclasses import astuple, dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from detectors.columns import Floats
from detectors.decision.components import Components, Kind, Measurement
from detectors.decision.heavy_tails import Tails
from detectors.decision.memory import variance_inflation
from detectors.decision.moderation import moderate, n_independent_components
from detectors.decision.tails import count_scores, student_score, unskewed

SCORE_LIMIT = 12.0
"""Normal scores are cut off here: beyond 1e-33 no estimated variance can be believed."""

SHADOW = 0.66
"""Of a normal column that shifts by δ, in units of its own sd, small: the mean of the second
polynomial of its ranks is 0.66 times the square of that of the first."""

SKEW_SHADOW = 0.2
"""And the mean of the third is 0.2 times that of the first."""

INFORMATIVE_COUNT = 5.0
"""Expected rows in and out of a share, per window, from which its variance can be learned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Null:
    """What is expected of every component in a window to come. Arrays are (components,).

    mean: under the reference. mean_variance: how uncertain that is, the reference being finite.
    between: variance between windows beyond row noise, in units where row noise is 1/n.
    df: degrees of freedom behind the variance; inf where it is row noise alone.
    n_windows: how many windows of the reference were learned from.
    remembers: successive windows of the reference resemble one another.
    tails: of the scores, where they are heavier than normal.
    """

    mean: Floats
    mean_variance: Floats
    between: Floats
    df: Floats
    skewness: Floats
    is_share: NDArray[np.bool_]
    n_windows: int
    remembers: bool
    tails: Tails

    def at(self, where: NDArray[np.intp]) -> "Null":
        """Of some of the components."""
        return replace(
            self,
            mean=self.mean[where],
            mean_variance=self.mean_variance[where],
            between=self.between[where],
            df=self.df[where],
            skewness=self.skewness[where],
            is_share=self.is_share[where],
            tails=self.tails.at(where),
        )


def joined(left: Null, right: Null) -> Null:
    """Of the components of both, from the same windows."""
    arrays = ("mean", "mean_variance", "between", "df", "skewness", "is_share")
    return Null(
        **{name: np.append(getattr(left, name), getattr(right, name)) for name in arrays},
        n_windows=left.n_windows,
        remembers=left.remembers or right.remembers,
        tails=Tails(*map(np.append, astuple(left.tails), astuple(right.tails))),
    )


def learn_null(
    components: Components,
    reference: Measurement,
    windows: Measurement,
    *,
    n_means: Floats | None = None,
) -> Null:
    """The null from the whole reference, (components,), and its windows, (windows, components).

    n_means: (components,) of how many phases' means each was freed, one being no season.
    With fewer than two windows only row noise is known.
    """
    means = np.ones(components.kind.shape) if n_means is None else n_means
    n_windows = len(windows.n)
    between, df = np.zeros(components.kind.shape), np.full(components.kind.shape, np.inf)
    inflation = np.ones(components.kind.shape)
    if n_windows >= 2:
        residuals = _residuals(windows, reference.values, components.is_share)
        spread = _spread(reference.values, components.is_share)
        for population in np.unique(components.population):
            of = components.population == population
            learned = _between_windows(
                residuals[:, of], windows.n[:, of], spread[of], float(means[of].max())
            )
            between[of], df[of], inflation[of] = learned
        _vary_with_location(components, between, df)
    return Null(
        mean=np.where(reference.n > 0, reference.values, 0.0),
        mean_variance=_mean_variance(reference.n, windows.n, between * inflation),
        between=between,
        df=df,
        skewness=components.skewness,
        is_share=components.is_share,
        n_windows=n_windows,
        remembers=bool((inflation > 1).any()),
        tails=Tails.normal(components.kind.size),
    )


def learn_alike(
    whole: Measurement, windows: Measurement, *, skewness: Floats | None = None, n_means: float = 1
) -> Null:
    """The null of components of one population that are no shares; arguments as of `learn_null`."""
    of = whole.values.shape
    between, df, inflation = np.zeros(of), np.full(of, np.inf), 1.0
    if len(windows.n) >= 2 and whole.values.size:
        residuals = windows.values - whole.values
        between, df, inflation = _between_windows(
            residuals, windows.n, np.full(of, np.nan), float(n_means)
        )
    return Null(
        mean=np.where(whole.n > 0, whole.values, 0.0),
        mean_variance=_mean_variance(whole.n, windows.n, between * inflation),
        between=between,
        df=df,
        skewness=np.zeros(of) if skewness is None else skewness,
        is_share=np.zeros(of, dtype=np.bool_),
        n_windows=len(windows.n),
        remembers=inflation > 1,
        tails=Tails.normal(whole.values.size),
    )


def _vary_with_location(components: Components, between: Floats, df: Floats) -> None:
    """Lets shares beyond the reference's range vary between windows as their column does.

    None of the reference's own rows lies there, so its windows cannot say how much. But where
    windows move a column about, one in (n_windows + 1) exceeds all before it by chance, with
    many rows at once.
    """
    located = np.flatnonzero(components.kind == Kind.LOCATION)
    of_column = dict(zip(components.column[located].tolist(), located.tolist(), strict=True))
    for i in np.flatnonzero(components.kind == Kind.OUTSIDE).tolist():
        location = of_column.get(int(components.column[i]))
        if location is not None and between[location] > between[i]:
            between[i], df[i] = between[location], df[location]


def in_the_shadow(null: Null, components: Components, window: Measurement) -> Null:
    """The null of this window, given how far its columns' locations lie from where they should.

    A shift alone changes a column's spread, skew and tails (`SHADOW`, `SKEW_SHADOW`). So far they
    say nothing that the location does not say better, and where windows move a column about
    they would be far too sure: theirs is no normal law then. The null and the window may have
    other components after those of the columns.
    """
    located = np.flatnonzero(components.kind == Kind.LOCATION)
    moved = np.zeros(len(components.column_indices))
    moved[components.column[located]] = np.nan_to_num((window.values - null.mean)[located])
    shaped = np.flatnonzero((components.kind > Kind.LOCATION) & (components.kind < Kind.OUTSIDE))
    shift = np.abs(moved)[components.column[shaped]]
    skewed = np.where(components.kind[shaped] == Kind.SKEW, SKEW_SHADOW * shift, 0.0)
    between = null.between.copy()
    between[shaped] += (SHADOW * shift**2 + skewed) ** 2
    return replace(null, between=between)


def standardised(null: Null, window: Measurement) -> Floats:
    """Deviations from the reference in standard deviations of a window, (..., components).

    NaN where the window has no value. The reference's own error is left out.
    """
    n = np.where(window.n > 0, window.n, np.nan)
    z: Floats = _residuals(window, null.mean, null.is_share) / np.sqrt(1 / n + null.between)
    return z


def one_sided_scores(
    null: Null, window: Measurement, mean: Floats, mean_variance: Floats
) -> Floats:
    """Evidence of every component for a rise and for a fall, as normal scores.

    Returns (2, components). Under the null a score is at most standard normal: Φ(−score) is a
    valid one-sided p-value. NaN where the window has no value of the component's column.
    """
    n = np.where(window.n > 0, window.n, np.nan)
    variance = 1 / n + null.between
    total = variance + mean_variance
    z = _residuals(window, mean, null.is_share) / np.sqrt(total)
    z = unskewed(z, null.skewness / np.sqrt(n) * (n * total) ** -1.5)
    score = student_score(z, null.df)
    scores = np.stack([score, -score])
    of = np.flatnonzero(null.is_share)
    counted = count_scores(window.values[of], mean[of], 1 / variance[of], 1 / mean_variance[of])
    scores[:, of] = np.minimum(scores[:, of], counted)
    return np.clip(null.tails.tamed(scores), -SCORE_LIMIT, SCORE_LIMIT)


def scored_alone(null: Null, window: Measurement) -> Floats:
    """(2, components) one-sided scores of a window against what the reference alone knows."""
    return one_sided_scores(null, window, null.mean, null.mean_variance)


def updated_mean(
    null: Null, window: Measurement, mean: Floats, mean_variance: Floats
) -> tuple[Floats, Floats]:
    """What to expect, and how surely, once a quiet window was seen: Kalman's filter for a
    constant. Without it the error of a finite reference would return in every window.
    """
    n = np.where(window.n > 0, window.n, 1.0)
    variance = 1 / n + null.between
    gain = np.where(window.n > 0, mean_variance / (mean_variance + variance), 0.0)
    surprise = np.where(window.n > 0, window.values - mean, 0.0)
    return mean + gain * surprise, mean_variance * (1 - gain)


def n_known(null: Null, window: Measurement, mean_variance: Floats) -> Floats:
    """(components,) how many windows like this one tell as much of the mean as is known of it."""
    n = np.where(window.n > 0, window.n, 1.0)
    worth: Floats = (1 / n + null.between) / mean_variance
    return worth


def two_sided_p(scores: Floats) -> Floats:
    """(2, components) one-sided scores -> (components,) p-values; NaN stays NaN."""
    p_values: Floats = np.minimum(1.0, 2 * ndtr(-scores.max(axis=0)))
    return p_values


def _residuals(window: Measurement, mean: Floats, is_share: NDArray[np.bool_]) -> Floats:
    """Differences from the mean, on a scale where row noise has variance 1/n.

    Shares go through Anscombe's arcsine, and so does what is expected at the same n.
    """
    difference: Floats = window.values - mean
    of = np.flatnonzero(is_share)
    values, n = window.values[..., of], window.n[..., of]
    n = np.where(n > 0, n, np.nan)
    difference[..., of] = _arcsine(values, n) - _arcsine(mean[..., of], n)
    return difference


def _arcsine(share: Floats, n: Floats) -> Floats:
    """2 asin √((c + 3/8) / (n + 3/4)), of variance close to 1/n (Anscombe 1948)."""
    angle: Floats = 2 * np.arcsin(np.sqrt((share * n + 0.375) / (n + 0.75)))
    return angle


def _spread(share: Floats, is_share: NDArray[np.bool_]) -> Floats:
    """p (1 − p) of shares; NaN for other components."""
    return np.where(is_share, share * (1 - share), np.nan)


def _between_windows(
    residuals: Floats, n: Floats, spread: Floats, n_means: float
) -> tuple[Floats, Floats, float]:
    """What the windows say of one population: its components' variance between windows, the
    degrees of freedom of that, and how much the windows' memory inflates their mean's variance.

    The error of the means of `n_means` phases counts as variance between windows.
    """
    typical, df = _typical_size(n)
    n_windows = len(residuals)
    kept = (n_windows - n_means) / (n_windows - 1)
    df = max(1.0, df * kept)
    own = ~np.isnan(residuals).any(axis=0) & ~(typical * spread < INFORMATIVE_COUNT)
    inflation = variance_inflation(residuals[:, own])
    # Deviations from the mean of windows that remember are too small by this factor.
    lost = df / max(df + 1 - inflation, 1.0)
    df = max(min(df, 3.0), df / inflation)
    ratios = np.full(own.shape, np.nan)
    ratios[own] = residuals[:, own].var(axis=0, ddof=1) * typical[own] * lost / kept
    independent = n_independent_components(residuals[:, own])
    trend = _trend(ratios, typical * spread, df * independent / max(int(own.sum()), 1))
    moderated = moderate(ratios / trend, df=df, n_independent=independent)
    ratio = np.maximum(moderated.ratio * trend, 1.0) * (1 + (n_means - 1) / n_windows)
    return (ratio - 1) / typical, moderated.df, inflation


def _typical_size(n: Floats) -> tuple[Floats, float]:
    """Harmonic mean of the windows' sizes per component, and degrees of freedom of a variance.

    The unweighted variance of windows of differing sizes has the mean of 1/n as its row noise.
    Windows much smaller than the others dominate it, and are fewer: Satterthwaite's count.
    """
    noise = np.divide(1.0, n, out=np.zeros(n.shape), where=n > 0)
    some = (n > 0).sum(axis=0)
    typical = np.divide(some, noise.sum(axis=0), out=np.ones(some.shape), where=some > 0)
    squares = (noise**2).sum(axis=0)
    effective = np.divide(noise.sum(axis=0) ** 2, squares, out=some + 0.0, where=squares > 0)
    return typical, max(1.0, float(np.median(effective)) - 1)


def _trend(ratios: Floats, exposure: Floats, df: float) -> Floats:
    """The part of the ratios that grows with n p (1 − p), as day effects on log-odds make it.

    Fitted through 1 by least squares and kept if it exceeds 1.5 standard errors; ones otherwise,
    and for components that are not shares.
    """
    known = ~np.isnan(ratios) & ~np.isnan(exposure)
    x, y = exposure[known], ratios[known] - 1
    if x.size == 0:
        return np.ones(ratios.shape)
    slope = float((x * y).sum() / (x**2).sum())
    standard_error = float(np.sqrt(2 / df / (x**2).sum()))
    if slope <= 1.5 * standard_error:
        return np.ones(ratios.shape)
    return 1 + slope * np.nan_to_num(exposure)


def _mean_variance(total: Floats, windows: Floats, between: Floats) -> Floats:
    """Variance of the reference's mean: row noise, and each window's own effect once."""
    rows = np.maximum(total, 1.0)
    weights = (windows**2).sum(axis=0) / np.maximum(windows.sum(axis=0), 1.0) ** 2
    variance: Floats = 1 / rows + between * weights
    return variance
