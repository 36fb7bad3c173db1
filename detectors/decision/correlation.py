"""How columns move together: rank correlations of a window, from sums of products.

A window's correlations have its means removed, so that days which move columns about do not
touch them. Fisher's z makes their row noise alike: (1 + r²/2) / (n − 3) for rank correlations
(Bonett and Wright 2000), and how much more they vary between windows is learned from the
reference's, as of any other component.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Counts, Floats
from detectors.decision.components import Measurement
from detectors.decision.heavy_tails import fit_tails
from detectors.decision.held_out import held_out_scores
from detectors.decision.nulls import Null, learn_alike, scored_alone, standardised
from detectors.decision.tails import signed
from detectors.profile import Profile
from detectors.profile.pairs import UNIT
from detectors.reference import Reference

_LARGEST_SKEWNESS = 0.5
"""Of a pair's products in a window, beyond which its few extreme rows follow no normal law."""

_LARGEST_R = 0.999


@dataclass(frozen=True, slots=True)
class RankMoments:
    """Of a window's rank scores, or of a stack of windows.

    variances: (..., ranked columns). covariances: (..., n_pairs). n: (...) rows.
    """

    variances: Floats
    covariances: Floats
    n: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class RankScores:
    """The columns that have rank scores, and the score of each of their values.

    columns: (ranked columns,) positions among the reference's. first, second: (n_pairs,) of
        each pair's columns among those. scores: (slots,) of the declared columns. starts: where
        the slots of each declared column begin.
    """

    columns: NDArray[np.intp]
    first: NDArray[np.intp]
    second: NDArray[np.intp]
    scores: Floats
    starts: NDArray[np.intp]

    @staticmethod
    def of(reference: Reference) -> "RankScores":
        columns = np.unique(reference.pairs)
        first, second = np.searchsorted(columns, reference.pairs).T
        return RankScores(
            columns=columns,
            first=first,
            second=second,
            scores=reference.rank_pairs.scores.astype(np.float64) / UNIT,
            starts=np.array(reference.offsets[: len(reference.declared)], dtype=np.intp),
        )

    def moments(self, counts: Counts, pairs: Counts, n: Floats) -> RankMoments:
        """(..., slots), (..., n_pairs) and (...) of windows; a missing value scores 0."""
        rows = np.maximum(n, 1.0)[..., np.newaxis]
        sums = counts[..., : self.scores.size] * self.scores
        means = self._by_column(sums) / rows
        squares = self._by_column(sums * self.scores) / rows
        products = pairs / (UNIT**2 * rows)
        covariances = products - means[..., self.first] * means[..., self.second]
        return RankMoments(squares - means**2, covariances, n)

    def matrix(self, values: Floats, diagonal: Floats) -> Floats:
        """(n_pairs,) and (ranked columns,) -> the symmetric matrix, 0 for pairs not watched."""
        full = np.diag(diagonal)
        full[self.first, self.second] = full[self.second, self.first] = values
        return full

    def _by_column(self, values: Floats) -> Floats:
        sums: Floats = np.add.reduceat(values, self.starts, axis=-1)[..., self.columns]
        return sums


@dataclass(frozen=True, kw_only=True, eq=False)
class Correlations:
    """What is expected of every pair's correlation.

    r: (n_pairs,) of the reference. null: of Fisher's z, scaled to a row noise of 1/n.
    """

    ranks: RankScores
    r: Floats
    null: Null

    @staticmethod
    def fit(ranks: RankScores, windows: RankMoments, skewness: Floats) -> "Correlations":
        """From the reference's windows. skewness: (ranked columns,) of one row."""
        z = _fisher_z(ranks, windows)
        known = np.where(np.isnan(z), 0.0, np.maximum(windows.n - 3, 0.0)[:, np.newaxis])
        # Not of the whole: there days that move columns about would correlate them.
        mean = np.nan_to_num(Measurement(z, known).whole().values)
        r = np.tanh(mean)
        parts = Measurement(z / fisher_noise(r), known)
        whole = parts.whole()
        learn = partial(learn_alike, skewness=skewness[ranks.first] * skewness[ranks.second])
        scores = held_out_scores(parts, learn, scored_alone)
        tails = fit_tails(scores, np.zeros(len(r), dtype=np.intp))
        null = replace(learn(whole, parts), tails=tails)
        return Correlations(ranks=ranks, r=r, null=null)

    def measure(self, moments: RankMoments) -> Measurement:
        z = _fisher_z(self.ranks, moments) / fisher_noise(self.r)
        n = np.where(np.isnan(z), 0.0, np.maximum(moments.n - 3, 0.0)[..., np.newaxis])
        return Measurement(np.where(n > 0, z, np.nan), n)

    def current(self, window: Measurement) -> Floats:
        """(n_pairs,) rank correlations in a window; the reference's of columns that do not vary."""
        return np.where(window.n > 0, np.tanh(window.values * fisher_noise(self.r)), self.r)

    def deviations(self, moments: RankMoments) -> Floats:
        """(windows, n_pairs) of the reference's own windows from their mean, standardised."""
        windows = self.measure(moments)
        lost = max(1 - 1 / len(windows.n), 0.5)
        deviations: Floats = standardised(self.null, windows) / np.sqrt(lost)
        return deviations

    def scores(self, window: Measurement) -> Floats:
        """(n_pairs,) signed evidence that a correlation has changed; NaN where so few rows say
        nothing of it."""
        score = signed(scored_alone(self.null, window))
        skewness = np.abs(self.null.skewness) / np.sqrt(np.maximum(window.n, 1.0))
        return np.where(skewness <= _LARGEST_SKEWNESS, score, np.nan)


def _fisher_z(ranks: RankScores, moments: RankMoments) -> Floats:
    """(..., n_pairs) NaN where a column does not vary."""
    v = moments.variances
    sd = np.sqrt(v[..., ranks.first] * v[..., ranks.second])
    r = np.divide(moments.covariances, sd, out=np.full(sd.shape, np.nan), where=sd > 1e-9)
    z: Floats = np.arctanh(np.clip(r, -_LARGEST_R, _LARGEST_R))
    return z


def fisher_noise(r: Floats) -> Floats:
    """Standard deviation of Fisher's z of rank correlations, times √(n − 3)."""
    noise: Floats = np.sqrt(1 + r**2 / 2)
    return noise


def moments_of(ranks: RankScores, profiles: Sequence[Profile]) -> RankMoments:
    """Of a stack of windows."""
    counts, pairs = (np.stack([getattr(p, name) for p in profiles]) for name in ("counts", "pairs"))
    return ranks.moments(counts, pairs, np.array([p.n for p in profiles], dtype=np.float64))
