"""Truths are of the laws that the rows are drawn from: what would be told of very many of them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from scipy.stats import norm

from detectors.bins import CategoryColumn, NumericColumn, ReferenceColumn
from detectors.columns import Coded, ColumnType, Field, Floats
from detectors.report.effects import statistics
from detectors.report.intervals import intervals
from detectors.statistics import variance_ratio, welch_mean_shift
from tests.detectors.makers import numbers

NUMBER = Field("x", ColumnType.FLOAT)
CATEGORY = Field("c", ColumnType.CATEGORY)
N_REFERENCE, N_CURRENT, N_REPEATS = 4_000, 800, 60

Told = Mapping[str, float]


def of_numbers() -> tuple[ReferenceColumn, Floats, Floats]:
    """(slots,) shares of a normal law, and of one moved and wider with 2 % missing."""
    column = NumericColumn.fit(NUMBER, norm.ppf((np.arange(2_000) + 0.5) / 2_000))
    grid = norm.ppf((np.arange(200_000) + 0.5) / 200_000)
    moved = np.where(np.arange(grid.size) % 50 == 0, np.nan, 0.2 + 1.15 * grid)
    return column, column.count(grid) / grid.size, column.count(moved) / grid.size


def of_categories() -> tuple[ReferenceColumn, Floats, Floats]:
    codes = np.repeat(np.arange(5), (400, 300, 150, 100, 50)).astype(np.int32)
    column = CategoryColumn.fit(CATEGORY, Coded(codes, tuple("abcde")))
    return (
        column,
        np.array([0, 0, 0, 0.4, 0.3, 0.15, 0.1, 0.05]),
        np.array([0.02, 0, 0, 0.34, 0.3, 0.15, 0.1, 0.09]),
    )


def told(column: ReferenceColumn, reference: Any, current: Any) -> Told:
    """Of counts, or of what is expected of them, which are no whole numbers."""
    values = dict(statistics(column, reference, current))
    if isinstance(column, NumericColumn):
        sides = column.ordered(reference), column.ordered(current)
        at = column.positions / column.scale - column.centre / column.scale
        values["welch_mean_shift"] = float(welch_mean_shift(*sides, positions=at))
        values["variance_ratio"] = float(variance_ratio(*sides, positions=at))
    return values


@pytest.mark.parametrize("make", [of_numbers, of_categories])
@pytest.mark.parametrize("is_moved", [False, True])
def test_they_hold_what_is_true_of_the_laws_about_as_often_as_they_say(
    make: Callable[[], tuple[ReferenceColumn, Floats, Floats]], is_moved: bool
) -> None:
    column, before, moved = make()
    now, rng = moved if is_moved else before, np.random.default_rng(1)
    truth = told(column, N_REFERENCE * before, N_CURRENT * now)
    held: dict[str, list[bool]] = {name: [] for name in truth}
    for _ in range(N_REPEATS):
        a, b = rng.multinomial(N_REFERENCE, before), rng.multinomial(N_CURRENT, now)
        for name, (low, high) in intervals(column, a, b, told(column, a, b)).items():
            held[name].append(low - 1e-9 <= truth[name] <= high + 1e-9)
    shares = {name: float(np.mean(those)) for name, those in held.items()}
    assert min(shares.values()) >= 0.8
    assert {len(those) for those in held.values()} == {N_REPEATS}


def test_the_same_counts_have_the_same_intervals() -> None:
    column, before, now = of_numbers()
    a, b = (N_CURRENT * before).astype(np.int64), (N_CURRENT * now).astype(np.int64)
    values = told(column, a, b)
    assert intervals(column, a, b, values) == intervals(column, a, b, values)


@given(numbers(), numbers())
def test_whatever_the_values_intervals_hold_what_was_told_and_nothing_warns(
    reference: Floats, current: Floats
) -> None:
    column = NumericColumn.fit(NUMBER, reference)
    a, b = column.count(reference), column.count(current)
    values = statistics(column, a, b)
    for name, (low, high) in intervals(column, a, b, values).items():
        assert -np.inf < low <= values[name] <= high < np.inf
