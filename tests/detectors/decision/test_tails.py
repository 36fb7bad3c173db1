import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, t

from detectors.decision.tails import signed, student_score, unskewed


@given(st.floats(-30, 30), st.floats(3, 1e6))
def test_students_tail_becomes_a_normal_one_and_never_a_smaller_one(x: float, df: float) -> None:
    score = float(student_score(np.array(x), np.array(df)))
    exact = float(np.copysign(norm.isf(t.sf(abs(x), df)), x))
    assert abs(exact) - 0.1 <= abs(score) <= abs(exact) + 0.005
    assert score * x >= 0


def test_infinite_degrees_of_freedom_are_the_normal_law() -> None:
    x = np.array([-3.0, 0.0, 40.0])
    np.testing.assert_array_equal(student_score(x, np.full(3, np.inf)), x)


def test_tails_too_small_to_be_written_down_still_have_an_order() -> None:
    scores = student_score(np.array([1e3, 1e6, 1e9]), np.full(3, 29.0))
    assert np.isfinite(scores).all()
    assert (np.diff(scores) > 0).all()


@pytest.mark.parametrize("skewness", [0.0, 1e-9])
def test_what_is_not_skew_stays_as_it_is(skewness: float) -> None:
    z = np.array([-2.0, 0.0, 3.0])
    np.testing.assert_array_equal(unskewed(z, np.full(3, skewness)), z)


def test_the_larger_of_a_rise_and_a_fall_keeps_its_sign() -> None:
    scores = np.array([[2.0, -3.0, -1.0, np.nan], [-2.0, 3.0, -1.0, np.nan]])
    np.testing.assert_array_equal(signed(scores), [2.0, -3.0, 0.0, np.nan])
