"""Columns of numbers, and of what is among them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.columns import ColumnType, Field
from monitor.batches import conform

NUMBERS = st.lists(
    st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False), max_size=50
)
ANYTHING = st.lists(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=2), max_size=50
)


def as_float(value: object) -> float | None:
    """What a column of numbers holds of a value, one at a time."""
    if not isinstance(value, int | float) or math.isnan(value):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def as_integer(value: object) -> int | None:
    number = as_float(value)
    if number is None or not isinstance(value, int | float) or not -(2**63) <= value < 2**63:
        return None
    return int(value) if value == int(value) else None


def conformed(values: list[object], type_: ColumnType) -> tuple[list[object], int]:
    found = conform({"x": values}, [Field("x", type_)], n=len(values))
    read = [None if v is None or v != v else v for v in found.columns["x"].to_pylist()]  # noqa: PLR0124 - NaN
    return read, found.mismatched.get("x", 0)


@pytest.mark.parametrize("values", [NUMBERS, ANYTHING])
@given(data=st.data())
def test_numbers_are_read_together_as_they_are_one_by_one(
    values: st.SearchStrategy[list[object]], data: st.DataObject
) -> None:
    column = data.draw(values)
    for type_, one in ((ColumnType.FLOAT, as_float), (ColumnType.INTEGER, as_integer)):
        wanted = [one(value) for value in column]
        n_lost = sum(
            new is None and old is not None and old == old  # noqa: PLR0124 - NaN
            for old, new in zip(column, wanted, strict=True)
        )
        assert conformed(column, type_) == (wanted, n_lost)


def test_bytes_are_no_numbers() -> None:
    assert conformed([b"1", 2], ColumnType.FLOAT) == ([None, 2.0], 1)
