"""Mahalanobis' distance from the reference's mean, as one product with a matrix.

What each column adds is the square of its component after the whitening that keeps closest to
the columns themselves: Garthwaite, Koch: Evaluating the contributions of individual variables
to a quadratic form. Australian & New Zealand Journal of Statistics 58 (2016) 99-119.
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

SMALLEST_VARIANCE = 1e-3
"""Of any combination of columns, in the squared units of the columns: where one column follows
from others, leaving that line by a tenth of a unit is three standard deviations."""


@dataclass(frozen=True, slots=True, eq=False)
class Mahalanobis:
    """The squared distance in the metric of the reference's shrunken covariance.

    mean: (columns, 1). whitening: (columns, columns) the covariance to the power -1/2.
    """

    coordinates: Coordinates
    mean: Points
    whitening: Floats

    @staticmethod
    def fit(
        rows: PlacedRows, columns: Sequence[ReferenceColumn], *, rng: np.random.Generator
    ) -> "Mahalanobis":
        """Raises ValueError where there are more columns than a matrix can hold."""
        del rng  # nothing here is random
        coordinates = Coordinates.fit(rows.places, columns)
        check_width(coordinates)
        points = coordinates.of(rows)
        mean = clipped(points.mean(axis=1, keepdims=True))
        variances, axes = np.linalg.eigh(shrunken_covariance(points - mean))
        scales = 1 / np.sqrt(np.maximum(variances, SMALLEST_VARIANCE))
        return Mahalanobis(coordinates, mean, rounded((axes * scales) @ axes.T))

    @staticmethod
    def from_artifact(artifact: Artifact, columns: Sequence[ReferenceColumn]) -> "Mahalanobis":
        """Raises ValueError or KeyError where the artifact is not a sound scorer."""
        parts = parts_of(artifact)
        coordinates = Coordinates.from_artifact(parts["coordinates"], columns)
        arrays, d = parts["metric"].arrays, len(coordinates)
        mean = check_matrix(arrays["mean"], (d, 1))
        return Mahalanobis(coordinates, mean, check_matrix(arrays["whitening"], (d, d)))

    def to_artifact(self) -> Artifact:
        metric = Artifact({}, {"mean": self.mean, "whitening": self.whitening})
        return combined({"coordinates": self.coordinates.to_artifact(), "metric": metric})

    def score(self, rows: PlacedRows) -> Floats:
        """(rows,) the squared distance."""
        return sum_of_squared_forms(self.whitening, self._centred(rows))

    def contributions(self, rows: PlacedRows) -> Floats:
        """(rows, columns) what each column adds to a row's score."""
        terms = squared_forms(self.whitening, self._centred(rows))
        return self.coordinates.by_column(terms, len(rows.places))

    def _centred(self, rows: PlacedRows) -> Points:
        points = self.coordinates.of(rows)
        points -= self.mean
        return points


def shrunken_covariance(x: Points) -> Floats:
    """(columns, rows), centred -> (columns, columns), shrunken towards equal variances.

    Ledoit, Wolf: A well-conditioned estimator for large-dimensional covariance matrices.
    Journal of Multivariate Analysis 88 (2004) 365-411.
    """
    d, n = x.shape
    covariance = x @ x.T / n
    target = np.trace(covariance) / d * np.eye(d)
    distance = float(((covariance - target) ** 2).sum())
    noise = float(((x**2).sum(axis=0) ** 2).sum() / n - (covariance**2).sum()) / n
    share = min(1.0, noise / distance) if distance > 0 else 1.0
    return np.asarray((1 - share) * covariance + share * target)
