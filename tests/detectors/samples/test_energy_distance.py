import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import cdist

from detectors.columns import Floats
from detectors.samples.energy_distance import energy_distance
from detectors.samples.permutations import N_TILE, labellings


def slow_energy(x: Floats, y: Floats) -> float:
    return float(2 * cdist(x, y).mean() - cdist(x, x).mean() - cdist(y, y).mean())


def sample(n: int, d: int, *, seed: int, shift: float = 0.0) -> Floats:
    return np.random.default_rng(seed).normal(shift, 1.0, (n, d))


@pytest.mark.parametrize(("n", "m", "d"), [(2, 2, 1), (30, 50, 3), (N_TILE, N_TILE + 1, 20)])
def test_it_is_the_mean_over_pairs(n: int, m: int, d: int) -> None:
    x, y = sample(n, d, seed=1), sample(m, d, seed=2, shift=0.3)
    found = energy_distance(x, y, rng=np.random.default_rng(0)).statistic
    assert found**2 == pytest.approx(slow_energy(x, y), rel=1e-4)


def test_on_a_line_it_is_scipys() -> None:
    x, y = sample(80, 1, seed=1)[:, 0], sample(50, 1, seed=2, shift=0.7)[:, 0]
    found = energy_distance(1e6 * x, 1e6 * y, rng=np.random.default_rng(0)).statistic
    assert found == pytest.approx(stats.energy_distance(1e6 * x, 1e6 * y), rel=1e-4)


def test_the_p_value_is_the_share_of_relabellings_at_least_as_far_apart() -> None:
    x, y, rng = sample(12, 2, seed=1), sample(9, 2, seed=2, shift=0.5), np.random.default_rng(7)
    signs = labellings(12, 9, 100, np.random.default_rng(7))
    rows = np.concatenate([x, y])
    relabelled = [slow_energy(rows[s > 0], rows[s < 0]) for s in signs.T]
    expected = np.mean(np.array(relabelled) >= relabelled[0] - 1e-6)
    assert energy_distance(x, y, rng=rng).p_value == pytest.approx(expected)


def test_rows_that_repeat_are_at_no_distance_from_one_another() -> None:
    x = np.repeat([[1e6, 1.0], [1e6, 2.0]], [30, 10], axis=0)
    y = np.repeat([[1e6, 1.0], [1e6, 2.0]], [15, 5], axis=0)
    found = energy_distance(x, y, rng=np.random.default_rng(0))
    assert found.statistic == pytest.approx(0.0, abs=1e-3)
