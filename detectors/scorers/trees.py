"""Sums of regression trees over small integers, evaluated for many rows at once, or for few."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.artifact import Artifact
from detectors.columns import Floats

Features = NDArray[np.int16]
"""(columns, rows)"""

LARGEST_LEAVES = 256
"""Of one tree, so that a leaf's number is one byte."""

_INTEGERS = ("roots", "feature", "left", "right")
_LARGEST_TABLE = 4096
_BATCH_ROWS = 1 << 14
_FEW_ROWS = 128
"""Up to here, walking all trees down in step is quicker than evaluating every node."""


_Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Split:
    """A row goes to `second` where `compare(feature, threshold)` holds, else to `first`.

    threshold: () int16. NumPy takes arrays of one number more quickly than bare ones.
    first: a leaf, if any child is.
    """

    feature: int
    threshold: NDArray[np.int16]
    compare: np.ufunc
    first: "_Split | _Bytes"
    second: "_Split | _Bytes"


_Node = _Split | _Bytes
"""A split, or the number of a leaf, (), counted from first to second."""


@dataclass(frozen=True, slots=True)
class _Scratch:
    """Where the nodes of a tree are evaluated: a vector to each depth, and one besides."""

    numbers: list[_Bytes]
    mask: _Bytes
    holds: NDArray[np.bool_]

    @staticmethod
    def of(n_rows: int, depth: int) -> "_Scratch":
        numbers = [np.empty(n_rows, dtype=np.uint8) for _ in range(depth)]
        mask = np.empty(n_rows, dtype=np.uint8)
        return _Scratch(numbers, mask, mask.view(np.bool_))


@dataclass(frozen=True, slots=True)
class _Group:
    """A few trees, and the sums of their leaves: (product of n_leaves,), the last tree fastest."""

    trees: list[_Node]
    n_leaves: list[int]
    sums: Floats

    def add(self, tree: _Node, values: Floats) -> "_Group":
        sums = np.add.outer(self.sums, values).ravel()
        return _Group([*self.trees, tree], [*self.n_leaves, len(values)], sums)

    def predict(self, columns: Sequence[Features], scratch: _Scratch) -> Floats:
        place = np.zeros(len(scratch.mask), dtype=np.uint16)
        for tree, n_leaves in zip(self.trees, self.n_leaves, strict=True):
            place *= np.uint16(n_leaves)
            place += _reached(tree, columns, scratch)
        # Places are never outside; without "clip" NumPy would copy the result to check first.
        return np.take(self.sums, place, mode="clip")


