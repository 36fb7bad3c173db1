"""A scorer of outliers, and the scores by which others are judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from detectors.artifact import Artifact, combined, parts_of
from detectors.bins import ReferenceColumn
from detectors.columns import Floats
from detectors.scorers.autoencoder import Autoencoder
from detectors.scorers.confidence import Confidence
from detectors.scorers.ecod import Ecod
from detectors.scorers.hbos import Hbos
from detectors.scorers.isolation_forest import IsolationForest
from detectors.scorers.mahalanobis import Mahalanobis
from detectors.scorers.nearest_neighbours import NearestNeighbours
from detectors.scorers.pca_reconstruction import PcaReconstruction
from detectors.scorers.placed import PlacedRows

N_CALIBRATION = 10_000

OUTLIER_SCORERS: Mapping[str, Any] = {
    "ecod": Ecod,
    "hbos": Hbos,
    "mahalanobis": Mahalanobis,
    "pca": PcaReconstruction,
    "nearest_neighbours": NearestNeighbours,
    "isolation_forest": IsolationForest,
    "autoencoder": Autoencoder,
    "confidence": Confidence,
}
"""By the names by which they are chosen. Each has `fit` and `from_artifact`."""


class Scorer(Protocol):
    """What a fitted scorer of outliers does."""

    def score(self, rows: PlacedRows, /) -> Floats:
        """(rows,) finite; the larger, the less like the reference."""
        ...

    def contributions(self, rows: PlacedRows, /) -> Floats:
        """(rows, columns) what each column adds to a row's score."""
        ...

    def to_artifact(self) -> Artifact: ...


@dataclass(frozen=True, slots=True, eq=False)
class Outlier:
    """A scorer, fitted on a random half of the reference's rows.

    name: of the scorer, among `OUTLIER_SCORERS`.
    calibration: (n,) sorted scores of reference rows that the scorer was not fitted on, from
        which conformal p-values follow.
    """

    name: str
    scorer: Scorer
    calibration: Floats

    @staticmethod
    def fit(
        rows: PlacedRows,
        columns: Sequence[ReferenceColumn],
        *,
        name: str = "ecod",
        rng: np.random.Generator,
    ) -> "Outlier":
        """Fits on a random half of the rows and calibrates on the other, or on 10,000 of it.

        Raises ValueError for an unknown name and where the scorer cannot have so many columns,
        and ImportError where it needs a library that is not installed.
        """
        if name not in OUTLIER_SCORERS:
            raise ValueError(f"no scorer {name!r}; there are {', '.join(OUTLIER_SCORERS)}")
        order = rng.permutation(rows.n)
        n_calibration = min(N_CALIBRATION, len(order) // 2)
        scorer: Scorer = OUTLIER_SCORERS[name].fit(rows.at(order[n_calibration:]), columns, rng=rng)
        calibration = np.sort(scorer.score(rows.at(order[:n_calibration])))
        return Outlier(name, scorer, calibration)

    @staticmethod
    def from_artifact(artifact: Artifact, columns: Sequence[ReferenceColumn]) -> "Outlier":
        """Raises ValueError or KeyError where the artifact is not a sound scorer."""
        parts = parts_of(artifact)
        name, calibration = str(parts["calibration"].meta), parts["calibration"].arrays["scores"]
        if calibration.ndim != 1 or not (calibration[1:] >= calibration[:-1]).all():
            raise ValueError("calibration scores are not sorted")
        scorer: Scorer = OUTLIER_SCORERS[name].from_artifact(parts["scorer"], columns)
        return Outlier(name, scorer, calibration)

    def to_artifact(self) -> Artifact:
        calibration = Artifact(self.name, {"scores": self.calibration})
        return combined({"scorer": self.scorer.to_artifact(), "calibration": calibration})

    def score(self, rows: PlacedRows) -> Floats:
        """(rows,) the larger, the less like the reference."""
        return self.scorer.score(rows)

    def contributions(self, rows: PlacedRows) -> Floats:
        """(rows, columns) what each column adds to a row's score."""
        return self.scorer.contributions(rows)
