import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from detectors.statistics import chi_squared, chi_squared_p_value, degrees_of_freedom

counts = st.lists(st.integers(0, 60), min_size=5, max_size=5).filter(any)


@given(counts, counts)
def test_statistic_and_p_value_are_scipys_without_continuity_correction(
    a: list[int], b: list[int]
) -> None:
    table = np.array([a, b])
    table = table[:, table.sum(axis=0) > 0]
    expected = chi2_contingency(table, correction=False)
    statistic, dof = chi_squared(a, b), degrees_of_freedom(a, b)
    assert statistic == pytest.approx(expected.statistic, abs=1e-9)
    assert dof == expected.dof
    p = chi_squared_p_value(statistic, dof=dof)
    assert p == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)


def test_a_two_by_two_table_gets_no_yates_correction() -> None:
    assert chi_squared([10, 20], [20, 10]) == pytest.approx(20 / 3)


def test_the_reference_counts_as_a_sample_however_small() -> None:
    exact_reference = 50 * ((0.6 - 0.5) ** 2 / 0.5) * 2
    assert chi_squared([1, 1], [30, 20]) < exact_reference / 5


def test_nothing_to_compare_has_p_value_one() -> None:
    assert chi_squared_p_value(0.0, dof=0.0) == 1.0
