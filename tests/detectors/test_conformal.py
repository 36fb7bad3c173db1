import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from detectors.bins import p_value_column
from detectors.columns import ColumnType, Field, Floats
from detectors.conformal import Conformal, n_flagged, p_values

COLUMN = p_value_column(Field("p", ColumnType.FLOAT))
ROUNDED = st.lists(st.integers(0, 9).map(float), max_size=20)


@given(ROUNDED, ROUNDED)
def test_a_p_value_is_the_share_of_scores_at_least_as_large(
    calibration: list[float], scores: list[float]
) -> None:
    found = p_values(np.sort(calibration), np.array(scores))
    known = [(1 + sum(c >= s for c in calibration)) / (1 + len(calibration)) for s in scores]
    assert found.tolist() == known


def test_p_values_of_new_rows_of_the_same_population_are_at_most_uniform() -> None:
    rng = np.random.default_rng(0)
    shares = np.zeros(3)
    levels = np.array([0.01, 0.05, 0.2])
    for _ in range(400):
        found = p_values(np.sort(rng.normal(size=199)), rng.normal(size=50))
        shares += (found[:, None] <= levels).mean(axis=0) / 400
    np.testing.assert_allclose(shares, levels, rtol=0.1)


@pytest.mark.parametrize("shape", ["normal", "standard_cauchy", "standard_exponential"])
def test_p_values_by_table_are_those_of_scores_a_little_smaller(shape: str) -> None:
    rng = np.random.default_rng(0)
    calibration = np.sort(getattr(rng, shape)(size=5_000))
    scores = np.concatenate([getattr(rng, shape)(size=5_000), calibration, [-1e9, 1e9]])
    found, exact = Conformal.of(calibration).p_values(scores), p_values(calibration, scores)
    assert (found >= exact).all()
    assert (found <= exact + 0.01).all()
    assert found[exact < 0.005] == pytest.approx(exact[exact < 0.005], rel=0.3)


def test_p_values_by_table_are_at_most_uniform() -> None:
    rng = np.random.default_rng(0)
    levels = np.array([0.01, 0.05, 0.2])
    shares = np.zeros(3)
    for _ in range(100):
        found = Conformal.of(np.sort(rng.normal(size=199))).p_values(rng.normal(size=200))
        shares += (found[:, None] <= levels).mean(axis=0) / 100
    assert (shares <= 1.15 * levels).all()


@pytest.mark.parametrize("calibration", [[], [1.0], [2.0, 2.0, 2.0], [0.0, 1e300]])
def test_few_or_strange_calibration_scores_give_p_values(calibration: list[float]) -> None:
    scores = np.array([-1e300, 0.0, 1.0, 2.0, 3.0, 1e300])
    found = Conformal.of(np.array(calibration)).p_values(scores)
    assert (found >= p_values(np.array(calibration), scores)).all()
    assert (np.diff(found) <= 0).all()
    assert (found <= 1).all()


def flagged_in(found: Floats, rate: float) -> int:
    counts = COLUMN.ordered(COLUMN.count(found))
    return n_flagged(counts, COLUMN.limits[1], false_discovery_rate=rate)


@given(st.lists(st.integers(0, 48), min_size=1, max_size=200), st.sampled_from([0.05, 0.1, 0.3]))
def test_p_values_at_the_limits_of_bins_are_flagged_as_scipy_does(
    quarters: list[int], rate: float
) -> None:
    found = np.minimum(COLUMN.edges[1:][quarters], 1.0)
    assert flagged_in(found, rate) == (false_discovery_control(found) <= rate).sum()


@pytest.mark.parametrize("seed", range(10))
def test_binning_flags_fewer_rows_rather_than_more(seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = np.append(rng.uniform(size=900), rng.uniform(0, 0.002, 100))
    exact = (false_discovery_control(found) <= 0.1).sum()
    assert 0.9 * exact <= flagged_in(found, 0.1) <= exact


def test_no_p_values_flag_no_row() -> None:
    assert flagged_in(np.empty(0), 0.1) == 0
