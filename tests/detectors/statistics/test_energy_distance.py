import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import energy_distance as scipys

from detectors.columns import Floats
from detectors.statistics import energy_distance
from tests.detectors.statistics.rounding import (
    VALUES,
    Rounded,
    each_value_a_bin,
    normal_scores,
    rounded_samples,
)

counts = st.lists(st.integers(0, 20), min_size=5, max_size=5).filter(any)
POSITIONS = np.array([-3.0, -1.5, 0.0, 0.25, 7.0])


@given(counts, counts)
def test_the_distance_is_scipys(a: list[int], b: list[int]) -> None:
    expected = scipys(POSITIONS, POSITIONS, a, b)
    assert energy_distance(a, b, positions=POSITIONS) == pytest.approx(expected, abs=1e-7)


def test_the_distance_is_that_of_its_definition() -> None:
    a, b = normal_scores(200), normal_scores(150, 0.3)

    def apart(x: Floats, y: Floats) -> float:
        return float(np.abs(x[:, None] - y).mean())

    expected = np.sqrt(2 * apart(a, b) - apart(a, a) - apart(b, b))
    positions = np.unique(np.concatenate([a, b]))
    found = energy_distance(*each_value_a_bin(a, b), positions=positions)
    assert found == pytest.approx(expected, rel=1e-9)
    assert found == pytest.approx(0.22509276516817317, rel=1e-9)  # scipy.stats 1.17.1


@given(rounded_samples())
def test_bins_move_it_by_at_most_what_carrying_the_values_to_their_positions_does(
    samples: Rounded,
) -> None:
    exact = energy_distance(*samples.exact, positions=VALUES)
    binned = energy_distance(*samples.binned, positions=samples.positions)
    bound = np.sqrt(2 * (samples.shares**2 * samples.carried).sum(axis=-1)).sum()
    assert abs(exact - binned) <= bound + 1e-9
