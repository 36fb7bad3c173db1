"""Outlier scores from the tails of each column's distribution, and their p-values.

Li, Zhao, Hu, Botta, Ionescu, Chen: ECOD, unsupervised outlier detection using empirical
cumulative distribution functions. IEEE TKDE 35 (2023) 12181-12193, with the smaller tail of
each column in place of its tail by skewness.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detectors import conformal
from detectors.artifact import Artifact
from detectors.bins import MISSING, SCORED_ROLES, NumericColumn, Places, ReferenceColumn, offsets_of
from detectors.columns import Counts, Floats

N_CALIBRATION = 10_000

_RESOLUTION = 2.0**20


@dataclass(frozen=True, slots=True, eq=False)
class Outlier:
    """Sum over columns of the surprise, -log of a tail's mass, at which a value lies.

    surprise: (slots,) of the declared columns; zero in those that are not scored.
    calibration: (n,) sorted scores of reference rows that `surprise` was not fitted on.
    """

    surprise: Floats
    calibration: Floats

    @staticmethod
    def fit(
        places: Places, columns: Sequence[ReferenceColumn], *, rng: np.random.Generator
    ) -> "Outlier":
        """Fits on a random half of the rows and calibrates on the other, or on 10,000 of it."""
        order = rng.permutation(places.shape[1])
        n_calibration = min(N_CALIBRATION, len(order) // 2)
        offsets = offsets_of(columns)
        counts = np.bincount(places[:, order[n_calibration:]].ravel(), minlength=offsets[-1])
        surprises = map(_surprise, columns, np.split(counts, offsets[1:-1]))
        # In multiples of 2^-20 sums are exact, so a row's score does not depend on its batch.
        surprise = np.rint(np.concatenate(list(surprises)) * _RESOLUTION) / _RESOLUTION
        scorer = Outlier(surprise, np.empty(0))
        calibration = np.sort(scorer.score(places[:, order[:n_calibration]]))
        return Outlier(surprise, calibration)

    @staticmethod
    def from_artifact(artifact: Artifact, *, n_slots: int) -> "Outlier":
        """Raises ValueError or KeyError where the artifact is not a sound scorer of `n_slots`."""
        surprise, calibration = artifact.arrays["surprise"], artifact.arrays["calibration"]
        if surprise.shape != (n_slots,) or not np.isfinite(surprise).all():
            raise ValueError(f"surprises have shape {surprise.shape}, or are not finite")
        if calibration.ndim != 1 or not (calibration[1:] >= calibration[:-1]).all():
            raise ValueError("calibration scores are not sorted")
        return Outlier(surprise, calibration)

    def to_artifact(self) -> Artifact:
        return Artifact({}, {"surprise": self.surprise, "calibration": self.calibration})

    def contributions(self, places: Places) -> Floats:
        """(columns, rows) -> (rows, columns) what each column adds to a row's score."""
        return self.surprise[places].T

    def score(self, places: Places) -> Floats:
        """(columns, rows) -> (rows,) the larger, the less like the reference."""
        score: Floats = self.surprise[places].sum(axis=0)
        return score

    def p_values(self, places: Places) -> Floats:
        """(columns, rows) -> (rows,) conformal p-values of the scores."""
        return conformal.p_values(self.calibration, self.score(places))


def _surprise(column: ReferenceColumn, counts: Counts) -> Floats:
    """(n_slots,) -log of the smaller tail's mass (a number) or of the share (a category).

    One row is added to every mass: what was never seen is as rare as one row in all.
    """
    if column.field.role not in SCORED_ROLES:
        return np.zeros(column.n_slots)
    n, n_missing = int(counts.sum()), int(counts[MISSING])
    mass = counts.astype(np.float64)
    if isinstance(column, NumericColumn):
        in_order = column.ordered(counts)
        left = np.cumsum(in_order)
        mass[column.value_order] = np.minimum(left, left[-1] - left + in_order)
    surprise: Floats = -np.log((mass + 1) / (n - n_missing + 1))
    surprise[MISSING] = -np.log((n_missing + 1) / (n + 1))
    return surprise
