"""Rows of numbers alone, for tests of scorers."""

from collections.abc import Sequence

import numpy as np

from detectors.bins import ReferenceColumn, fit_column
from detectors.columns import ColumnType, Field, Floats, Rows
from detectors.scorers.placed import PlacedRows


def rows_of(matrix: Floats) -> Rows:
    """(rows, columns) -> columns named 0, 1, ..."""
    return Rows({str(i): column for i, column in enumerate(matrix.T)}, len(matrix))


def placed(matrix: Floats, columns: Sequence[ReferenceColumn]) -> PlacedRows:
    return PlacedRows.of(rows_of(matrix), columns)


def columns_of(matrix: Floats) -> list[ReferenceColumn]:
    return [fit_column(Field(str(i), ColumnType.FLOAT), x) for i, x in enumerate(matrix.T)]


def standardised(matrix: Floats, reference: Floats) -> Floats:
    """(rows, columns) in the reference's standard deviations, in steps of 1/256."""
    z: Floats = np.rint((matrix - reference.mean(axis=0)) / reference.std(axis=0) * 256) / 256
    return z


def correlated(n: int, seed: int) -> Floats:
    """(n, 5) the last column follows from the others, but for a little noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(3.0, 2.0, (n, 4))
    return np.column_stack([x, x.sum(axis=1) + rng.normal(0, 0.5, n)])
