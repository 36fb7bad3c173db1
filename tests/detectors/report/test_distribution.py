import numpy as np
import pytest
from hypothesis import given

from detectors.bins import CategoryColumn, NumericColumn
from detectors.columns import Coded, ColumnType, Field, Floats
from detectors.report import Distribution
from detectors.report.distribution import distribution, quantiles
from tests.detectors.makers import coded, numbers

NUMBER = Field("x", ColumnType.FLOAT)


def drawn(reference: Floats, current: Floats, field: Field = NUMBER) -> Distribution:
    column = NumericColumn.fit(field, reference)
    return distribution(column, column.count(reference), column.count(current))


def test_bars_hold_the_shares_that_a_histogram_would() -> None:
    rng = np.random.default_rng(1)
    reference, current = rng.normal(size=50_000), rng.normal(0.5, 1, size=50_000)
    picture = drawn(reference, current)
    edges = np.array([-np.inf, *picture.edges[1:-1], np.inf])
    for bars, values in ((picture.reference, reference), (picture.current, current)):
        expected = np.histogram(values, edges)[0] / len(values)
        np.testing.assert_allclose(bars, expected, atol=0.004)


def test_bars_are_of_equal_width_over_the_middle_of_the_reference() -> None:
    values = np.random.default_rng(2).lognormal(size=10_000)
    picture = drawn(values, values)
    widths = np.diff(picture.edges)
    assert len(picture.bars) == len(widths) == 30
    np.testing.assert_allclose(widths, widths[0])
    assert picture.edges[0] == pytest.approx(np.quantile(values, 0.005), abs=0.01)
    assert picture.edges[-1] == pytest.approx(np.quantile(values, 0.995), rel=0.02)


def test_what_lies_beyond_the_reference_falls_into_the_open_bars() -> None:
    picture = drawn(np.linspace(0, 1, 1000), np.array([-50.0, 70.0, 80.0, 90.0]))
    assert picture.current[0] == 0.25
    assert picture.current[-1] == 0.75


def test_few_whole_numbers_get_a_bar_each() -> None:
    dice = np.repeat(np.arange(1.0, 7.0), 100)
    picture = drawn(dice, dice, Field("dice", ColumnType.INTEGER))
    assert picture.edges == (0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5)
    np.testing.assert_allclose(picture.reference, 1 / 6)


def test_a_constant_shows_to_which_side_it_moved() -> None:
    picture = drawn(np.full(50, 3.0), np.array([3.0, 4.0]))
    assert picture.reference == (0.0, 1.0, 0.0)
    assert picture.current == (0.0, 0.5, 0.5)


@given(numbers(), numbers())
def test_shares_add_up_to_one_or_are_nothing(reference: Floats, current: Floats) -> None:
    picture = drawn(reference, current)
    for shares in (picture.reference, picture.current):
        assert len(shares) == len(picture.bars)
        assert sum(shares) == pytest.approx(1) or not any(shares)
    assert all(np.isfinite(picture.edges))
    assert list(picture.edges) == sorted(picture.edges)


@given(coded(), coded())
def test_shares_of_categories_add_up_to_one_or_are_nothing(
    reference: Coded, current: Coded
) -> None:
    column = CategoryColumn.fit(Field("c", ColumnType.CATEGORY), reference)
    picture = distribution(column, column.count(reference), column.count(current))
    for shares in (picture.reference, picture.current):
        assert sum(shares) == pytest.approx(1) or not any(shares)
    assert picture.edges == ()


def test_rare_categories_are_drawn_together_and_new_ones_apart() -> None:
    codes = np.repeat(np.arange(20), np.arange(40, 20, -1)).astype(np.int32)
    reference = Coded(codes, [f"line {i}" for i in range(20)])
    current = Coded(np.array([0, 0, 19, 20], np.int32), [*reference.levels, "line 99"])
    column = CategoryColumn.fit(Field("c", ColumnType.CATEGORY), reference)
    picture = distribution(column, column.count(reference), column.count(current))
    assert len(picture.bars) == 17
    assert picture.bars[0] == "line 0"
    assert "line 19" in picture.bars, "rare before, but common now"
    assert dict(zip(picture.bars, picture.current, strict=True))["unseen"] == 0.25


def test_quantiles_are_numpys_to_within_a_bin() -> None:
    values = np.random.default_rng(3).normal(size=20_000)
    column = NumericColumn.fit(NUMBER, values)
    probabilities = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    found = quantiles(column, column.count(values), probabilities)
    np.testing.assert_allclose(found, np.quantile(values, probabilities), atol=0.02)


def test_quantiles_of_atoms_are_the_atoms() -> None:
    values = np.repeat([1.0, 2.0, 9.0], [50, 30, 20])
    column = NumericColumn.fit(NUMBER, values)
    found = quantiles(column, column.count(values), np.array([0.25, 0.7, 0.95]))
    np.testing.assert_allclose(found, [1.0, 2.0, 9.0])


def test_there_are_no_quantiles_of_nothing() -> None:
    column = NumericColumn.fit(NUMBER, np.arange(10.0))
    assert np.isnan(quantiles(column, column.count(np.empty(0)), np.array([0.5]))).all()
