import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.isotonic import IsotonicRegression

from detectors.columns import Floats
from detectors.performance.calibration import calibrated, expected_calibration_error


def counts() -> st.SearchStrategy[Floats]:
    return arrays(np.float64, 8, elements=st.integers(0, 12).map(float))


@given(counts(), counts())
def test_the_calibration_is_scikit_learns_isotonic_regression(hits: Floats, misses: Floats) -> None:
    n = hits + misses
    found = calibrated(n, hits)
    if found is None:
        assert not n.any()
        return
    filled = np.flatnonzero(n)
    exact = IsotonicRegression().fit(filled, hits[filled] / n[filled], n[filled]).predict(filled)
    np.testing.assert_allclose(found.probability[filled], exact, atol=1e-9)
    assert (np.diff(found.probability) >= 0).all()
    assert found.n.sum() == n.sum()


def test_bins_without_rows_are_as_the_step_below_them() -> None:
    found = calibrated(np.array([0.0, 4, 0, 4, 0]), np.array([0.0, 1, 0, 3, 0]))
    assert found is not None
    assert found.probability.tolist() == [0.25, 0.25, 0.25, 0.75, 0.75]
    assert found.step.tolist() == [0, 0, 0, 1, 1]


def test_the_calibration_error_is_the_mean_distance_of_the_bins() -> None:
    n, hits, sums = np.array([10.0, 30.0]), np.array([1.0, 27.0]), np.array([2.0, 24.0])
    found = expected_calibration_error(n, hits, sums)
    assert found.value == pytest.approx(0.25 * 0.1 + 0.75 * 0.1)
    margin = 1.959964 * np.sqrt(10 * 0.09 + 30 * 0.09) / 40
    assert (found.low, found.high) == pytest.approx((0.1 - margin, 0.1 + margin), abs=1e-6)


def test_without_rows_no_calibration_error_is_known() -> None:
    assert expected_calibration_error(np.zeros(2), np.zeros(2), np.zeros(2)).reason
