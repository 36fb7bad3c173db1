"""Truths are of the laws that the rows are drawn from; shares of laws from SciPy."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from hypothesis import given
from scipy import integrate, stats

from detectors.columns import Floats
from detectors.two_sample import Comparison, compare_categories, compare_numbers, sorted_present
from detectors.two_sample_intervals import (
    LARGEST_N_LEVELS,
    category_intervals,
    missing_interval,
    number_intervals,
)
from tests.detectors.makers import numbers

N_REFERENCE, N_CURRENT, N_REPEATS = 3_000, 1_000, 30

Told = Mapping[str, float]
Intervals = Mapping[str, tuple[float, float]]


def compared(reference: Floats, current: Floats) -> tuple[Comparison, Intervals]:
    sides = sorted_present(reference), sorted_present(current)
    found = compare_numbers(*sides, n_rows=(len(reference), len(current)))
    return found, number_intervals(*sides, found)


def normal(rng: np.random.Generator, mean: float, sd: float) -> Intervals:
    return compared(rng.normal(size=N_REFERENCE), rng.normal(mean, sd, N_CURRENT))[1]


def truth_of_normal(mean: float, sd: float) -> Told:
    x = np.linspace(-8, 8, 160_001)
    gap = np.abs(stats.norm.cdf(x) - stats.norm.cdf(x, mean, sd))
    area = float(integrate.trapezoid(gap, x))
    return {"kolmogorov_smirnov": float(gap.max()), "wasserstein_sd": area}


BEFORE = np.array([0.4, 0.3, 0.15, 0.1, 0.05])


def categories(rng: np.random.Generator, now: Floats) -> Intervals:
    counts = np.array([rng.multinomial(N_REFERENCE, BEFORE), rng.multinomial(N_CURRENT, now)])
    return category_intervals(counts, compare_categories(counts, n_rows=(N_REFERENCE, N_CURRENT)))


def truth_of_categories(now: Floats) -> Told:
    expected = np.array([N_REFERENCE * BEFORE, N_CURRENT * now])
    chi_squared = stats.chi2_contingency(expected, correction=False).statistic
    return {"chi_squared": chi_squared, "total_variation": float(np.abs(now - BEFORE).sum() / 2)}


CASES: dict[str, tuple[Callable[[np.random.Generator], Intervals], Told]] = {
    "equal normal laws": (lambda rng: normal(rng, 0, 1), truth_of_normal(0, 1)),
    "moved": (lambda rng: normal(rng, 0.3, 1), truth_of_normal(0.3, 1)),
    "wider": (lambda rng: normal(rng, 0.1, 1.4), truth_of_normal(0.1, 1.4)),
    "equal shares": (lambda rng: categories(rng, BEFORE), truth_of_categories(BEFORE)),
    "other shares": (lambda rng: categories(rng, BEFORE[::-1]), truth_of_categories(BEFORE[::-1])),
}


@pytest.mark.parametrize("case", CASES)
def test_they_hold_what_is_true_of_the_laws_about_as_often_as_they_say(case: str) -> None:
    draw, truth = CASES[case]
    found = [draw(np.random.default_rng(seed)) for seed in range(N_REPEATS)]
    for name, value in truth.items():
        limits = [intervals[name] for intervals in found]
        held = [low - 1e-9 <= value <= high + 1e-9 for low, high in limits]
        assert np.mean(held) >= 0.8, name


def test_ten_times_the_rows_make_them_about_a_third_as_wide() -> None:
    rng = np.random.default_rng(0)
    few, many = (compared(rng.normal(size=n), rng.normal(0.5, 1, n))[1] for n in (2_000, 20_000))
    for name, (low, high) in few.items():
        narrow = many[name]
        assert 0.2 < (narrow[1] - narrow[0]) / (high - low) < 0.5


@given(numbers(), numbers())
def test_whatever_the_values_they_hold_what_was_told_and_nothing_warns(
    reference: Floats, current: Floats
) -> None:
    found, intervals = compared(np.tile(reference, 20), np.tile(current, 20))
    for name, (low, high) in intervals.items():
        assert -np.inf < low <= found.statistics[name] <= high < np.inf


def test_rows_beside_themselves_may_still_have_moved_a_little() -> None:
    values = np.random.default_rng(0).normal(size=1_000)
    _, of_numbers = compared(values, values)
    counts = np.array([[30, 20, 50], [30, 20, 50]])
    of_shares = category_intervals(counts, compare_categories(counts, n_rows=(100, 100)))
    for low, high in (*of_numbers.values(), *of_shares.values()):
        assert low == 0
        assert high > 0.01


def test_the_same_samples_have_the_same_intervals() -> None:
    (_, one), (_, other) = (compared(np.arange(500.0), np.arange(90.0)) for _ in range(2))
    assert one == other


def test_of_too_many_levels_or_too_few_rows_there_are_none() -> None:
    counts = np.ones((2, LARGEST_N_LEVELS + 1), dtype=np.int64)
    n_rows = (int(counts[0].sum()), int(counts[1].sum()))
    assert category_intervals(counts, compare_categories(counts, n_rows=n_rows)) == {}
    assert compared(np.arange(5.0), np.arange(5.0))[1] == {}


def test_the_missing_share_has_newcombes_interval() -> None:
    # 56 of 70 and 48 of 80: example (a), method 10 without correction, of Newcombe (1998).
    low, high = missing_interval((80 - 48, 70 - 56), (80, 70))
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
