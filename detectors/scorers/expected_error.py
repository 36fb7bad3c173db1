"""The error that a model is expected to make on a row, before the row's label is known.

Direct loss estimation: a second model is fitted on the reference's own errors (NannyML's DLE
does so for regression). It knows nothing of a changed relation between inputs and target;
it sees rows move to where the model was worse.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.artifact import Artifact, combined, parts_of
from detectors.bins import SCORED_ROLES, NumericColumn, Places, ReferenceColumn, offsets_of
from detectors.columns import Floats
from detectors.scorers.placed import PlacedRows
from detectors.scorers.trees import Trees

N_TREES, LEARNING_RATE = 30, 0.15
DEPTH = 3
N_TRAINING = 10_000
SMALLEST_LEAF_SHARE = 0.05
"""Of the training rows. From a thousand rows on, so coarse a fit spreads no wider over the rows
it was fitted on than over new ones, and a window can be compared with the reference."""

LARGEST_LOSS, LARGEST_EXPONENT = 2.0**1000, 1000
"""Larger ones are clipped, so that sums of a few of them are finite."""

_PRIOR_ROWS = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class ExpectedError:
    """Boosted trees over ranks.

    ranks: (slots,) what each place of the declared columns is to the trees: one more than the
        rank of its bin, 0 where missing; for a category the rank of its mean error, shrunken
        to the overall mean.
    """

    ranks: NDArray[np.int16]
    trees: Trees

    @staticmethod
    def fit(
        rows: PlacedRows,
        losses: Floats,
        columns: Sequence[ReferenceColumn],
        *,
        rng: np.random.Generator,
    ) -> "ExpectedError":
        """Fits on the rows whose loss is a finite number, at most 10,000 of them, at random."""
        known = rng.permutation(np.flatnonzero(np.isfinite(losses)))[:N_TRAINING]
        chosen = rows.places[:, known]
        target = np.clip(losses[known], -LARGEST_LOSS, LARGEST_LOSS)
        ranks = _ranks(chosen, target, columns)
        return ExpectedError(ranks, _boosted(ranks[chosen], target, rng))

    @staticmethod
    def from_artifact(artifact: Artifact, columns: Sequence[ReferenceColumn]) -> "ExpectedError":
        """Raises ValueError or KeyError where the artifact is not a sound scorer."""
        parts = parts_of(artifact)
        ranks = parts["ranks"].arrays["values"]
        if ranks.shape != (offsets_of(columns)[-1],) or ranks.dtype != np.int16:
            raise ValueError(f"ranks have shape {ranks.shape} and type {ranks.dtype}")
        return ExpectedError(ranks, Trees.from_artifact(parts["trees"], n_columns=len(columns)))

    def to_artifact(self) -> Artifact:
        ranks = Artifact({}, {"values": self.ranks})
        return combined({"ranks": ranks, "trees": self.trees.to_artifact()})

    def score(self, rows: PlacedRows) -> Floats:
        """(rows,) expected loss."""
        return self.trees.predict(self._features(rows))

    def contributions(self, rows: PlacedRows) -> Floats:
        """(rows, columns) what each column adds to the mean loss."""
        return self.trees.contributions(self._features(rows))

    def _features(self, rows: PlacedRows) -> NDArray[np.int16]:
        features = np.empty(rows.places.shape, dtype=np.int16)
        for of_column, places in zip(features, rows.places, strict=True):
            self.ranks.take(places, mode="clip", out=of_column)
        return features


def _ranks(places: Places, losses: Floats, columns: Sequence[ReferenceColumn]) -> NDArray[np.int16]:
    offsets = offsets_of(columns)
    ranks = np.zeros(offsets[-1], dtype=np.int16)
    for column, start, row_places in zip(columns, offsets[:-1], places, strict=True):
        if column.field.role in SCORED_ROLES:
            part = ranks[start : start + column.n_slots]
            if isinstance(column, NumericColumn):
                part[column.value_order] = np.arange(1, column.n_slots)
            else:
                order = np.argsort(_mean_losses(row_places - start, losses, column.n_slots))
                part[order] = np.arange(column.n_slots)
    return ranks


def _mean_losses(slots: NDArray[np.intp], losses: Floats, n_slots: int) -> Floats:
    """(n_slots,) as if each slot had held a few more rows of the overall mean."""
    n = np.bincount(slots, minlength=n_slots)
    sums = np.bincount(slots, weights=losses, minlength=n_slots)
    means: Floats = (sums + _PRIOR_ROWS * losses.mean()) / (n + _PRIOR_ROWS)
    return means


def _boosted(ranks: NDArray[np.int16], target: Floats, rng: np.random.Generator) -> Trees:
    # Half a second and a hundred megabytes, which only fitting a reference needs.
    from sklearn.ensemble import GradientBoostingRegressor  # noqa: PLC0415

    model = GradientBoostingRegressor(
        n_estimators=N_TREES,
        learning_rate=LEARNING_RATE,
        max_depth=DEPTH,
        min_samples_leaf=max(1, int(SMALLEST_LEAF_SHARE * len(target))),
        subsample=0.5,
        random_state=int(rng.integers(2**31)),
    )
    # In units of the largest loss, lest squares of huge ones overflow.
    unit = float(np.ldexp(1.0, min(int(np.frexp(np.abs(target).max())[1]), LARGEST_EXPONENT)))
    model.fit(ranks.T, target / unit)
    fitted = [estimator.tree_ for estimator in model.estimators_.ravel()]
    values = [unit * model.learning_rate * tree.value.ravel() for tree in fitted]
    return Trees.of(fitted, values, base=unit * float(model.init_.constant_.item()))
