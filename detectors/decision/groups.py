"""Columns that belong together: a cohort of rows moves what is correlated in the same direction.

Each of ten correlated columns may move too little to be seen, yet their signed sum moves ten
times as far and its noise only six times; and since only a part of the rows moves, the sum is
spread wider too.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Floats
from detectors.decision.components import Measurement
from detectors.decision.correlation import RankMoments, RankScores
from detectors.decision.nulls import Null, learn_alike

LEAST_CORRELATION = 0.2
"""Average absolute rank correlation of a group's columns with one another."""

FEWEST_COLUMNS = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Groups:
    """Disjoint sets of correlated columns, each seen through the signed sum of its rank scores.

    ranks: of all columns that have rank scores. signs: (groups, ranked columns) 1 or −1 of a
    group's columns, 0 of others. variance: (groups,) of the sums in the reference.
    """

    ranks: RankScores
    signs: Floats
    variance: Floats

    @staticmethod
    def of(ranks: RankScores, r: Floats) -> "Groups":
        """r: (n_pairs,) rank correlations in the reference."""
        matrix = ranks.matrix(r, np.ones(ranks.columns.size))
        members = clusters(np.abs(matrix), least=LEAST_CORRELATION)
        large = [of for of in members if len(of) >= FEWEST_COLUMNS]
        signs = np.zeros((len(large), ranks.columns.size))
        for row, of in zip(signs, large, strict=True):
            # Of the strongest common factor, the largest member's positive.
            leading = np.linalg.eigh(matrix[np.ix_(of, of)])[1][:, -1]
            row[of] = np.where(leading * leading[np.abs(leading).argmax()] < 0, -1.0, 1.0)
        variance = np.einsum("gi,ij,gj->g", signs, matrix, signs)
        return Groups(ranks=ranks, signs=signs, variance=variance)

    def locations(self, columns: Measurement) -> Measurement:
        """The mean of every group's sum, in its standard deviations, (..., groups).

        columns: (..., ranked columns) means of their rank scores.
        """
        members = self.members
        noise = np.divide(1.0, columns.n, out=np.full(columns.n.shape, np.inf), where=columns.n > 0)
        with np.errstate(invalid="ignore"):
            noise = np.where(members > 0, noise[..., np.newaxis, :], 0.0).sum(axis=-1)
        n = members.sum(axis=-1) / noise
        values = np.nan_to_num(columns.values) @ self.signs.T / np.sqrt(self.variance)
        return Measurement(np.where(n > 0, values, np.nan), n)

    @cached_property
    def members(self) -> Floats:
        """(groups, ranked columns) 1 of a group's columns."""
        members: Floats = np.abs(self.signs)
        return members

    @cached_property
    def both(self) -> Floats:
        """(groups, n_pairs) products of the signs of a pair's columns."""
        products: Floats = self.signs[:, self.ranks.first] * self.signs[:, self.ranks.second]
        return products

    def spreads(self, moments: RankMoments) -> Measurement:
        """The logarithm of the variance of every group's sum, over √2, (..., groups): of row noise
        1/n where columns are jointly normal."""
        variance = moments.variances @ self.members.T + 2 * moments.covariances @ self.both.T
        sound = variance > 1e-9 * self.variance
        values = np.log(np.where(sound, variance, 1.0)) / np.sqrt(2)
        n = np.where(sound, np.maximum(moments.n - 1, 0.0)[..., np.newaxis], 0.0)
        return Measurement(np.where(n > 0, values, np.nan), n)


def clusters(similarity: Floats, *, least: float) -> list[NDArray[np.intp]]:
    """Average linkage (Sokal and Michener 1958): the two clusters are merged whose members are on
    average most alike, until no two are at least so alike as `least`.

    similarity: (n, n) symmetric. Returns the members of each cluster of more than one, in order.
    """
    average, members = similarity.copy(), [[i] for i in range(len(similarity))]
    np.fill_diagonal(average, -np.inf)
    while average.size:
        a, b = sorted(divmod(int(average.argmax()), len(average)))
        if not average[a, b] >= least:
            break
        weights = np.array([len(members[a]), len(members[b])], dtype=np.float64)
        merged = weights / weights.sum() @ average[[a, b]]
        average[a], average[:, a], average[a, a] = merged, merged, -np.inf
        average[b], average[:, b] = -np.inf, -np.inf
        members[a], members[b] = members[a] + members[b], []
    return [np.array(sorted(of), dtype=np.intp) for of in members if len(of) > 1]


def learn_groups(
    whole: Measurement, windows: Measurement, least_between: Floats, *, n_means: float
) -> Null:
    """The null of the groups' locations, which vary between windows at least as their columns,
    each by itself, make them: (groups,)."""
    null = learn_alike(whole, windows, n_means=n_means)
    more = np.maximum(least_between - null.between, 0.0)
    return replace(
        null,
        between=null.between + more,
        mean_variance=null.mean_variance + more / max(len(windows.n), 1),
    )
