from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given

from detectors.bins import NumericColumn
from detectors.columns import ColumnType, Counts, Field, Floats
from detectors.profile.sums import LARGEST_Z, RESOLUTION, z_sums
from tests.detectors.makers import numbers

COLUMN = NumericColumn.fit(Field("x", ColumnType.FLOAT), np.array([1.0, 2.0, 5.0]))


def of_one(column: NumericColumn, values: Floats) -> Counts:
    sums: Counts = z_sums([column], [values])[0]
    return sums


def slowly(values: Floats) -> list[int]:
    """Value by value in exact arithmetic, from the z that float64 gives."""
    total = [0, 0]
    for value in values[np.isfinite(values)].tolist():
        with np.errstate(over="ignore"):
            z = np.float64(value) - COLUMN.centre
            z = np.clip(z * (1 / COLUMN.unit), -LARGEST_Z, LARGEST_Z)
        for power in (1, 2):
            exact = Fraction(float(z**power)) * int(RESOLUTION[power - 1])
            total[power - 1] += round(exact)
    return total


@given(numbers())
def test_sums_are_exactly_those_of_the_definition(values: Floats) -> None:
    assert of_one(COLUMN, values).tolist() == slowly(values)


def test_many_rows_are_summed_exactly() -> None:
    values = np.random.default_rng(0).normal(3, 2, 40_000)
    parts = [of_one(COLUMN, part) for part in np.array_split(values, 7)]
    assert of_one(COLUMN, values).tolist() == np.sum(parts, axis=0).tolist() == slowly(values)


def test_the_largest_sums_there_can_be_are_exact() -> None:
    values = np.full(100_000, 1e300)
    expected = [100_000 * LARGEST_Z * RESOLUTION[0], 100_000 * LARGEST_Z**2 * RESOLUTION[1]]
    assert of_one(COLUMN, values).tolist() == expected


@pytest.mark.parametrize("values", [[5e-324, -5e-324], [0.0, 5e-324], [1e308, -1e308]])
def test_units_from_the_smallest_to_the_largest_have_sums(values: list[float]) -> None:
    column = NumericColumn.fit(Field("x", ColumnType.FLOAT), np.array(values))
    assert (np.abs(of_one(column, np.array(values))) <= 2 * LARGEST_Z**2 * RESOLUTION).all()


@pytest.mark.parametrize("n", [1, 7, 1000, 20_000])
def test_columns_are_summed_together_as_each_alone(n: int) -> None:
    rng = np.random.default_rng(n)
    values = [rng.normal(i, 2, n).astype([np.float64, np.float32][i % 2]) for i in range(30)]
    values[3][0], values[5][-1], values[7][0], values[9] = np.nan, np.inf, 1e30, np.empty(0)
    together = z_sums([COLUMN] * 30, values)
    assert together.tolist() == [of_one(COLUMN, column).tolist() for column in values]


def test_without_columns_there_are_no_sums() -> None:
    assert z_sums([], []).shape == (0, 2)