@dataclass(frozen=True, kw_only=True, eq=False)
class Trees:
    """A sum of binary regression trees.

    roots: (trees,) the node at which each tree begins.
    feature, threshold, left, right, value: (nodes,) a row whose feature is at most the
        threshold goes left. A leaf is its own left and right child. An inner node's value is
        what is expected of a row that came so far.
    base: what the trees' values are added to.
    """

    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.int16]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: Floats
    base: float

    @staticmethod
    def of(fitted: Sequence[Any], values: Sequence[Floats], *, base: float) -> "Trees":
        """The trees of scikit-learn, `estimator.tree_`, fitted on whole numbers.

        values: for each tree, (its nodes,). They are rounded to multiples of 2^-52 of the
        largest sum, among which sums are exact in any order.
        """
        roots = np.cumsum([0, *(tree.node_count for tree in fitted)])[:-1]
        nodes = np.arange(sum(tree.node_count for tree in fitted))
        is_leaf = np.concatenate([tree.children_left < 0 for tree in fitted])
        left = np.concatenate([r + t.children_left for r, t in zip(roots, fitted, strict=True)])
        right = np.concatenate([r + t.children_right for r, t in zip(roots, fitted, strict=True)])
        feature = np.concatenate([tree.feature for tree in fitted])
        threshold = np.floor(np.concatenate([tree.threshold for tree in fitted]))
        exact = _exact(np.append(np.concatenate(values), base), n_terms=len(fitted) + 1)
        return Trees(
            roots=roots.astype(np.int32),
            feature=np.where(is_leaf, 0, feature).astype(np.int32),
            threshold=np.where(is_leaf, 0, threshold).astype(np.int16),
            left=np.where(is_leaf, nodes, left).astype(np.int32),
            right=np.where(is_leaf, nodes, right).astype(np.int32),
            value=exact[:-1],
            base=float(exact[-1]),
        )

    @staticmethod
    def from_artifact(artifact: Artifact, *, n_columns: int) -> "Trees":
        """Raises ValueError or KeyError where the artifact is not a sound set of trees."""
        arrays = {name: artifact.arrays[name] for name in (*_INTEGERS, "threshold", "value")}
        n = len(arrays["value"])
        limits = {"roots": n, "left": n, "right": n, "feature": n_columns}
        for name, limit in limits.items():
            if not ((arrays[name] >= 0) & (arrays[name] < limit)).all():
                raise ValueError(f"trees' {name} point outside")
        if {arrays[name].shape for name in arrays if name != "roots"} != {(n,)}:
            raise ValueError("trees' arrays differ in length")
        if any(arrays[name].dtype != np.int32 for name in _INTEGERS):
            raise ValueError("trees' nodes are not integers")
        if arrays["threshold"].dtype != np.int16:
            raise ValueError("trees' thresholds are not 16-bit integers")
        _check_children(arrays["left"], arrays["right"])
        trees = Trees(**arrays, base=float(artifact.meta["base"]))
        if not np.isfinite([trees.base, *trees.value]).all():
            raise ValueError("trees' values are not finite")
        if any(len(leaves) > LARGEST_LEAVES for _, leaves in trees._nested):
            raise ValueError(f"trees have more than {LARGEST_LEAVES} leaves")
        return trees

    def to_artifact(self) -> Artifact:
        names = (*_INTEGERS, "threshold", "value")
        return Artifact({"base": self.base}, {name: getattr(self, name) for name in names})

    def predict(self, features: Features) -> Floats:
        """(columns, rows) -> (rows,) the sum of the leaves that each row reaches."""
        n = features.shape[1]
        if n <= _FEW_ROWS:
            *_, leaves = self._walk(features)
            total: Floats = self.value[leaves].sum(axis=0) + self.base
            return total
        starts = range(0, n, _BATCH_ROWS)
        return np.concatenate([self._predict(features[:, i : i + _BATCH_ROWS]) for i in starts])

    def contributions(self, features: Features) -> Floats:
        """(columns, rows) -> (rows, columns) what each column adds to a row's sum.

        A split adds the difference between what is expected after it and before it; the terms
        and the values of the roots add up to the sum (Saabas, 2014).
        """
        n_columns, n = features.shape
        terms = np.zeros((n, n_columns))
        row = np.broadcast_to(np.arange(n), (len(self.roots), n))
        for before, after in pairwise(self._walk(features)):
            np.add.at(terms, (row, self.feature[before]), self.value[after] - self.value[before])
        return terms

    def _predict(self, features: Features) -> Floats:
        """Evaluates every node for every row, each by four operations on bytes."""
        total = np.full(features.shape[1], self.base)
        columns, scratch = list(features), _Scratch.of(features.shape[1], self._depth)
        for group in self._groups:
            total += group.predict(columns, scratch)
        return total

    def _walk(self, features: Features) -> Iterator[NDArray[np.intp]]:
        """(trees, rows) the nodes that rows are at, all in step, from the roots to the leaves."""
        n = features.shape[1]
        flat, row = features.ravel(), np.arange(n)
        node = np.repeat(self.roots[:, None].astype(np.intp), n, axis=1)
        yield node
        for _ in range(self._depth):
            feature = flat.take(self.feature.take(node) * n + row)
            goes_right = feature > self.threshold.take(node)
            node = self._children.take(2 * node + goes_right)
            yield node

    @cached_property
    def _children(self) -> NDArray[np.intp]:
        """(2 nodes,) the left and the right child of each node."""
        return np.stack([self.left, self.right], axis=1).ravel().astype(np.intp)

    @cached_property
    def _depth(self) -> int:
        """Splits between a root and its deepest leaf."""
        return max(_height(tree) for tree, _ in self._nested)

    @cached_property
    def _groups(self) -> list[_Group]:
        """The trees in groups whose sums fit into a small table.

        Looking a leaf up costs more than finding it in a small tree.
        """
        groups = [_Group([], [], np.zeros(1))]
        for tree, leaves in self._nested:
            if len(groups[-1].sums) * len(leaves) > _LARGEST_TABLE:
                groups.append(_Group([], [], np.zeros(1)))
            groups[-1] = groups[-1].add(tree, self.value[leaves])
        return groups

    @cached_property
    def _nested(self) -> list[tuple[_Node, list[int]]]:
        """Each tree, and the nodes that are its leaves, in the order of their numbers."""
        found: list[tuple[_Node, list[int]]] = []
        for root in self.roots.tolist():
            leaves: list[int] = []
            found.append((self._nest(root, leaves, depth=0), leaves))
        return found

    def _nest(self, node: int, leaves: list[int], *, depth: int) -> _Node:
        if depth > LARGEST_LEAVES:
            raise ValueError(f"trees are deeper than {LARGEST_LEAVES}")
        left, right = int(self.left[node]), int(self.right[node])
        if left == node:
            leaves.append(node)
            return np.array((len(leaves) - 1) % LARGEST_LEAVES, dtype=np.uint8)
        swap = self.left[right] == right
        return _Split(
            feature=int(self.feature[node]),
            threshold=np.array(self.threshold[node]),
            compare=np.less_equal if swap else np.greater,
            first=self._nest(right if swap else left, leaves, depth=depth + 1),
            second=self._nest(left if swap else right, leaves, depth=depth + 1),
        )


