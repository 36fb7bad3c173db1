import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from detectors.statistics import chi_squared, two_proportion, two_proportion_p_value

FIRST = [True, False]
counts = st.lists(st.integers(1, 60), min_size=2, max_size=2)


@given(counts, counts)
def test_its_square_and_p_value_are_pearsons_of_the_table(a: list[int], b: list[int]) -> None:
    z = two_proportion(a, b, chosen=FIRST)
    expected = chi2_contingency([a, b], correction=False)
    assert z**2 == pytest.approx(expected.statistic, abs=1e-9)
    assert two_proportion_p_value(z) == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)


def test_it_is_above_zero_where_the_share_grew() -> None:
    assert two_proportion([10, 90], [30, 70], chosen=FIRST) > 3
    assert two_proportion([30, 70], [10, 90], chosen=FIRST) < -3


def test_chosen_bins_are_taken_together() -> None:
    z = two_proportion([4, 6, 90], [10, 20, 70], chosen=[True, True, False])
    assert z == two_proportion([10, 90], [30, 70], chosen=FIRST)


def test_nothing_missing_on_either_side_is_no_change() -> None:
    z = two_proportion([0, 100], [0, 50], chosen=FIRST)
    assert z == 0
    assert two_proportion_p_value(z) == 1
    assert two_proportion([100, 0], [50, 0], chosen=FIRST) == 0


def test_one_share_of_many_columns_at_once() -> None:
    reference, windows = np.array([10, 90]), np.array([[10, 90], [20, 80], [0, 0]])
    z = two_proportion(reference, windows, chosen=FIRST)
    assert z[0] == 0
    assert z[1] ** 2 == pytest.approx(chi_squared(reference, windows[1]))
    assert np.isnan(z[2])
