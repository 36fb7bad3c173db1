from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from detectors.bins import ReferenceColumn, fit_column, place
from detectors.columns import Coded, ColumnType, Field, Floats, Role, Rows
from detectors.scorers.coordinates import LARGEST, Coordinates, check_width, clipped
from detectors.scorers.placed import PlacedRows
from tests.detectors.makers import numbers

X = Field("x", ColumnType.FLOAT)
C = Field("c", ColumnType.CATEGORY)


def fit(rows: Rows, *fields: Field) -> tuple[Coordinates, list[ReferenceColumn]]:
    columns = [fit_column(field, rows.columns[field.name]) for field in fields]
    return Coordinates.fit(place(rows, columns), columns), columns


def test_numbers_are_standardised_and_what_is_missing_lies_at_the_mean() -> None:
    coordinates, columns = fit(Rows({"x": np.array([1.0, 3.0])}, 2), X)
    new = Rows({"x": np.array([2.0, 3.0, -1.0, np.nan, np.inf, -1e308])}, 6)
    found = coordinates.of(PlacedRows.of(new, columns))
    assert found.tolist() == [[0.0, 1.0, -3.0, 0.0, LARGEST, -LARGEST]]


def test_categories_lie_as_far_out_as_they_are_rare() -> None:
    levels = Coded(np.repeat([0, 1], [90, 9]).astype(np.int32), ("sun", "snow"))
    coordinates, columns = fit(Rows({"c": levels}, 99), C)
    new = Rows({"c": Coded(np.array([0, 1, 2], np.int32), ("sun", "snow", "hail"))}, 3)
    known = np.sqrt(-2 * np.log(np.array([91, 10, 1]) / 100))
    found = coordinates.of(PlacedRows.of(new, columns))[0]
    np.testing.assert_allclose(found, known, atol=1 / 512)


def test_labels_have_no_coordinate() -> None:
    rows = Rows({"x": np.arange(5.0), "y": np.arange(5.0)}, 5)
    coordinates, _ = fit(rows, X, Field("y", ColumnType.FLOAT, Role.LABEL))
    assert coordinates.names == ("x",)


@given(numbers())
def test_any_number_becomes_a_whole_number_of_steps_within_bounds(values: Floats) -> None:
    steps = clipped(values.copy()) * 256
    assert (steps == np.rint(steps)).all()
    assert (np.abs(steps) <= 2**15 - 1).all()


def test_a_matrix_over_too_many_columns_is_refused() -> None:
    coordinates, _ = fit(Rows({"x": np.arange(2.0)}, 2), X)
    with pytest.raises(ValueError, match="at most 1000"):
        check_width(replace(coordinates, names=("x",) * 1_001))
