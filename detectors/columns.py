"""What a column is: its type, its role, and its values as arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

RESERVED_PREFIX = "dm."
"""Names that begin so belong to Driftmeter: ids, times, scores."""


class ColumnType(StrEnum):
    FLOAT = "float"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    CATEGORY = "category"

    @property
    def is_numeric(self) -> bool:
        return self in (ColumnType.FLOAT, ColumnType.INTEGER)


class Role(StrEnum):
    FEATURE = "feature"
    PREDICTION = "prediction"
    LABEL = "label"
    SCORE = "score"
    """A number that a scorer made of a row: an outlier p-value, an expected error."""


@dataclass(frozen=True, slots=True)
class Field:
    """The declaration of one column."""

    name: str
    type: ColumnType
    role: Role = Role.FEATURE


@dataclass(frozen=True, slots=True)
class Coded:
    """The values of a category or boolean column.

    codes: (rows,) int32, positions in `levels`; -1 is a missing value.
    levels: distinct strings; booleans are "false" and "true".
    """

    codes: NDArray[np.int32]
    levels: Sequence[str]

    def __len__(self) -> int:
        return len(self.codes)


Column = Floats | Coded
"""(rows,) float64, NaN is missing; or coded strings."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A batch of rows, column by column; every column has `n` values."""

    columns: Mapping[str, Column]
    n: int

    def __post_init__(self) -> None:
        for name, column in self.columns.items():
            if len(column) != self.n:
                raise ValueError(f"column {name!r} has {len(column)} values, expected {self.n}")
