import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from detectors.columns import Coded, ColumnType, Field, Role, Rows
from detectors.samples.mixed import LARGEST_LEVELS, Mixed

NUMBER = Field("x", ColumnType.FLOAT)
CATEGORY = Field("c", ColumnType.CATEGORY)


def numbers(*values: float) -> Rows:
    return Rows({"x": np.array(values, dtype=float)}, len(values))


def levels(*values: str | None) -> Rows:
    names = sorted({value for value in values if value is not None})
    codes = [-1 if value is None else names.index(value) for value in values]
    return Rows({"c": Coded(np.array(codes, np.int32), names)}, len(values))


@given(st.lists(st.integers(-5, 5), min_size=2, max_size=40))
def test_a_number_lies_at_its_mid_rank(values: list[int]) -> None:
    rows = numbers(*values)
    expected = np.sqrt(12) * ((rankdata(values) - 0.5) / len(values) - 0.5)
    points = Mixed.fit([NUMBER], rows).points(rows)
    np.testing.assert_allclose(points[:, 0], expected, atol=1e-12)


def test_numbers_have_variance_one_however_heavy_their_tails() -> None:
    rows = numbers(*np.random.default_rng(1).standard_cauchy(20_000))
    assert Mixed.fit([NUMBER], rows).points(rows)[:, 0].var() == pytest.approx(1, abs=1e-3)


def test_beyond_the_reference_lies_beyond_all_of_it() -> None:
    mixed = Mixed.fit([NUMBER], numbers(1, 2, 3))
    low, inside, high = mixed.points(numbers(-np.inf, 2, 9))[:, 0]
    assert (low, inside, high) == pytest.approx((-np.sqrt(3), 0, np.sqrt(3)))


def test_two_categories_are_as_far_apart_as_any_other_two() -> None:
    points = Mixed.fit([CATEGORY], levels("a", "b", "c")).points(levels("a", "b", "c", "d", None))
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.testing.assert_allclose(distances, np.sqrt(2) * (1 - np.eye(5)))


def test_rare_levels_share_a_coordinate_with_those_never_seen() -> None:
    names = [f"{i:03}" for i in range(LARGEST_LEVELS + 5)]
    points = Mixed.fit([CATEGORY], levels(*names, *names[:-5])).points(levels(*names[-5:], "new"))
    assert (points == points[0]).all()


def test_a_missing_number_is_told_from_one_in_the_middle() -> None:
    missing, middle = Mixed.fit([NUMBER], numbers(1, 2, 3)).points(numbers(np.nan, 2))
    assert missing.tolist() == [0, 1]
    assert middle.tolist() == [0, 0]


def test_trees_get_numbers_as_they_are_and_categories_by_commonness() -> None:
    reference = Rows({**numbers(1, 2, 3).columns, **levels("b", "a", "a").columns}, 3)
    rows = Rows({**numbers(np.nan, 7.5).columns, **levels("a", None).columns}, 2)
    table = Mixed.fit([NUMBER, CATEGORY], reference).table(rows)
    assert table[:, 0].tolist() == pytest.approx([np.nan, 7.5], nan_ok=True)
    assert np.isnan(table[1, 1])
    assert table[0, 1] < Mixed.fit([CATEGORY], reference).table(levels("b"))[0, 0]


def test_a_column_that_rows_lack_is_missing_in_all() -> None:
    mixed = Mixed.fit([NUMBER], numbers(1, 2, 3))
    assert np.isnan(mixed.table(Rows({}, 2))).all()
    assert mixed.points(Rows({}, 2)).tolist() == [[0, 1], [0, 1]]


def test_labels_are_not_compared() -> None:
    fields = [NUMBER, Field("y", ColumnType.FLOAT, Role.LABEL)]
    rows = Rows({"x": np.arange(3.0), "y": np.arange(3.0)}, 3)
    assert Mixed.fit(fields, rows).names == ("x",)
