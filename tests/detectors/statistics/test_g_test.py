import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from detectors.statistics import chi_squared, chi_squared_p_value, degrees_of_freedom, g_test

counts = st.lists(st.integers(0, 60), min_size=5, max_size=5).filter(any)


@given(counts, counts)
def test_statistic_and_p_value_are_scipys_without_continuity_correction(
    a: list[int], b: list[int]
) -> None:
    table = np.array([a, b])
    table = table[:, table.sum(axis=0) > 0]
    expected = chi2_contingency(table, correction=False, lambda_="log-likelihood")
    statistic = g_test(a, b)
    assert statistic == pytest.approx(expected.statistic, abs=1e-9)
    p = chi_squared_p_value(statistic, dof=degrees_of_freedom(a, b))
    assert p == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)


def test_small_changes_of_many_rows_are_pearsons() -> None:
    a, b = [50_000, 30_000, 20_000], [50_200, 29_900, 19_900]
    assert g_test(a, b) == pytest.approx(chi_squared(a, b), rel=1e-4)
