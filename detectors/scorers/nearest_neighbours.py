"""How far a row lies from its nearest neighbours in the reference.

Ramaswamy, Rastogi, Shim: Efficient algorithms for mining outliers from large data sets.
SIGMOD 2000. A sample of the reference stands for all of it, which finds outliers as well:
Sugiyama, Borgwardt: Rapid distance-based outlier detection via sampling. NeurIPS 2013.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from detectors.artifact import Artifact, combined, parts_of
from detectors.bins import ReferenceColumn
from detectors.columns import Floats
from detectors.scorers.coordinates import Coordinates, Points, check_matrix
from detectors.scorers.placed import PlacedRows

N_NEIGHBOURS = 5
N_SAMPLE = 1024
LARGEST_SAMPLE_VALUES = 1 << 20

_N_PARTS = 16
_BATCH_ROWS = 256
_NOWHERE = 2.0**40
"""A squared distance beyond all others; with those it still adds up exactly."""


@dataclass(frozen=True, eq=False)
class NearestNeighbours:
    """The mean squared distance to the nearest rows of a sample of the reference.

    sample: (columns, sampled rows).
    """

    coordinates: Coordinates
    sample: Points

    @staticmethod
    def fit(
        rows: PlacedRows, columns: Sequence[ReferenceColumn], *, rng: np.random.Generator
    ) -> "NearestNeighbours":
        """Keeps 1,024 rows at random, or fewer where there are more than 1,024 columns."""
        coordinates = Coordinates.fit(rows.places, columns)
        n = min(N_SAMPLE, max(N_NEIGHBOURS, LARGEST_SAMPLE_VALUES // len(coordinates)))
        chosen = np.sort(rng.permutation(rows.n)[:n])
        return NearestNeighbours(coordinates, coordinates.of(rows.at(chosen)))

    @staticmethod
    def from_artifact(
        artifact: Artifact, columns: Sequence[ReferenceColumn]
    ) -> "NearestNeighbours":
        """Raises ValueError or KeyError where the artifact is not a sound scorer."""
        parts = parts_of(artifact)
        coordinates = Coordinates.from_artifact(parts["coordinates"], columns)
        sample = parts["sample"].arrays["points"]
        if sample.ndim != 2 or sample.shape[1] == 0:
            raise ValueError(f"the sample has shape {sample.shape}")
        sample = check_matrix(sample, (len(coordinates), sample.shape[1]))
        return NearestNeighbours(coordinates, sample)

    def to_artifact(self) -> Artifact:
        sample = Artifact({}, {"points": self.sample})
        return combined({"coordinates": self.coordinates.to_artifact(), "sample": sample})

    def score(self, rows: PlacedRows) -> Floats:
        """(rows,) the mean squared distance to the nearest rows of the sample."""
        points = self.coordinates.of(rows)
        squares = (points**2).sum(axis=0)
        score = np.empty(rows.n)
        for i in range(0, rows.n, _BATCH_ROWS):
            batch = slice(i, i + _BATCH_ROWS)
            nearest = _smallest(self._less_own_square(points[:, batch]), self._k)
            score[batch] = squares[batch] + nearest.sum(axis=1) / self._k
        return score

    def contributions(self, rows: PlacedRows) -> Floats:
        """(rows, columns) what each column adds to a row's score."""
        points = self.coordinates.of(rows)
        terms = np.empty_like(points)
        for i in range(0, rows.n, _BATCH_ROWS):
            batch = points[:, i : i + _BATCH_ROWS]
            distances = self._less_own_square(batch)
            nearest = np.argpartition(distances, self._k - 1, axis=1)[:, : self._k]
            away = batch[:, :, None] - self.sample[:, nearest]
            terms[:, i : i + _BATCH_ROWS] = (away**2).mean(axis=2)
        return self.coordinates.by_column(terms, len(rows.places))

    @property
    def _k(self) -> int:
        return min(N_NEIGHBOURS, len(self.sample[0]))

    def _less_own_square(self, points: Floats) -> Floats:
        """(columns, rows) -> (rows, padded sample) squared distances less the points' squares."""
        rows = np.ones((points.shape[1], len(points) + 1))
        rows[:, :-1] = points.T
        return rows @ self._factors

    @cached_property
    def _factors(self) -> Floats:
        """(columns + 1, padded sample) by which points, and a 1, are multiplied.

        The sample is padded with points of nowhere, for its stacks to be whole.
        """
        n = len(self.sample[0])
        n_padded = -(-max(n, N_NEIGHBOURS * _N_PARTS) // _N_PARTS) * _N_PARTS
        factors = np.zeros((len(self.sample) + 1, n_padded))
        factors[:-1, :n] = -2 * self.sample
        factors[-1] = _NOWHERE
        factors[-1, :n] = (self.sample**2).sum(axis=0)
        return factors


def _smallest(distances: Floats, k: int) -> Floats:
    """(rows, n) -> (rows, k) the k smallest of each row.

    The columns are cut into parts, which are laid on each other: the k smallest lie in the k
    stacks whose minima are smallest. A minimum of arrays is many times quicker than a partition.
    """
    stacks = distances.reshape(len(distances), _N_PARTS, -1)
    chosen = np.argpartition(stacks.min(axis=1), k - 1, axis=1)[:, :k]
    candidates = np.take_along_axis(stacks, chosen[:, None, :], axis=2)
    return np.partition(candidates.reshape(len(distances), -1), k - 1, axis=1)[:, :k]
