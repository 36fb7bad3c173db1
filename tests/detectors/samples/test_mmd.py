import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.special import ndtri

from detectors.columns import Floats
from detectors.samples.mmd import mmd
from detectors.samples.permutations import N_TILE, labellings


def slow_mmd(x: Floats, y: Floats, bandwidth: float) -> float:
    """Lemma 6 of Gretton and others, pair by pair."""

    def kernel(a: Floats, b: Floats) -> Floats:
        return np.asarray(np.exp(-cdist(a, b, "sqeuclidean") / (2 * bandwidth**2)))

    within = [(kernel(a, a).sum() - len(a)) / (len(a) * (len(a) - 1)) for a in (x, y)]
    return float(sum(within) - 2 * kernel(x, y).mean())


def sample(n: int, d: int, *, seed: int, shift: float = 0.0) -> Floats:
    return np.random.default_rng(seed).normal(shift, 1.0, (n, d))


@pytest.mark.parametrize(("n", "m", "d"), [(2, 2, 1), (30, 50, 3), (N_TILE, N_TILE + 1, 20)])
def test_it_is_the_mean_over_pairs(n: int, m: int, d: int) -> None:
    x, y = sample(n, d, seed=1), sample(m, d, seed=2, shift=0.3)
    found = mmd(x, y, rng=np.random.default_rng(0), bandwidth=1.5).statistic
    assert found == pytest.approx(slow_mmd(x, y, 1.5), abs=1e-6)


def test_quantiles_of_two_normal_laws_give_the_tabulated_value() -> None:
    reference, current = ndtri((np.arange(200) + 0.5) / 200), ndtri((np.arange(150) + 0.5) / 150)
    found = mmd(reference, current + 0.3, rng=np.random.default_rng(0), bandwidth=1.0)
    assert found.statistic == pytest.approx(0.012214868531113865, abs=1e-6)


def test_the_p_value_is_the_share_of_relabellings_at_least_as_far_apart() -> None:
    x, y, rng = sample(12, 2, seed=1), sample(9, 2, seed=2, shift=0.5), np.random.default_rng(7)
    signs = labellings(12, 9, 100, np.random.default_rng(7))
    rows = np.concatenate([x, y])
    relabelled = [slow_mmd(rows[s > 0], rows[s < 0], 1.0) for s in signs.T]
    expected = np.mean(np.array(relabelled) >= relabelled[0] - 1e-6)
    assert mmd(x, y, rng=rng, bandwidth=1.0).p_value == pytest.approx(expected)


def test_the_default_bandwidth_is_the_median_distance() -> None:
    x, y = sample(40, 3, seed=1), sample(60, 3, seed=2, shift=0.5)
    rows = np.concatenate([x, y])
    median = float(np.median(cdist(rows, rows)[np.triu_indices(100, k=1)]))
    found = mmd(x, y, rng=np.random.default_rng(0)).statistic
    assert found == pytest.approx(slow_mmd(x, y, median), abs=1e-6)


def test_one_wild_row_hides_no_difference() -> None:
    x, y = sample(200, 2, seed=1), sample(200, 2, seed=2, shift=1.0)
    x[0] = 1e300
    found = mmd(x, y, rng=np.random.default_rng(0))
    assert found.p_value == pytest.approx(1 / 101)
    assert found.statistic == pytest.approx(
        mmd(x[1:], y, rng=np.random.default_rng(0)).statistic, rel=0.1
    )


def test_a_difference_of_shape_alone_is_seen() -> None:
    x, y = sample(300, 2, seed=1), 1.5 * sample(300, 2, seed=2)
    assert mmd(x, y, rng=np.random.default_rng(0)).p_value == pytest.approx(1 / 101)
