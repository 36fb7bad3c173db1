import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from detectors.statistics import (
    moments,
    welch_degrees_of_freedom,
    welch_mean_shift,
    welch_mean_shift_of_moments,
    welch_p_value,
)

POSITIONS = np.array([-3.0, -1.5, 0.0, 0.25, 7.0])
counts = st.lists(st.integers(0, 20), min_size=5, max_size=5)
varied = counts.filter(lambda c: np.count_nonzero(c) > 1)


@given(varied, varied)
def test_t_freedom_and_p_value_are_scipys(a: list[int], b: list[int]) -> None:
    first, second = np.repeat(POSITIONS, a), np.repeat(POSITIONS, b)
    expected = ttest_ind(second, first, equal_var=False)
    t = welch_mean_shift(a, b, positions=POSITIONS)
    sides = moments(a, positions=POSITIONS), moments(b, positions=POSITIONS)
    dof = welch_degrees_of_freedom(*sides)
    assert t == pytest.approx(expected.statistic, rel=1e-9, abs=1e-9)
    assert t == welch_mean_shift_of_moments(*sides)
    assert dof == pytest.approx(expected.df, rel=1e-9)
    assert welch_p_value(t, dof=dof) == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)


def test_a_constant_on_one_side_leaves_the_others_error_to_measure_in() -> None:
    t = welch_mean_shift([5, 0, 0], [0, 5, 5], positions=[0.0, 1.0, 2.0])
    assert t == pytest.approx(1.5 / np.sqrt((10 * 0.25 / 9) / 10))


def test_two_constants_have_no_error_to_measure_in() -> None:
    positions = [0.0, 1.0]
    assert np.isnan(welch_mean_shift([5, 0], [0, 5], positions=positions))
    sides = moments([5, 0], positions=positions), moments([0, 5], positions=positions)
    assert np.isnan(welch_degrees_of_freedom(*sides))
    assert np.isnan(welch_p_value(np.nan, dof=3.0))
