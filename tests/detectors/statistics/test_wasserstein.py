import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from detectors.statistics import wasserstein
from tests.detectors.statistics.rounding import VALUES, Rounded, rounded_samples

counts = st.lists(st.integers(0, 20), min_size=5, max_size=5).filter(any)
POSITIONS = np.array([-3.0, -1.5, 0.0, 0.25, 7.0])


@given(counts, counts)
def test_the_distance_is_scipys(a: list[int], b: list[int]) -> None:
    expected = wasserstein_distance(POSITIONS, POSITIONS, a, b)
    assert wasserstein(a, b, positions=POSITIONS) == pytest.approx(expected, abs=1e-12)


def test_every_column_of_a_stack_may_have_its_own_positions() -> None:
    a, b = np.array([[4, 0], [4, 0]]), np.array([[0, 2], [0, 9]])
    distances = wasserstein(a, b, positions=[[0.0, 1.0], [10.0, 15.0]])
    np.testing.assert_array_equal(distances, [1.0, 5.0])


@given(rounded_samples())
def test_bins_move_it_by_at_most_how_far_values_were_carried(samples: Rounded) -> None:
    exact = wasserstein(*samples.exact, positions=VALUES)
    binned = wasserstein(*samples.binned, positions=samples.positions)
    assert abs(exact - binned) <= (samples.shares * samples.carried).sum() + 1e-9