def _exact(values: Floats, *, n_terms: int) -> Floats:
    """Values rounded so that any sum of so many of them is exact in 53 bits."""
    exponent = int(np.frexp(np.abs(values).max())[1]) + n_terms.bit_length()
    unit = np.ldexp(1.0, max(exponent - 52, -1022))
    return np.asarray(np.rint(values / unit) * unit)


def _height(tree: _Node) -> int:
    return 1 + max(map(_height, (tree.first, tree.second))) if isinstance(tree, _Split) else 0


def _reached(
    tree: _Node, columns: Sequence[Features], scratch: _Scratch, *, depth: int = 0
) -> _Bytes:
    """(rows,) the number of the leaf that each row reaches, until the scratch is used again.

    The leaves of a first child have smaller numbers than those of the second, so the smaller
    number is the answer once the first is made 255 for rows that go to the second. Of two
    leaves, the second has the next number.
    """
    if not isinstance(tree, _Split):
        return tree
    number = scratch.numbers[depth]
    first = _reached(tree.first, columns, scratch, depth=depth + 1)
    tree.compare(columns[tree.feature], tree.threshold, out=scratch.holds)
    if not isinstance(tree.second, _Split):
        return np.add(first, scratch.mask, out=number)
    np.negative(scratch.mask, out=scratch.mask)
    np.bitwise_or(first, scratch.mask, out=number)
    second = _reached(tree.second, columns, scratch, depth=depth + 1)
    return np.minimum(number, second, out=number)


def _check_children(left: NDArray[np.int32], right: NDArray[np.int32]) -> None:
    """Children come after their parent and have only one, so that a walk must end."""
    nodes = np.arange(len(left))
    inner = left != nodes
    children = np.append(left[inner], right[inner])
    if not (children > np.tile(nodes[inner], 2)).all() or len(set(children)) < len(children):
        raise ValueError("trees' nodes are not trees")
