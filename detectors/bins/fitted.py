"""Bins fitted to a reference: where every value of a column is counted.

A value's *slot* is its position in the count vector of its column; its *place* is that in the
count vectors of all columns, one after another.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import accumulate

import numpy as np

from detectors.artifact import Artifact
from detectors.bins.categories import CategoryColumn
from detectors.bins.numeric import NumericColumn
from detectors.bins.ruled import BLOCK_VALUES, RuledColumns
from detectors.bins.slots import MISSING, Places
from detectors.columns import Coded, Column, Field, Numbers, Role, Rows

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
    return Placer(columns).place(rows)


class Placer:
    """Places rows in the same columns again and again."""

    def __init__(self, columns: Sequence[ReferenceColumn]) -> None:
        self._columns = columns
        self._offsets = offsets_of(columns)[:-1]

    def place(self, rows: Rows) -> Places:
        """See `place`."""
        values = [_checked(rows.columns.get(c.field.name), c) for c in self._columns]
        places = np.empty((len(values), rows.n), dtype=np.intp)
        n_together = BLOCK_VALUES // max(1, rows.n)
        if n_together < 2:
            self._place_each(range(len(values)), values, places)
            return places
        for indices, ruled in self._ruled:
            for first in range(0, len(indices), n_together):
                block = indices[first : first + n_together]
                numbers = [_numbers(values[i], rows.n) for i in block]
                places[block] = ruled.place(numbers, first)
        self._place_each(self._others, values, places)
        return places

    def _place_each(
        self, indices: Iterable[int], values: Sequence[Column | None], places: Places
    ) -> None:
        for i in indices:
            column, offset, found = self._columns[i], self._offsets[i], values[i]
            if isinstance(column, NumericColumn) and not isinstance(found, Coded | None):
                column.place_from(offset, found, out=places[i])
            elif isinstance(column, CategoryColumn) and isinstance(found, Coded):
                np.add(column.place(found), offset, out=places[i])
            else:
                places[i] = offset + MISSING

    @cached_property
    def _ruled(self) -> Sequence[tuple[list[int], RuledColumns]]:
        """Columns with a ruler: those without atoms, and those with, which take longer."""
        return [group for group in map(self._group, (False, True)) if group[0]]

    def _group(self, has_atoms: bool) -> tuple[list[int], RuledColumns]:
        group = [
            (i, column)
            for i, column in enumerate(self._columns)
            if isinstance(column, NumericColumn)
            and column.ruler is not None
            and (len(column.atoms) > 0) == has_atoms
        ]
        indices = [i for i, _ in group]
        return indices, RuledColumns([c for _, c in group], [self._offsets[i] for i in indices])

    @cached_property
    def _others(self) -> Sequence[int]:
        ruled = {i for indices, _ in self._ruled for i in indices}
        return [i for i in range(len(self._columns)) if i not in ruled]


def _checked(values: Column | None, column: ReferenceColumn) -> Column | None:
    if values is not None and isinstance(values, Coded) != isinstance(column, CategoryColumn):
        found = "categories" if isinstance(values, Coded) else "numbers"
        raise ValueError(f"column {column.field.name!r} is {column.field.type}, but holds {found}")
    return values


def _numbers(values: Column | None, n: int) -> Numbers:
    return np.full(n, np.nan) if values is None or isinstance(values, Coded) else values
