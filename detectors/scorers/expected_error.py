"""The error that a model is expected to make on a row, before the row's label is known.

Direct loss estimation: a second model is fitted on the reference's own errors (NannyML's DLE
does so for regression). It knows nothing of a changed relation between inputs and target;
it sees rows move to where the model was worse.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.artifact import Artifact, combined, parts_of
from detectors.bins import MISSING, SCORED_ROLES, NumericColumn, Places, ReferenceColumn, offsets_of
from detectors.columns import Floats
from detectors.trees import Trees

N_TREES = 50
DEPTH = 3
N_TRAINING = 10_000
SMALLEST_LEAF_SHARE = 0.05
"""Of the training rows. From a thousand rows on, so coarse a fit spreads no wider over the rows
it was fitted on than over new ones, and a window can be compared with the reference."""

_PRIOR_ROWS = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class ExpectedError:
    """Boosted trees over encoded places.

    encoding: (slots,) float32, what each place of the declared columns is to the trees: the
        rank of its bin, -1 where missing; for a category its mean error, shrunken to the
        overall mean.
    """

    encoding: NDArray[np.float32]
    trees: Trees

    @staticmethod
    def fit(
        places: Places,
        losses: Floats,
        columns: Sequence[ReferenceColumn],
        *,
        rng: np.random.Generator,
    ) -> "ExpectedError":
        """Fits on the rows whose loss is a finite number, at most 10,000 of them, at random."""
        known = rng.permutation(np.flatnonzero(np.isfinite(losses)))[:N_TRAINING]
        chosen, target = places[:, known], losses[known]
        encoding = _encoding(chosen, target, columns)
        return ExpectedError(encoding, _boosted(encoding[chosen], target, rng))

    @staticmethod
    def from_artifact(artifact: Artifact, *, n_slots: int, n_columns: int) -> "ExpectedError":
        """Raises ValueError or KeyError where the artifact is not a sound scorer."""
        parts = parts_of(artifact)
        encoding = parts["encoding"].arrays["values"]
        if encoding.shape != (n_slots,) or encoding.dtype != np.float32:
            raise ValueError(f"encoding has shape {encoding.shape} and type {encoding.dtype}")
        return ExpectedError(encoding, Trees.from_artifact(parts["trees"], n_columns=n_columns))

    def to_artifact(self) -> Artifact:
        encoding = Artifact({}, {"values": self.encoding})
        return combined({"encoding": encoding, "trees": self.trees.to_artifact()})

    def score(self, places: Places) -> Floats:
        """(columns, rows) -> (rows,) expected loss."""
        return self.trees.predict(self.encoding[places])


def _encoding(
    places: Places, losses: Floats, columns: Sequence[ReferenceColumn]
) -> NDArray[np.float32]:
    offsets = offsets_of(columns)
    encoding = np.zeros(offsets[-1], dtype=np.float32)
    for column, start, row_places in zip(columns, offsets[:-1], places, strict=True):
        if column.field.role in SCORED_ROLES:
            part = encoding[start : start + column.n_slots]
            if isinstance(column, NumericColumn):
                part[column.value_order] = np.arange(len(column.value_order))
                part[MISSING] = -1
            else:
                part[:] = _mean_losses(row_places - start, losses, column.n_slots)
    return encoding


def _mean_losses(slots: NDArray[np.intp], losses: Floats, n_slots: int) -> Floats:
    """(n_slots,) as if each slot had held a few more rows of the overall mean."""
    n = np.bincount(slots, minlength=n_slots)
    sums = np.bincount(slots, weights=losses, minlength=n_slots)
    means: Floats = (sums + _PRIOR_ROWS * losses.mean()) / (n + _PRIOR_ROWS)
    return means


def _boosted(features: NDArray[np.float32], target: Floats, rng: np.random.Generator) -> Trees:
    # Half a second and a hundred megabytes, which only fitting a reference needs.
    from sklearn.ensemble import GradientBoostingRegressor  # noqa: PLC0415

    model = GradientBoostingRegressor(
        n_estimators=N_TREES,
        max_depth=DEPTH,
        min_samples_leaf=max(1, int(SMALLEST_LEAF_SHARE * len(target))),
        subsample=0.5,
        random_state=int(rng.integers(2**31)),
    )
    model.fit(features.T, target)
    return trees_of(model)


def trees_of(model: Any) -> Trees:
    """The trees of a fitted scikit-learn GradientBoostingRegressor with one output."""
    fitted = [estimator.tree_ for estimator in model.estimators_.ravel()]
    roots = np.cumsum([0, *(tree.node_count for tree in fitted)])[:-1]
    nodes = np.arange(sum(tree.node_count for tree in fitted))
    is_leaf = np.concatenate([tree.children_left < 0 for tree in fitted])
    left = np.concatenate([r + t.children_left for r, t in zip(roots, fitted, strict=True)])
    right = np.concatenate([r + t.children_right for r, t in zip(roots, fitted, strict=True)])
    value = np.concatenate([tree.value.ravel() for tree in fitted])
    return Trees(
        roots=roots.astype(np.int32),
        feature=np.where(is_leaf, 0, np.concatenate([t.feature for t in fitted])).astype(np.int32),
        threshold=np.where(is_leaf, 0.0, np.concatenate([t.threshold for t in fitted])),
        left=np.where(is_leaf, nodes, left).astype(np.int32),
        right=np.where(is_leaf, nodes, right).astype(np.int32),
        value=model.learning_rate * value,
        base=float(model.init_.constant_.item()),
    )
