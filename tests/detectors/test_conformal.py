import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from detectors.bins import p_value_column
from detectors.columns import ColumnType, Field, Floats
from detectors.conformal import n_flagged, p_values

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


def flagged_in(found: Floats, rate: float) -> int:
    counts = COLUMN.ordered(COLUMN.count(found))
    return n_flagged(counts, COLUMN.limits[1], false_discovery_rate=rate)


@given(st.lists(st.integers(0, 48), min_size=1, max_size=200), st.sampled_from([0.05, 0.1, 0.3]))
def test_p_values_at_the_limits_of_bins_are_flagged_as_scipy_does(
    quarters: list[int], rate: float
) -> None:
    found = 2.0 ** (-np.array(quarters) / 4)
    assert flagged_in(found, rate) == (false_discovery_control(found) <= rate).sum()


@pytest.mark.parametrize("seed", range(10))
def test_binning_flags_fewer_rows_rather_than_more(seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = np.append(rng.uniform(size=900), rng.uniform(0, 0.002, 100))
    exact = (false_discovery_control(found) <= 0.1).sum()
    assert 0.9 * exact <= flagged_in(found, 0.1) <= exact


def test_no_p_values_flag_no_row() -> None:
    assert flagged_in(np.empty(0), 0.1) == 0
