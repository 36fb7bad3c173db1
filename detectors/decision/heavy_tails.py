"""Days that differ by more than a normal law allows: how far out a reference's windows lie.

What is learned from some of the reference's windows must make the others unsurprising. Where it
does not - a strike, a storm, a few columns far more variable than their kind - scores are tamed
until it does: by Student's law, whose tails fit what was seen and go on beyond it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, stdtr

from detectors.columns import Floats
from detectors.decision.moderation import n_independent_components
from detectors.decision.tails import student_score

FEWEST_WINDOWS = 10
"""Of which the others must make each unsurprising."""

_FROM = 1.5
"""The tail begins here: the middle of a law says nothing of it."""

_SURE, _PER_SCORE = 3.0, 0.0004
"""Gain in log likelihood at which tails are believed to be heavy, had by chance in one reference
of fifty; two parameters are fitted. What a law gains that is all but normal grows with the number
of scores, and so does what is asked for; what heavy tails gain grows a hundred times as quickly."""

_MARGIN = 2.0
"""Of the tails that are worse than the best by so much log likelihood the heaviest are taken:
the lower end of a 95 % interval."""

_DEGREES = np.array([2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 10, 12, 15, 20, 30, 50])
_SCALES = np.linspace(0.5, 2.5, 101)


@dataclass(frozen=True, slots=True)
class Tails:
    """Student's law of the scores of quiet windows, where their law is not standard normal.

    df, scale: (components,); inf and 1 where it is.
    """

    df: Floats
    scale: Floats

    @staticmethod
    def normal(n: int) -> "Tails":
        return Tails(np.full(n, np.inf), np.ones(n))

    def at(self, where: NDArray[np.intp]) -> "Tails":
        return Tails(self.df[where], self.scale[where])

    def tamed(self, scores: Floats) -> Floats:
        """(..., components) normal scores, none larger than it was."""
        heavy = np.isfinite(self.df) | (self.scale != 1)
        tamed, wild = scores.copy(), scores[..., heavy]
        lower = student_score(wild / self.scale[heavy], self.df[heavy])
        tamed[..., heavy] = np.sign(wild) * np.minimum(np.abs(lower), np.abs(wild))
        return tamed


def fit_tails(scores: Floats, population: NDArray[np.intp]) -> Tails:
    """From the scores of windows that were held out, (windows, components), per population.

    NaN is a component that says nothing; it gets what its population has. Where days are surely
    heavy-tailed for one population, they are easily believed to be for the others.
    """
    tails = Tails.normal(population.size)
    if len(scores) < FEWEST_WINDOWS:
        return tails
    fits = {one: _fit(scores[:, population == one]) for one in np.unique(population).tolist()}
    sure = _SURE + _PER_SCORE * sum(fit.n for fit in fits.values())
    if max((fit.gain for fit in fits.values()), default=0.0) < sure:
        return tails
    for one, fit in fits.items():
        if fit.gain > _MARGIN:
            tails.df[population == one], tails.scale[population == one] = fit.df, fit.scale
    return tails


@dataclass(frozen=True, slots=True)
class _Fit:
    """Student's law; gain: log of how much likelier than a normal one it makes the scores, which
    are worth n independent ones."""

    n: float
    df: float
    scale: float
    gain: float


def _fit(scores: Floats) -> _Fit:
    """Of one population's scores, (windows, components)."""
    scores = scores[:, ~np.isnan(scores).any(axis=0)]
    if scores.shape[1] == 0:
        return _Fit(0.0, np.inf, 1.0, 0.0)
    worth = n_independent_components(scores) / scores.shape[1]
    far, n_near = np.abs(scores[np.abs(scores) > _FROM]), int((np.abs(scores) <= _FROM).sum())
    distinct, times = np.unique(np.round(far, 2), return_counts=True)
    tail = distinct.astype(np.float64), times
    degrees, scales = (a.ravel() for a in np.meshgrid(_DEGREES, _SCALES, indexing="ij"))
    likelihood = worth * _log_likelihood(tail, n_near, degrees, scales)
    # A normal law of any scale: too small a variance is for the variance to say.
    normal = worth * _log_likelihood(tail, n_near, np.full(_SCALES.size, 1e6), _SCALES).max()
    plausible = likelihood.reshape(_DEGREES.size, -1).max(axis=1) > likelihood.max() - _MARGIN
    heaviest = _DEGREES[plausible].min()
    best = np.where(degrees == heaviest, likelihood, -np.inf).argmax()
    gain = float(likelihood.max() - normal)
    return _Fit(worth * scores.size, float(heaviest), float(scales[best]), gain)


def _log_likelihood(
    tail: tuple[Floats, NDArray[np.intp]], n_near: int, df: Floats, scale: Floats
) -> Floats:
    """(laws,) of the scores in the tail, each so often, and of those near 0, which are only
    counted."""
    far, times = tail
    squares = (far[:, np.newaxis] / scale) ** 2 / df
    constant = gammaln((df + 1) / 2) - gammaln(df / 2) - np.log(df * np.pi) / 2 - np.log(scale)
    density = times.sum() * constant - (df + 1) / 2 * (times @ np.log1p(squares))
    near: Floats = np.log1p(-2 * stdtr(df, -_FROM / scale))
    likelihood: Floats = density + n_near * near
    return likelihood
