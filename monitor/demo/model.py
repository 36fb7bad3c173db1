"""The demo's model: free seats by gradient-boosted trees, and how it learns and is kept."""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from sklearn.ensemble import HistGradientBoostingRegressor

from detectors.columns import Counts, Floats
from monitor.demo.rides import CATEGORIES, FEATURES, TARGET, TIME
from monitor.demo.world import PREDICTION


@dataclass(frozen=True, slots=True)
class SeatModel:
    """Predicts free seats from FEATURES."""

    trees: HistGradientBoostingRegressor

    def predict(self, columns: Mapping[str, Sequence[object]]) -> Floats:
        """(rows,) predictions; `columns` maps every one of FEATURES to its values.

        A missing value is None or NaN, a category never seen counts as missing. Raises
        ValueError that names the column whose values are of the wrong kind.
        """
        return self.predict_encoded(encode(columns))

    def predict_encoded(self, features: Floats) -> Floats:
        """(rows, features) as `encode` makes them -> (rows,); no tram has less than no seat."""
        return np.asarray(np.maximum(0.0, self.trees.predict(features)).round(1))


def encode(columns: Mapping[str, Sequence[object]]) -> Floats:
    """(rows, features): numbers as they are, categories as positions in their list of levels."""
    return np.column_stack([_encoded(name, columns[name]) for name in FEATURES])


def _encoded(name: str, values: Sequence[object]) -> Floats:
    if name in CATEGORIES:
        codes = {level: float(code) for code, level in enumerate(CATEGORIES[name])}
        return np.array([codes.get(str(value), np.nan) for value in values])
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"column {name!r} must hold numbers or null: {error}") from error


def train(rides: pa.Table, seed: int) -> SeatModel:
    """Learns from rides that hold FEATURES and TARGET; the trees handle missing values."""
    return _fit(encode_table(rides), rides[TARGET].to_numpy(), seed)


def predicted(rides: pa.Table, model: SeatModel) -> pa.Table:
    """The rides with the model's prediction for each."""
    predictions = model.predict_encoded(encode_table(rides))
    return rides.append_column(PREDICTION, pa.array(predictions))


def mean_error(rides: pa.Table) -> float:
    """Mean absolute error of the predictions that stand beside the truth."""
    return float(np.abs(rides[PREDICTION].to_numpy() - rides[TARGET].to_numpy()).mean())


def cross_predicted(rides: pa.Table, seed: int) -> pa.Table:
    """The rides with an honest prediction for each: by a model that did not learn from its day.

    For want of other days to try a model on: predictions for the very rows that it learned from
    would promise smaller errors than any later day can keep. The days, two at least, are dealt
    into two halves in turn, and each half is predicted by a model of the other.
    """
    features, truth = encode_table(rides), rides[TARGET].to_numpy()
    half = np.unique(_day_numbers(rides), return_inverse=True)[1] % 2
    predictions = np.empty(len(truth))
    for held_out in (half == 0, half == 1):
        learned = _fit(features[~held_out], truth[~held_out], seed)
        predictions[held_out] = learned.predict_encoded(features[held_out])
    return rides.append_column(PREDICTION, pa.array(predictions))


def _day_numbers(rides: pa.Table) -> Counts:
    micros = rides[TIME].cast(pa.int64()).to_numpy()
    return np.asarray(micros // 86_400_000_000)


def encode_table(rides: pa.Table) -> Floats:
    """(rows, features) of a table of rides."""
    return encode({name: _values(rides[name]) for name in FEATURES})


def _values(column: pa.ChunkedArray) -> Sequence[object]:
    values: Sequence[object] = (
        column.to_pylist() if pa.types.is_string(column.type) else column.to_numpy()
    )
    return values


def _fit(features: Floats, truth: Floats, seed: int) -> SeatModel:
    categorical = [name in CATEGORIES for name in FEATURES]
    trees = HistGradientBoostingRegressor(
        max_iter=60,
        learning_rate=0.2,
        max_leaf_nodes=31,
        categorical_features=categorical,
        early_stopping=False,
        random_state=seed,
    )
    return SeatModel(trees.fit(features, truth))


def save(model: SeatModel, folder: Path, version: int) -> None:
    """Puts the model into its repository, complete or not at all, as `<version>.pickle`."""
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f"{version}.unfinished"
    unfinished.write_bytes(pickle.dumps(model))
    unfinished.rename(folder / f"{version}.pickle")


def newest(folder: Path) -> tuple[int, SeatModel]:
    """The model of the highest version in its repository, and that version.

    Reads pickles: the repository is written by this demo alone, in a folder of its own.
    Raises FileNotFoundError where there is none.
    """
    versions = sorted(int(path.stem) for path in folder.glob("*.pickle"))
    if not versions:
        raise FileNotFoundError(f"no model in {folder}")
    model = pickle.loads((folder / f"{versions[-1]}.pickle").read_bytes())  # noqa: S301 - see above
    if not isinstance(model, SeatModel):
        raise TypeError(f"{folder}/{versions[-1]}.pickle holds {type(model).__name__}")
    return versions[-1], model
