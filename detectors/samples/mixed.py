"""Rows of numbers and categories as tests of rows want them: points, or a table for trees."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detectors.bins import (
    FIRST_LEVEL,
    MISSING,
    SCORED_ROLES,
    CategoryColumn,
    ReferenceColumn,
    fit_column,
    place,
)
from detectors.columns import Coded, Counts, Field, Floats, Rows

LARGEST_LEVELS = 30
"""Of a category, the commonest that have a coordinate of their own; the others share one."""


@dataclass(frozen=True, slots=True, eq=False)
class Mixed:
    """The columns of which rows are compared, and where each of their slots lies.

    A number lies at its mid-rank in the reference, times √12: of variance 1, whatever its tails
    are like. A category lies at the corner of a simplex, √2 from any other. That a value is
    missing has a coordinate too, so no row is left out.

    codes: for each column (n_slots, k) coordinates.
    """

    columns: tuple[ReferenceColumn, ...]
    codes: tuple[Floats, ...]

    @staticmethod
    def of(columns: Sequence[ReferenceColumn], reference: Rows) -> "Mixed":
        """Of features and predictions alone; `reference` are the rows that ranks are among."""
        scored = tuple(column for column in columns if column.field.role in SCORED_ROLES)
        codes = tuple(
            _codes(column, np.bincount(slots, minlength=column.n_slots))
            for column, slots in zip(scored, _slots(scored, reference), strict=True)
        )
        return Mixed(scored, codes)

    @staticmethod
    def fit(fields: Sequence[Field], reference: Rows) -> "Mixed":
        """Of rows against which nothing has been counted yet."""
        columns = [fit_column(field, reference.columns[field.name]) for field in fields]
        return Mixed.of(columns, reference)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.field.name for column in self.columns)

    def points(self, rows: Rows) -> Floats:
        """(rows, coordinates) all finite, for tests that measure distances."""
        placed = zip(self.codes, _slots(self.columns, rows), strict=True)
        return np.concatenate([codes[slots] for codes, slots in placed], axis=1)

    def table(self, rows: Rows) -> Floats:
        """(rows, columns) for trees: numbers, and the ranks of categories by their commonness;
        NaN is missing."""
        placed = zip(self.columns, _slots(self.columns, rows), strict=True)
        return np.stack([_numbers(c, rows, slots) for c, slots in placed], axis=1)


def _slots(columns: Sequence[ReferenceColumn], rows: Rows) -> list[Counts]:
    """Of every column, (rows,)."""
    return [place(rows, [column])[0] for column in columns]


def _numbers(column: ReferenceColumn, rows: Rows, slots: Counts) -> Floats:
    if isinstance(column, CategoryColumn):
        return np.where(slots == MISSING, np.nan, slots)
    values = rows.columns.get(column.field.name)
    if values is None or isinstance(values, Coded):
        return np.full(rows.n, np.nan)
    return values


def _codes(column: ReferenceColumn, counts: Counts) -> Floats:
    """(n_slots, k) the last coordinate says whether a value is missing."""
    if isinstance(column, CategoryColumn):
        corners = np.minimum(np.arange(column.n_slots), FIRST_LEVEL + LARGEST_LEVELS)
        corners[1:FIRST_LEVEL] = FIRST_LEVEL + LARGEST_LEVELS  # rare, or never seen
        return np.eye(FIRST_LEVEL + LARGEST_LEVELS + 1)[corners][:, np.unique(corners)]
    ordered = column.ordered(counts)
    ranks = (np.cumsum(ordered) - ordered / 2) / max(int(ordered.sum()), 1)
    codes = np.zeros((column.n_slots, 2))
    codes[column.value_order, 0] = np.sqrt(12) * (ranks - 0.5)
    codes[MISSING, 1] = 1.0
    return codes
