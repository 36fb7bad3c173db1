import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm, t

from detectors.decision.tails import binomial_score, count_scores, signed, student_score, unskewed


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


@given(st.integers(0, 60), st.integers(0, 20_000), st.floats(0.001, 0.999))
def test_a_score_of_hits_has_the_tail_of_the_binomial_law(hits: int, misses: int, p: float) -> None:
    score = float(binomial_score(np.array([hits]), np.array([misses]), np.array([p]))[0])
    exact = float(norm.isf(binom.sf(hits - 1, hits + misses, p)))
    assert score * exact > 0 or abs(score - exact) < 0.05
    if abs(exact) < 8:
        assert abs(exact) - 0.15 < abs(score) < abs(exact) + 0.05


def test_more_hits_score_higher_also_where_they_are_not_whole() -> None:
    hits = np.concatenate([np.linspace(0.01, 0.99, 50), np.linspace(1.05, 60, 500)])
    scores = binomial_score(hits, 1000 - hits, np.full(hits.size, 0.002))
    assert (np.diff(scores) > 0).all()


def test_no_hits_are_no_evidence_of_many() -> None:
    assert binomial_score(np.zeros(1), np.array([100.0]), np.array([0.2]))[0] == -np.inf


def test_what_rises_in_a_share_falls_in_the_rest() -> None:
    share, mean, size, mean_size = (np.array([x]) for x in (0.012, 0.005, 1e3, 3e4))
    scores = count_scores(share, mean, size, mean_size)
    assert scores[0] > 2
    assert scores[1] < 0
    others = count_scores(1 - share, 1 - mean, size, mean_size)
    np.testing.assert_allclose(others[::-1], scores, rtol=1e-6)


def test_the_larger_of_a_rise_and_a_fall_keeps_its_sign() -> None:
    scores = np.array([[2.0, -3.0, -1.0, np.nan], [-2.0, 3.0, -1.0, np.nan]])
    np.testing.assert_array_equal(signed(scores), [2.0, -3.0, 0.0, np.nan])
