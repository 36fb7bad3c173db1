"""How far a row lies from the principal components of the reference.

Jackson, Mudholkar: Control procedures for residuals associated with principal component
analysis. Technometrics 21 (1979) 341-349.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detectors.artifact import Artifact, combined, parts_of
from detectors.bins import ReferenceColumn
from detectors.columns import Floats
from detectors.scorers.coordinates import Coordinates, Points, check_matrix, check_width, clipped
from detectors.scorers.placed import PlacedRows
from detectors.scorers.squared_forms import rounded, squared_forms, sum_of_squared_forms

EXPLAINED = 0.9
"""The components that together explain at most so much of the variance are kept."""


@dataclass(frozen=True, slots=True, eq=False)
class PcaReconstruction:
    """The squared distance between a row and its projection onto the components.

    mean: (columns, 1). residual: (columns, columns) takes a point to what the components leave.
    """

    coordinates: Coordinates
    mean: Points
    residual: Floats

    @staticmethod
    def fit(
        rows: PlacedRows, columns: Sequence[ReferenceColumn], *, rng: np.random.Generator
    ) -> "PcaReconstruction":
        """Raises ValueError where there are more columns than a matrix can hold."""
        del rng  # nothing here is random
        coordinates = Coordinates.fit(rows.places, columns)
        check_width(coordinates)
        points = coordinates.of(rows)
        mean = clipped(points.mean(axis=1, keepdims=True))
        centred = points - mean
        variances, axes = np.linalg.eigh(centred @ centred.T)
        explained = np.cumsum(variances[::-1]) / max(float(variances.sum()), 1e-300)
        n_left = len(coordinates) - int(np.count_nonzero(explained <= EXPLAINED))
        left = axes[:, :n_left]
        return PcaReconstruction(coordinates, mean, rounded(left @ left.T))

    @staticmethod
    def from_artifact(
        artifact: Artifact, columns: Sequence[ReferenceColumn]
    ) -> "PcaReconstruction":
        """Raises ValueError or KeyError where the artifact is not a sound scorer."""
        parts = parts_of(artifact)
        coordinates = Coordinates.from_artifact(parts["coordinates"], columns)
        arrays, d = parts["projection"].arrays, len(coordinates)
        mean = check_matrix(arrays["mean"], (d, 1))
        return PcaReconstruction(coordinates, mean, check_matrix(arrays["residual"], (d, d)))

    def to_artifact(self) -> Artifact:
        projection = Artifact({}, {"mean": self.mean, "residual": self.residual})
        return combined({"coordinates": self.coordinates.to_artifact(), "projection": projection})

    def score(self, rows: PlacedRows) -> Floats:
        """(rows,) the squared distance from the projection."""
        return sum_of_squared_forms(self.residual, self._centred(rows))

    def contributions(self, rows: PlacedRows) -> Floats:
        """(rows, columns) what each column adds to a row's score."""
        terms = squared_forms(self.residual, self._centred(rows))
        return self.coordinates.by_column(terms, len(rows.places))

    def _centred(self, rows: PlacedRows) -> Points:
        points = self.coordinates.of(rows)
        points -= self.mean
        return points
