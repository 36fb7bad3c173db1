"""Regression trees as flat arrays, evaluated for many rows at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.artifact import Artifact
from detectors.columns import Floats

_INTEGERS = ("roots", "feature", "left", "right")
_FLOATS = ("threshold", "value")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trees:
    """A sum of binary regression trees.

    roots: (trees,) the node at which each tree begins.
    feature, threshold, left, right, value: (nodes,) a row whose feature is at most the
        threshold goes left. A leaf is its own left and right child.
    base: what the trees' values are added to.
    """

    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: Floats
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: Floats
    base: float

    @staticmethod
    def from_artifact(artifact: Artifact, *, n_columns: int) -> "Trees":
        """Raises ValueError or KeyError where the artifact is not a sound set of trees."""
        arrays = {name: artifact.arrays[name] for name in _INTEGERS + _FLOATS}
        n = len(arrays["value"])
        limits = {"roots": n, "left": n, "right": n, "feature": n_columns}
        for name, limit in limits.items():
            if not ((arrays[name] >= 0) & (arrays[name] < limit)).all():
                raise ValueError(f"trees' {name} point outside")
        if {arrays[name].shape for name in arrays if name != "roots"} != {(n,)}:
            raise ValueError("trees' arrays differ in length")
        _check_children(arrays["left"], arrays["right"])
        return Trees(**arrays, base=float(artifact.meta["base"]))

    def to_artifact(self) -> Artifact:
        arrays = {name: getattr(self, name) for name in _INTEGERS + _FLOATS}
        return Artifact({"base": self.base}, arrays)

    def predict(self, features: NDArray[np.float32]) -> Floats:
        """(columns, rows) -> (rows,) the sum of the leaves that each row reaches."""
        total = np.full(features.shape[1], self.base)
        for root in self.roots:
            total += self._subtree(int(root), features)
        return total

    def _subtree(self, node: int, features: NDArray[np.float32]) -> Floats:
        """(rows,) the leaf reached from `node`, or () where the node is a leaf itself.

        Both branches are evaluated for every row: for shallow trees that is several times
        quicker than following each row down.
        """
        left, right = int(self.left[node]), int(self.right[node])
        if left == node:
            return self.value[node, ...]
        goes_left = features[self.feature[node]] <= self.threshold[node]
        return np.where(goes_left, self._subtree(left, features), self._subtree(right, features))


def _check_children(left: NDArray[np.int32], right: NDArray[np.int32]) -> None:
    """Children come after their parent and have only one, so that a walk must end."""
    nodes = np.arange(len(left))
    inner = left != nodes
    children = np.append(left[inner], right[inner])
    if not (children > np.tile(nodes[inner], 2)).all() or len(set(children)) < len(children):
        raise ValueError("trees' nodes are not trees")
