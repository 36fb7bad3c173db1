"""How unsure a classifier is of its prediction, which it tends to be where it was not trained.

Hendrycks, Gimpel: A baseline for detecting misclassified and out-of-distribution examples in
neural networks. ICLR 2017.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detectors.artifact import Artifact
from detectors.bins import NumericColumn, ReferenceColumn
from detectors.columns import Coded, Floats, Role
from detectors.scorers.placed import PlacedRows


@dataclass(frozen=True, slots=True, eq=False)
class Confidence:
    """One less the probability of the likeliest class.

    probabilities: the columns that hold them. One column is the probability of one of two
        classes; more are the probabilities of as many.
    indices: where these columns are among all.
    """

    probabilities: tuple[str, ...]
    indices: tuple[int, ...]

    @staticmethod
    def fit(
        rows: PlacedRows, columns: Sequence[ReferenceColumn], *, rng: np.random.Generator
    ) -> "Confidence":
        """Takes the numeric predictions that the reference knows between 0 and 1 only.

        Raises ValueError where there are none.
        """
        del rows, rng  # the columns say it
        indices = tuple(i for i, column in enumerate(columns) if _is_probability(column))
        if not indices:
            raise ValueError("no prediction is a probability, so there is no confidence")
        return Confidence(tuple(columns[i].field.name for i in indices), indices)

    @staticmethod
    def from_artifact(artifact: Artifact, columns: Sequence[ReferenceColumn]) -> "Confidence":
        """Raises ValueError or KeyError where the artifact is not a sound scorer."""
        at = {c.field.name: i for i, c in enumerate(columns) if isinstance(c, NumericColumn)}
        names = tuple(artifact.meta["probabilities"])
        if not names or not set(names) <= at.keys():
            raise ValueError(f"{names} are not all numeric columns")
        return Confidence(names, tuple(at[name] for name in names))

    def to_artifact(self) -> Artifact:
        return Artifact({"probabilities": list(self.probabilities)}, {})

    def score(self, rows: PlacedRows) -> Floats:
        """(rows,) from 0, certain, to 1 - 1/classes; 1 where a probability is missing."""
        found = np.stack([_values(rows, name) for name in self.probabilities])
        likeliest = np.max([found[0], 1 - found[0]] if len(found) == 1 else found, axis=0)
        return np.asarray(np.where(np.isnan(likeliest), 1.0, 1 - likeliest))

    def contributions(self, rows: PlacedRows) -> Floats:
        """(rows, columns) the score in equal parts: no probability is without the others."""
        terms = np.zeros((rows.n, len(rows.places)))
        terms[:, self.indices] = self.score(rows)[:, None] / len(self.indices)
        return terms


def _is_probability(column: ReferenceColumn) -> bool:
    if not isinstance(column, NumericColumn) or column.field.role is not Role.PREDICTION:
        return False
    return len(column.means) > 0 and column.minimum >= 0 and column.maximum <= 1


def _values(rows: PlacedRows, name: str) -> Floats:
    values = rows.rows.columns.get(name)
    if isinstance(values, Coded) or values is None:
        return np.full(rows.n, np.nan)
    return np.clip(values, 0.0, 1.0)
