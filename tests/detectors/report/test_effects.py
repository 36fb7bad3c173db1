import numpy as np
import pytest
from hypothesis import given
from scipy.stats import (
    chi2_contingency,
    cramervonmises_2samp,
    energy_distance,
    ks_2samp,
    wasserstein_distance,
)

from detectors.bins import CategoryColumn, NumericColumn, ReferenceColumn
from detectors.columns import Coded, ColumnType, Counts, Field, Floats
from detectors.report.effects import statistics
from detectors.statistics import anderson_darling
from tests.detectors.makers import numbers
from tests.detectors.statistics.rounding import each_value_a_bin

NUMBER = Field("x", ColumnType.FLOAT)
CATEGORY = Field("c", ColumnType.CATEGORY)


def normal(n: int, seed: int, mean: float = 0.0) -> Floats:
    return np.random.default_rng(seed).normal(mean, 1.0, n)


def of_numbers(reference: Floats, current: Floats) -> tuple[ReferenceColumn, Counts, Counts]:
    column = NumericColumn.fit(NUMBER, reference)
    return column, column.count(reference), column.count(current)


def of_categories(
    reference: list[int], current: list[int]
) -> tuple[ReferenceColumn, Counts, Counts]:
    def coded(shares: list[int]) -> Coded:
        return Coded(np.repeat(np.arange(len(shares)), shares).astype(np.int32), "abcdefgh")

    column = CategoryColumn.fit(CATEGORY, coded(reference))
    return column, column.count(coded(reference)), column.count(coded(current))


def test_numbers_agree_with_scipy_on_the_values_to_within_a_bin() -> None:
    reference, current = normal(20_000, 1), normal(2_000, 2, mean=0.3)
    values = statistics(*of_numbers(reference, current))
    expected = ks_2samp(reference, current).statistic
    assert expected - 1 / 256 <= values["kolmogorov_smirnov"] <= expected + 1e-12
    distance = wasserstein_distance(reference, current)
    assert values["wasserstein"] == pytest.approx(distance, rel=0.05)
    assert values["wasserstein_sd"] == pytest.approx(distance / reference.std(), rel=0.05)


def test_the_customary_index_of_a_shift_by_a_third_of_a_sd_is_a_tenth() -> None:
    # A normal mean shift of 0.316 sd has a Jeffreys divergence of 0.1; ten bins lose a little.
    values = statistics(*of_numbers(normal(200_000, 1), normal(200_000, 2, mean=0.316)))
    assert values["population_stability_index"] == pytest.approx(0.095, abs=0.006)


def test_categories_have_a_share_that_changed() -> None:
    values = statistics(*of_categories([50, 30, 20], [40, 30, 30]))
    assert values["total_variation"] == pytest.approx(0.1)
    assert values["chebyshev"] == pytest.approx(0.1)
    assert set(values) >= {"chi_squared", "population_stability_index", "jensen_shannon_distance"}
    assert set(values) >= {"g_test", "kullback_leibler", "hellinger"}


def test_the_other_statistics_of_numbers_agree_with_scipy_to_within_their_bins() -> None:
    reference, current = normal(20_000, 1), normal(2_000, 2, mean=0.3)
    values = statistics(*of_numbers(10 * reference, 10 * current))
    criterion = cramervonmises_2samp(reference, current, method="asymptotic").statistic
    assert values["cramer_von_mises"] == pytest.approx(criterion, rel=0.01)
    energy = energy_distance(10 * reference, 10 * current)
    assert values["energy_distance"] == pytest.approx(energy, rel=0.01)
    assert values["kuiper"] == pytest.approx(values["kolmogorov_smirnov"], abs=0.02)
    exact = anderson_darling(*each_value_a_bin(reference, current))
    assert values["anderson_darling"] == pytest.approx(exact, rel=0.03)
    assert values["two_proportion"] == 0


def test_a_grown_share_of_missing_values_is_measured_for_every_kind() -> None:
    with_gaps = normal(1_000, 2)
    with_gaps[:100] = np.nan
    expected = chi2_contingency([[0, 1_000], [100, 900]], correction=False).statistic
    values = statistics(*of_numbers(normal(1_000, 1), with_gaps))
    assert values["two_proportion"] ** 2 == pytest.approx(expected)
    assert "two_proportion" in statistics(*of_categories([50, 50], [50, 50]))


def test_a_window_without_values_has_no_statistics() -> None:
    column, reference, _ = of_numbers(normal(100, 1), normal(1, 1))
    assert statistics(column, reference, np.zeros_like(reference)) == {}


def test_a_constant_column_has_no_standard_deviation_to_measure_in() -> None:
    values = statistics(*of_numbers(np.full(100, 7.0), np.full(50, 8.0)))
    assert "wasserstein_sd" not in values
    assert values["kolmogorov_smirnov"] == 1.0


@given(numbers(), numbers())
def test_whatever_the_values_statistics_are_finite_and_nothing_warns(
    reference: Floats, current: Floats
) -> None:
    column, a, b = of_numbers(reference, current)
    assert all(np.isfinite(value) for value in statistics(column, a, b).values())
