"""Scores that are sums over columns of how surprising each value's place is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from detectors.artifact import Artifact
from detectors.bins import MISSING, SCORED_ROLES, NumericColumn, ReferenceColumn, offsets_of
from detectors.columns import Counts, Floats
from detectors.scorers.placed import PlacedRows

Masses = Callable[[NumericColumn, Counts], Floats]
"""Of a numeric column and its counts in the order of values, (bins + 4,): the mass, in rows, by
which each place is judged."""

_RESOLUTION = 2.0**20


@dataclass(frozen=True, slots=True, eq=False)
class Surprise:
    """One number for every place, in multiples of 2^-20: sums of them are exact, so a row's
    score does not depend on its batch.

    surprise: (slots,) of the declared columns; zero in those that are not scored.
    """

    surprise: Floats

    @classmethod
    def of(cls, rows: PlacedRows, columns: Sequence[ReferenceColumn], masses: Masses) -> Self:
        """Categories are judged by their own mass, and so are missing values."""
        offsets = offsets_of(columns)
        counts = np.split(np.bincount(rows.places.ravel(), minlength=offsets[-1]), offsets[1:-1])
        surprises = [_surprise(c, n, masses) for c, n in zip(columns, counts, strict=True)]
        return cls(np.rint(np.concatenate(surprises) * _RESOLUTION) / _RESOLUTION)

    @classmethod
    def from_artifact(cls, artifact: Artifact, columns: Sequence[ReferenceColumn]) -> Self:
        """Raises ValueError or KeyError where the artifact does not fit the columns."""
        surprise = artifact.arrays["surprise"]
        if surprise.shape != (offsets_of(columns)[-1],) or not np.isfinite(surprise).all():
            raise ValueError(f"surprises have shape {surprise.shape}, or are not finite")
        return cls(surprise)

    def to_artifact(self) -> Artifact:
        return Artifact({}, {"surprise": self.surprise})

    def score(self, rows: PlacedRows) -> Floats:
        """(rows,) the larger, the less like the reference."""
        score = np.zeros(rows.places.shape[1])
        for of_column in rows.places:  # several times quicker than to look up a matrix
            score += self.surprise.take(of_column, mode="clip")
        return score

    def contributions(self, rows: PlacedRows) -> Floats:
        """(rows, columns) what each column adds to a row's score."""
        return self.surprise[rows.places].T


def _surprise(column: ReferenceColumn, counts: Counts, masses: Masses) -> Floats:
    """(n_slots,) -log of the share that each slot's mass is.

    One row is added to every mass: what was never seen is as rare as one row in all.
    """
    if column.field.role not in SCORED_ROLES:
        return np.zeros(column.n_slots)
    n, n_missing = int(counts.sum()), int(counts[MISSING])
    mass = counts.astype(np.float64)
    if isinstance(column, NumericColumn):
        mass[column.value_order] = masses(column, column.ordered(counts))
    surprise: Floats = -np.log((mass + 1) / (n - n_missing + 1))
    surprise[MISSING] = -np.log((n_missing + 1) / (n + 1))
    return surprise
