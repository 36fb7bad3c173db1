"""Pairs of numeric columns: sums of products of rank scores, from which correlations follow.

A column's rank score is the first orthonormal polynomial of its values' ranks under the
reference: linear in the rank, mean 0 and variance 1 over the reference's rows. The mean of the
product of two is Spearman's rank correlation, up to the width of a bin.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from detectors.artifact import Artifact
from detectors.bins import SCORED_ROLES, NumericColumn, Places, ReferenceColumn, offsets_of
from detectors.bins.ranks import rank_polynomials
from detectors.columns import Counts

UNIT = 32
"""A rank score of 1 in fixed point; a sum of products of 1 is `UNIT`²."""

LARGEST_SCORE = 127
"""In fixed point, so four standard deviations. Ranks without ties stay within √3 of them."""

LARGEST_N_PAIRS = 5_000

_EXACT = 1 << 24
"""Up to here float32 holds every integer."""

_SPARSE = 40
"""Where the matrix of all pairs has so many times more entries than there are pairs, multiplying
the pairs one by one is quicker than a matrix product."""

Scores = NDArray[np.float32]
"""Whole numbers; float32 because matrix products of it are the quickest."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RankPairs:
    """Which pairs of columns are summed, and the rank score of every place.

    columns: (n_pairs, 2) positions among the reference's columns, the smaller one first, in
        increasing order.
    scores: (slots of the declared columns,) int8, in 1 / `UNIT`; 0 where a value is missing and
        in columns without ranks.
    """

    columns: NDArray[np.intp]
    scores: NDArray[np.int8]

    @staticmethod
    def fit(
        places: Places,
        columns: Sequence[ReferenceColumn],
        *,
        largest_n_pairs: int = LARGEST_N_PAIRS,
    ) -> "RankPairs":
        """The pairs of features and predictions; where they are too many, those that are most
        correlated in the rows at `places`, (columns, rows).
        """
        offsets = offsets_of(columns)
        counts = np.bincount(places.ravel(), minlength=offsets[-1])
        parts = map(_scores, columns, np.split(counts, offsets[1:-1]))
        scores = np.concatenate(list(parts))
        ranked = np.flatnonzero(np.maximum.reduceat(np.abs(scores), offsets[:-1]))
        first, second = np.triu_indices(len(ranked), 1)
        every = RankPairs(columns=np.stack([ranked[first], ranked[second]], axis=1), scores=scores)
        if len(first) <= largest_n_pairs:
            return every
        sizes = np.abs(every.sums(places))
        kept = np.sort(np.argsort(-sizes, kind="stable")[:largest_n_pairs])
        return RankPairs(columns=every.columns[kept], scores=scores)

    @staticmethod
    def from_artifact(artifact: Artifact, *, n_slots: int, n_columns: int) -> "RankPairs":
        """Raises ValueError or KeyError where the artifact holds no sound pairs."""
        columns, scores = artifact.arrays["columns"], artifact.arrays["scores"]
        if columns.ndim != 2 or columns.shape[1] != 2 or len(columns) > LARGEST_N_PAIRS:
            raise ValueError(f"pairs have shape {columns.shape}")
        if not (columns[:, 0] < columns[:, 1]).all() or columns.max(initial=0) >= n_columns:
            raise ValueError("pairs point outside, or to one column twice")
        if scores.shape != (n_slots,) or scores.dtype != np.int8:
            raise ValueError(f"rank scores have shape {scores.shape} and type {scores.dtype}")
        return RankPairs(columns=columns.astype(np.intp), scores=scores)

    def to_artifact(self) -> Artifact:
        columns = self.columns.astype(np.uint32)
        return Artifact({}, {"columns": columns, "scores": self.scores})

    def sums(self, places: Places) -> Counts:
        """(columns, rows) -> (n_pairs,) sums of products of scores, in 1 / `UNIT`².

        Products of whole numbers are summed in float32 over so few rows that every sum on the
        way is exact, whatever the order; those sums are added as integers.
        """
        total = np.zeros(len(self.columns), dtype=np.int64)
        if len(total) == 0:
            return total
        scores = self._scores_at(places)
        for start in range(0, places.shape[1], self._n_exact_rows):
            part = scores[:, start : start + self._n_exact_rows]
            total += self._products(part).astype(np.int64)
        return total

    def _scores_at(self, places: Places) -> Scores:
        """(columns, rows) -> (involved columns, rows)"""
        scores = np.empty((len(self._involved), places.shape[1]), dtype=np.float32)
        for column, out in zip(self._involved.tolist(), scores, strict=True):
            self._float_scores.take(places[column], out=out, mode="clip")
        return scores

    def _products(self, scores: Scores) -> Scores:
        """(involved columns, rows) -> (n_pairs,)"""
        first, second = self._positions
        if len(self._involved) ** 2 <= _SPARSE * len(first):
            products: Scores = (scores @ scores.T)[first, second]
            return products
        return np.concatenate(
            [np.einsum("pr,pr->p", scores[i], scores[j]) for i, j in _chunks(first, second)]
        )

    @cached_property
    def _involved(self) -> NDArray[np.intp]:
        """The columns that are in any pair."""
        return np.unique(self.columns)

    @cached_property
    def _positions(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Of each pair's columns among those involved."""
        first, second = np.searchsorted(self._involved, self.columns).T
        return first, second

    @cached_property
    def _float_scores(self) -> Scores:
        return self.scores.astype(np.float32)

    @cached_property
    def _n_exact_rows(self) -> int:
        largest = int(np.abs(self._float_scores).max(initial=1))
        return _EXACT // largest**2


def _scores(column: ReferenceColumn, counts: Counts) -> NDArray[np.int8]:
    """(slots of the column,)"""
    scores = np.zeros(column.n_slots, dtype=np.int8)
    if isinstance(column, NumericColumn) and column.field.role in SCORED_ROLES:
        linear = rank_polynomials(column.ordered(counts), degree=1)
        if linear.shape[1]:
            fixed = np.clip(np.rint(linear[:, 0] * UNIT), -LARGEST_SCORE, LARGEST_SCORE)
            scores[column.value_order] = fixed.astype(np.int8)
    return scores


def _chunks(
    first: NDArray[np.intp], second: NDArray[np.intp], size: int = 64
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    for start in range(0, len(first), size):
        part = slice(start, start + size)
        yield first[part], second[part]
