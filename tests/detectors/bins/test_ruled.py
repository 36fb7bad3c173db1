"""Columns placed together: in the slots in which each is placed alone."""

from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.bins import (
    CategoryColumn,
    Placer,
    ReferenceColumn,
    Slots,
    fit_column,
    offsets_of,
    place,
)
from detectors.bins.ruled import BLOCK_VALUES
from detectors.columns import Coded, Column, ColumnType, Field, Floats, Rows
from tests.detectors.makers import coded, numbers

RNG = np.random.default_rng(0)
REFERENCES: dict[str, Column] = {
    "normal": RNG.normal(size=500),
    "long tail": RNG.lognormal(sigma=3, size=500),
    "whole": RNG.poisson(3, 500).astype(float),  # atoms
    "half zero": np.maximum(RNG.normal(size=500), 0),  # an atom, and a ruler that must be fine
    "huge": RNG.normal(size=500) * 1e200,  # no ruler
    "constant": np.full(500, 7.0),
    "empty": np.full(500, np.nan),
    "level": Coded(RNG.integers(0, 3, 500).astype(np.int32), ("a", "b", "c")),
    "other normal": RNG.normal(100, 3, size=500),
}
COLUMNS = [
    fit_column(Field(name, kind), column)
    for name, column in REFERENCES.items()
    for kind in [ColumnType.CATEGORY if isinstance(column, Coded) else ColumnType.FLOAT]
]


def alone(column: ReferenceColumn, values: Column) -> Slots:
    if isinstance(column, CategoryColumn):
        assert isinstance(values, Coded)
        return column.place(values)
    assert not isinstance(values, Coded)
    return column.place(values)


def one_by_one(rows: Rows) -> list[list[int]]:
    pairs = zip(COLUMNS, offsets_of(COLUMNS), strict=False)
    return [(alone(c, rows.columns[c.field.name]) + offset).tolist() for c, offset in pairs]


@given(numbers(max_size=30), coded(max_size=1), st.booleans())
def test_any_values_are_placed_as_each_column_alone_places_them(
    values: Floats, category: Coded, single: bool
) -> None:
    n = len(values)
    levels = Coded(np.resize(category.codes, n).astype(np.int32), category.levels)
    with np.errstate(over="ignore"):
        singles = values.astype(np.float32)
    numeric = cast("Floats", singles) if single else values
    columns = {name: levels if name == "level" else numeric for name in REFERENCES}
    rows = Rows(columns, n)
    assert place(rows, COLUMNS).tolist() == one_by_one(rows)


@pytest.mark.parametrize("n", [1, 500, BLOCK_VALUES // 3, BLOCK_VALUES // 2 + 1, 40_000])
def test_however_many_rows_there_are(n: int) -> None:
    picks = np.random.default_rng(n).integers(0, 500, n)
    columns: dict[str, Column] = {
        name: Coded(column.codes[picks], column.levels)
        if isinstance(column, Coded)
        else column[picks]
        for name, column in REFERENCES.items()
    }
    rows = Rows(columns, n)
    assert place(rows, COLUMNS).tolist() == one_by_one(rows)


def test_a_placer_can_be_used_again() -> None:
    placer, rows = Placer(COLUMNS), Rows(REFERENCES, 500)
    first = placer.place(rows)
    placer.place(Rows({}, 3))
    assert (placer.place(rows) == first).all()
