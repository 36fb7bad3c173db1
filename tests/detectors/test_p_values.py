import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from detectors.bins import CategoryColumn, NumericColumn, fit_column
from detectors.columns import Coded, ColumnType, Counts, Field
from detectors.p_values import of_categories, of_ranks, of_shares, of_values, p_values
from detectors.report.effects import statistics

NUMBER = Field("speed", ColumnType.FLOAT)
WEATHER = Field("weather", ColumnType.CATEGORY)
LEVELS = tuple("abcdefgh")


def number(n: int, seed: int, shift: float = 0.0) -> Counts:
    return column().count(np.random.default_rng(seed).normal(shift, 1.0, n))


def column() -> NumericColumn:
    fitted = fit_column(NUMBER, np.random.default_rng(1).normal(size=5000))
    assert isinstance(fitted, NumericColumn)
    return fitted


def weather(n: int, seed: int, shares: tuple[float, ...]) -> Coded:
    codes = np.random.default_rng(seed).choice(len(shares), n, p=shares).astype(np.int32)
    return Coded(codes, LEVELS[: len(shares)])


def test_every_statistic_of_a_column_has_one() -> None:
    a, b = number(5000, 1), number(1000, 2, 0.2)
    shown = set(statistics(column(), a, b)) - {"wasserstein_sd"}
    assert shown <= set(p_values(column(), a, b))
    reference, current = weather(3000, 1, (0.5, 0.3, 0.2)), weather(300, 2, (0.5, 0.3, 0.2))
    category = fit_column(WEATHER, reference)
    assert isinstance(category, CategoryColumn)
    counts = category.count(reference), category.count(current)
    assert set(statistics(category, *counts)) == set(p_values(category, *counts))


def test_drift_makes_all_but_the_missing_share_small() -> None:
    found = dict(p_values(column(), number(5000, 1), number(1000, 2, 0.5)))
    assert found.pop("two_proportion") == 1.0
    assert found.pop("variance_ratio") > 0.01
    assert max(found.values()) < 1e-6


def test_without_drift_none_is_small() -> None:
    assert min(p_values(column(), number(5000, 1), number(1000, 9)).values()) > 0.01


@pytest.mark.parametrize("n", [0, 1])
def test_of_hardly_any_rows_it_says_what_is_defined(n: int) -> None:
    found = p_values(column(), number(5000, 1), number(n, 2))
    assert all(0 <= p <= 1 for p in found.values())
    assert bool(found) == (n > 0)


counts = hnp.arrays(
    np.int64, (3, 6), elements=st.integers(0, 3) | st.integers(0, 1000) | st.just(10**10)
)


@settings(max_examples=200)
@given(reference=counts, current=counts)
def test_whatever_the_counts_they_are_chances_or_unknown(
    reference: Counts, current: Counts
) -> None:
    every = of_ranks(reference, current) | of_categories(reference, current)
    every |= of_shares(reference, current)
    empty = np.minimum(reference.sum(axis=-1), current.sum(axis=-1)) == 0
    for name, found in every.items():
        assert ((found >= 0) & (found <= 1) | np.isnan(found)).all(), name
        np.testing.assert_array_equal(np.isnan(found), empty, err_msg=name)
    for found in of_values(reference, current, positions=np.arange(6.0)).values():
        assert ((found >= 0) & (found <= 1) | np.isnan(found)).all()
