"""How soon random cuts set a row apart from all others.

Liu, Ting, Zhou: Isolation forest. ICDM 2008, 413-422. The forest is grown by scikit-learn and
evaluated here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.artifact import Artifact, combined, parts_of
from detectors.bins import ReferenceColumn
from detectors.columns import Floats
from detectors.scorers.coordinates import STEPS, Coordinates
from detectors.scorers.placed import PlacedRows
from detectors.scorers.trees import Trees

N_TREES = 100
N_SAMPLE = 256
"""Rows to a tree, as in the paper."""


@dataclass(frozen=True, slots=True, eq=False)
class IsolationForest:
    """By how much a row's path is shorter than a reference row's, in the paper's unit c(n)."""

    coordinates: Coordinates
    trees: Trees

    @staticmethod
    def fit(
        rows: PlacedRows, columns: Sequence[ReferenceColumn], *, rng: np.random.Generator
    ) -> "IsolationForest":
        # A second and two hundred megabytes, which only fitting needs.
        from sklearn import ensemble  # noqa: PLC0415

        coordinates = Coordinates.fit(rows.places, columns)
        n_sample = min(N_SAMPLE, rows.n)
        model = ensemble.IsolationForest(
            n_estimators=N_TREES, max_samples=n_sample, random_state=int(rng.integers(2**31))
        )
        model.fit(_steps(coordinates, rows).T)
        fitted = [estimator.tree_ for estimator in model.estimators_]
        unit = N_TREES * max(1.0, float(mean_path_length(np.array([n_sample]))[0]))
        values = [_shorter(tree) / unit for tree in fitted]
        return IsolationForest(coordinates, Trees.of(fitted, values, base=0.0))

    @staticmethod
    def from_artifact(artifact: Artifact, columns: Sequence[ReferenceColumn]) -> "IsolationForest":
        """Raises ValueError or KeyError where the artifact is not a sound scorer."""
        parts = parts_of(artifact)
        coordinates = Coordinates.from_artifact(parts["coordinates"], columns)
        trees = Trees.from_artifact(parts["trees"], n_columns=len(coordinates))
        return IsolationForest(coordinates, trees)

    def to_artifact(self) -> Artifact:
        parts = {"coordinates": self.coordinates.to_artifact(), "trees": self.trees.to_artifact()}
        return combined(parts)

    def score(self, rows: PlacedRows) -> Floats:
        """(rows,) 0 for a path of the reference's mean length, positive for a shorter one."""
        return self.trees.predict(_steps(self.coordinates, rows))

    def contributions(self, rows: PlacedRows) -> Floats:
        """(rows, columns) by how much the cuts of each column shortened a row's path."""
        terms = self.trees.contributions(_steps(self.coordinates, rows))
        return self.coordinates.by_column(terms.T, len(rows.places))


def mean_path_length(n: NDArray[Any]) -> Floats:
    """c(n): the mean length of an unsuccessful search in a binary tree of n rows."""
    n = n.astype(np.float64)
    harmonic = np.log(np.maximum(n - 1, 1)) + np.euler_gamma
    length = 2 * harmonic - 2 * (n - 1) / np.maximum(n, 1)
    return np.asarray(np.where(n > 2, length, np.maximum(n - 1, 0.0)))


def _steps(coordinates: Coordinates, rows: PlacedRows) -> NDArray[np.int16]:
    return (coordinates.of(rows) * STEPS).astype(np.int16)


def _shorter(tree: Any) -> Floats:
    """(nodes,) the mean path of the tree's own rows, less that of rows that come to a node."""
    n = tree.n_node_samples
    depth, path = np.zeros(tree.node_count), mean_path_length(n)
    inner = np.flatnonzero(tree.children_left >= 0)
    children = np.stack([tree.children_left, tree.children_right])
    for node in inner:  # parents come before their children
        depth[children[:, node]] = depth[node] + 1
    path += depth
    for node in inner[::-1]:
        path[node] = np.average(path[children[:, node]], weights=n[children[:, node]])
    return np.asarray(path[0] - path)
