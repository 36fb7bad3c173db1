"""A cohort of rows: the columns that moved have also begun to move together.

Where a part of the rows moves by δ the columns' means move along δ, and their covariances grow
along δδ' - also those of columns that were unrelated. So the correlations are looked at in the
direction in which the means seem to have moved. While nothing is wrong the two know nothing of
one another: whatever the direction, the sum is standard normal.
"""

from dataclasses import dataclass

import numpy as np

from detectors.columns import Floats
from detectors.decision.correlation import RankScores, fisher_noise
from detectors.decision.dense import expected_shift
from detectors.decision.tails import student_score

FEWEST_WINDOWS = 8
"""Of the reference, below which neither the sums' scale nor how the spread of a group of columns
varies between windows can be learned."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Cohort:
    """ranks: the columns and pairs. matrix: (ranked columns, ranked columns) their correlations
    in the reference. noise: (n_pairs,) standard deviation of each Fisher's z, times √n.
    scale: of the sums in the reference's windows, over that of rows drawn at random; at least 1.
    df: behind the scale.
    """

    ranks: RankScores
    matrix: Floats
    noise: Floats
    scale: float
    df: float

    @staticmethod
    def fit(
        ranks: RankScores, r: Floats, locations: Floats, correlations: Floats
    ) -> "Cohort | None":
        """From scores of the reference's windows: (windows, ranked columns), (windows, n_pairs).

        None where they are too few.
        """
        if len(locations) < FEWEST_WINDOWS or not r.size:
            return None
        bare = Cohort(
            ranks=ranks,
            matrix=ranks.matrix(r, np.ones(ranks.columns.size)),
            noise=fisher_noise(r),
            scale=1.0,
            df=np.inf,
        )
        sums = np.array(
            [bare.score(*window) for window in zip(locations, correlations, strict=True)]
        )
        scale = max(1.0, float(np.sqrt((sums**2).mean())))
        return Cohort(
            ranks=ranks, matrix=bare.matrix, noise=bare.noise, scale=scale, df=len(sums) + 3.0
        )

    def score(self, locations: Floats, correlations: Floats) -> float:
        """Evidence that the columns that moved now move together, as a normal score.

        locations: (ranked columns,), correlations: (n_pairs,) normal scores of a window, NaN
        for what says nothing.
        """
        direction = expected_shift(np.nan_to_num(locations))
        first, second = self.ranks.first, self.ranks.second
        weights = np.where(np.isnan(correlations), 0.0, direction[first] * direction[second])
        total = float((weights * self.noise) @ np.nan_to_num(correlations))
        variance = self._variance(weights)
        if variance <= 0:
            return 0.0
        t = total / (self.scale * np.sqrt(variance))
        return float(student_score(np.array(t), np.array(self.df)))

    def _variance(self, weights: Floats) -> float:
        """Of the weighted sum of Fisher's z, times n: that of tr(A S) for normal columns.

        A sample correlation is the covariance less r/2 times both variances, so A has weights/
        (2 (1 − r²)) off its diagonal, and on it what makes A's rows and the correlations'
        products cancel.
        """
        r = self.matrix[self.ranks.first, self.ranks.second]
        half = self.ranks.matrix(weights / (2 * (1 - r**2)), np.zeros(len(self.matrix)))
        np.fill_diagonal(half, -(half * self.matrix).sum(axis=1))
        product = half @ self.matrix
        return float(2 * (product * product.T).sum())
