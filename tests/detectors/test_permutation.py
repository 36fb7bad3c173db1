import numpy as np
import pytest
from scipy.stats import fisher_exact

from detectors.columns import Floats
from detectors.permutation import permutation_p_values
from detectors.statistics import kolmogorov_smirnov, total_variation


def p_values(reference: list[list[int]], current: list[list[int]], n_draws: int = 999) -> Floats:
    rng = np.random.default_rng(0)
    sides = np.array(reference), np.array(current)
    return permutation_p_values(total_variation, *sides, rng=rng, n_draws=n_draws)


def test_of_two_bins_it_is_fishers_exact_test() -> None:
    found = p_values([[30, 20]], [[20, 30]], n_draws=20_000)
    assert found == pytest.approx(fisher_exact(np.array([[30, 20], [20, 30]])).pvalue, rel=0.1)


def test_no_draw_makes_a_p_value_of_zero() -> None:
    assert p_values([[1000, 0]], [[0, 1000]]).tolist() == [0.001]


def test_equal_constants_are_no_different_and_nothing_is_not_known() -> None:
    found = p_values([[9, 0], [0, 0]], [[3, 0], [1, 2]])
    assert found[0] == 1.0
    assert np.isnan(found[1])


def test_the_same_seed_gives_the_same_p_values() -> None:
    sides = [[5, 9, 3], [4, 4, 4]], [[6, 2, 9], [5, 4, 3]]
    assert p_values(*sides).tolist() == p_values(*sides).tolist()


def test_p_values_mean_what_they_say() -> None:
    rng = np.random.default_rng(1)
    shares = [0.5, 0.3, 0.1, 0.05, 0.05]
    a, b = rng.multinomial(60, shares, 2000), rng.multinomial(25, shares, 2000)
    p = permutation_p_values(kolmogorov_smirnov, a, b, rng=rng, n_draws=199)
    assert 0.6 < np.mean(p <= 0.05) / 0.05 <= 1.15
