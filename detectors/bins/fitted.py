"""Bins fitted to a reference: where every value of a column is counted.

A value's *slot* is its position in the count vector of its column; its *place* is that in the
count vectors of all columns, one after another.
"""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from detectors.artifact import Artifact
from detectors.bins.categories import N_LEVELS, N_REMEMBERED_LEVELS, CategoryColumn
from detectors.bins.numeric import LARGEST_FLOAT, NumericColumn
from detectors.bins.slots import (
    ABOVE,
    BELOW,
    FIRST_BIN,
    FIRST_LEVEL,
    MISSING,
    NEG_INF,
    OTHER,
    POS_INF,
    UNSEEN,
    Places,
    Slots,
)
from detectors.columns import Coded, Column, Field, Role, Rows

__all__ = [
    "ABOVE",
    "BELOW",
    "FIRST_BIN",
    "FIRST_LEVEL",
    "LARGEST_FLOAT",
    "MISSING",
    "NEG_INF",
    "N_LEVELS",
    "N_REMEMBERED_LEVELS",
    "OTHER",
    "POS_INF",
    "SCORED_ROLES",
    "UNSEEN",
    "CategoryColumn",
    "NumericColumn",
    "Places",
    "ReferenceColumn",
    "Slots",
    "column_from_artifact",
    "fit_column",
    "offsets_of",
    "p_value_column",
    "place",
]

SCORED_ROLES = (Role.FEATURE, Role.PREDICTION)
"""The columns that scorers look at."""

ReferenceColumn = NumericColumn | CategoryColumn


def fit_column(field: Field, column: Column) -> ReferenceColumn:
    """The bins of one column; the column's kind must be what the field declares."""
    if isinstance(column, Coded):
        return CategoryColumn.fit(field, column)
    return NumericColumn.fit(field, column)


def p_value_column(field: Field) -> NumericColumn:
    """Fixed bins for p-values: logarithmic from 2^-12 to 1, four to each halving."""
    return NumericColumn.between(field, np.append(0.0, 2.0 ** (np.arange(-48, 1) / 4)))


def column_from_artifact(field: Field, artifact: Artifact) -> ReferenceColumn:
    """Raises ValueError, KeyError or TypeError where the artifact is not a sound column."""
    kind = NumericColumn if field.type.is_numeric else CategoryColumn
    return kind.from_artifact(field, artifact)


def offsets_of(columns: Sequence[ReferenceColumn]) -> tuple[int, ...]:
    """(columns + 1) where each column's slots begin and where the last one's end."""
    return (0, *accumulate(column.n_slots for column in columns))


def place(rows: Rows, columns: Sequence[ReferenceColumn]) -> Places:
    """The place of every value; a column that the rows lack is missing in all of them.

    Raises ValueError naming a column that holds strings where numbers were declared, or the
    reverse.
    """
    places = np.empty((len(columns), rows.n), dtype=np.intp)
    for i, (column, offset) in enumerate(zip(columns, offsets_of(columns)[:-1], strict=True)):
        np.add(_place_column(rows.columns.get(column.field.name), column), offset, out=places[i])
    return places


def _place_column(values: Column | None, column: ReferenceColumn) -> Slots | int:
    if values is None:
        return MISSING
    if isinstance(column, NumericColumn) and not isinstance(values, Coded):
        return column.place(values)
    if isinstance(column, CategoryColumn) and isinstance(values, Coded):
        return column.place(values)
    found = "categories" if isinstance(values, Coded) else "numbers"
    raise ValueError(f"column {column.field.name!r} is {column.field.type}, but holds {found}")
