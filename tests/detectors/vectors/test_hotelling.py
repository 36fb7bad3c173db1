import numpy as np
import pytest
from scipy import stats

from detectors.vectors.hotelling import hotelling, hotelling_p_value
from tests.detectors.vectors.makers import moments_of, vectors


def test_of_one_dimension_it_is_students_t_squared() -> None:
    x, y = vectors(30, 1, seed=1), vectors(40, 1, seed=2, shift=0.5)
    t, p_value = stats.ttest_ind(x[:, 0], y[:, 0])
    found = hotelling(moments_of(x), moments_of(y))
    assert found == pytest.approx(t**2)
    assert hotelling_p_value(found, n=30, m=40, k=1) == pytest.approx(p_value)


def test_it_is_the_mahalanobis_distance_of_the_means() -> None:
    x, y = vectors(50, 4, seed=1), vectors(70, 4, seed=2, shift=0.2)
    pooled = (49 * np.cov(x.T) + 69 * np.cov(y.T)) / 118
    shift = y.mean(axis=0) - x.mean(axis=0)
    expected = 50 * 70 / 120 * shift @ np.linalg.inv(pooled) @ shift
    assert hotelling(moments_of(x), moments_of(y)) == pytest.approx(expected)


def test_units_and_rotations_do_not_matter() -> None:
    x, y = vectors(50, 3, seed=1), vectors(70, 3, seed=2, shift=0.2)
    mixing = np.random.default_rng(3).normal(size=(3, 3)) * [1e6, 1.0, 1e-6]
    turned = hotelling(moments_of(x @ mixing + 5), moments_of(y @ mixing + 5))
    assert turned == pytest.approx(hotelling(moments_of(x), moments_of(y)), rel=1e-6)


def test_small_p_values_are_as_rare_as_they_say() -> None:
    p_values = []
    for seed in range(1000):
        both = vectors(50, 5, seed=seed)
        statistic = hotelling(moments_of(both[:30]), moments_of(both[30:]))
        p_values.append(hotelling_p_value(statistic, n=30, m=20, k=5))
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
