"""How wrong the model was on either side, where both tell its label and prediction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import pyarrow as pa

from detectors.columns import Coded, Column, ColumnType, Floats
from monitor.files import FileError, column_values


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelError:
    """The mean error over the rows that have both a label and a prediction.

    metric: "mean absolute error" of numbers, "error rate" of categories.
    reference, current: None without such rows.
    """

    metric: str
    reference: float | None
    current: float | None
    n_reference: int
    n_current: int


def model_error(
    reference: pa.Table,
    current: pa.Table,
    types: Mapping[str, ColumnType],
    /,
    *,
    label: str,
    prediction: str,
) -> ModelError:
    """The error on both sides.

    types: of the columns that both sides have. Raises FileError if label and prediction are not
    among them, or cannot be subtracted or compared.
    """
    for name in (label, prediction):
        if name not in types:
            raise FileError(f"{name!r} cannot be read as one type from both files")
    if types[label].is_numeric != types[prediction].is_numeric:
        raise FileError(f"{label!r} is {types[label]} and {prediction!r} is {types[prediction]}")
    sides = [
        _errors(*(column_values(side.column(name), types[name]) for name in (label, prediction)))
        for side in (reference, current)
    ]
    before, after = (side[~np.isnan(side)] for side in sides)
    return ModelError(
        metric="mean absolute error" if types[label].is_numeric else "error rate",
        reference=_mean(before),
        current=_mean(after),
        n_reference=len(before),
        n_current=len(after),
    )


def _errors(label: Column, prediction: Column) -> Floats:
    """(rows,) errors: distances of numbers, 1 for a wrong category; NaN where not to be told."""
    if isinstance(label, Coded) and isinstance(prediction, Coded):
        positions = {level: i for i, level in enumerate(label.levels)}
        # A missing prediction, code -1, finds the last entry.
        known = np.array([*(positions.get(level, -2) for level in prediction.levels), -1])
        wrong: Floats = np.not_equal(known[prediction.codes], label.codes).astype(np.float64)
        wrong[(label.codes < 0) | (prediction.codes < 0)] = np.nan
        return wrong
    with np.errstate(over="ignore", invalid="ignore"):
        distance: Floats = np.abs(cast("Floats", prediction) - cast("Floats", label))
    distance[~np.isfinite(distance)] = np.nan
    return distance


def _mean(errors: Floats) -> float | None:
    with np.errstate(over="ignore"):
        return float(errors.mean()) if len(errors) else None
