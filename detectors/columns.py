"""What a column is: its type, its role, and its values as arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = Floats | NDArray[np.float32]
Counts = NDArray[np.int64]

RESERVED_PREFIX = "dm."
"""Names that begin so belong to Driftmeter: ids, times, scores."""


LARGEST_DIMENSIONS = 4096
"""Longer vectors are not watched."""


class ColumnType(StrEnum):
    FLOAT = "float"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    CATEGORY = "category"
    TEXT = "text"
    TIMESTAMP = "timestamp"
    VECTOR = "vector"

    @property
    def is_numeric(self) -> bool:
        return self in (ColumnType.FLOAT, ColumnType.INTEGER)

    @property
    def is_coded(self) -> bool:
        """Its values are strings, kept as `Coded`."""
        return self in (ColumnType.BOOLEAN, ColumnType.CATEGORY, ColumnType.TEXT)

    @property
    def is_derived(self) -> bool:
        """It is not binned itself, but plain columns that are made of it."""
        return self in (ColumnType.TEXT, ColumnType.TIMESTAMP, ColumnType.VECTOR)


class Role(StrEnum):
    FEATURE = "feature"
    PREDICTION = "prediction"
    LABEL = "label"
    SCORE = "score"
    """A number that a scorer made of a row: an outlier p-value, an expected error."""


@dataclass(frozen=True, slots=True)
class Field:
    """The declaration of one column. dimensions: of a vector, where they are known, else 0."""

    name: str
    type: ColumnType
    role: Role = Role.FEATURE
    dimensions: int = 0


@dataclass(frozen=True, slots=True)
class Coded:
    """The values of a category, boolean or text column.

    codes: (rows,) int32, positions in `levels`; -1 is a missing value.
    levels: distinct strings; booleans are "false" and "true".
    """

    codes: NDArray[np.int32]
    levels: Sequence[str]

    def __len__(self) -> int:
        return len(self.codes)


Column = Floats | Coded
"""(rows,) float64, NaN is missing, times in epoch seconds; coded strings; or vectors, (rows, d) of
floats, missing where one of them is not finite."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A batch of rows, column by column; every column has `n` values."""

    columns: Mapping[str, Column]
    n: int

    def __post_init__(self) -> None:
        for name, column in self.columns.items():
            if len(column) != self.n:
                raise ValueError(f"column {name!r} has {len(column)} values, expected {self.n}")


def values_at(column: Column, where: slice | NDArray[np.intp] | NDArray[np.bool_]) -> Column:
    """Some of a column's values."""
    return Coded(column.codes[where], column.levels) if isinstance(column, Coded) else column[where]


def rows_at(rows: Rows, where: slice | NDArray[np.intp]) -> Rows:
    """Some of the rows, all columns."""
    if isinstance(where, slice) and where.indices(rows.n) == (0, rows.n, 1):
        return rows
    columns = {name: values_at(column, where) for name, column in rows.columns.items()}
    n = len(range(rows.n)[where]) if isinstance(where, slice) else len(where)
    return Rows(columns, n)
