import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import cdist

from detectors.columns import Floats
from detectors.vectors.mmd_fourier import mmd_fourier, mmd_fourier_p_value
from tests.detectors.vectors.makers import features_of, fourier_of, vectors


def slow_mmd(x: Floats, y: Floats, frequencies: Floats) -> float:
    """The mean over pairs of rows and over frequencies of cos(w·(x - y))."""

    def kernel(a: Floats, b: Floats) -> Floats:
        phases = np.subtract.outer(a @ frequencies, b @ frequencies)
        return np.asarray(np.einsum("ifjf->ijf", np.cos(phases)).mean(axis=-1))

    within = [(kernel(a, a).sum() - len(a)) / (len(a) * (len(a) - 1)) for a in (x, y)]
    return float(sum(within) - 2 * kernel(x, y).mean())


def test_it_is_the_mean_over_pairs_and_frequencies() -> None:
    x, y = vectors(12, 3, seed=1), vectors(9, 3, seed=2, shift=0.5)
    frequencies = np.random.default_rng(3).normal(size=(3, 5))
    found = mmd_fourier(fourier_of(x, frequencies), fourier_of(y, frequencies))
    assert found == pytest.approx(slow_mmd(x, y, frequencies))


def test_with_many_frequencies_it_is_the_gaussian_kernels() -> None:
    x, y = vectors(60, 3, seed=1), vectors(50, 3, seed=2, shift=1.0)
    frequencies = np.random.default_rng(3).normal(size=(3, 40_000)) / 1.5

    def kernel(a: Floats, b: Floats) -> Floats:
        return np.asarray(np.exp(-cdist(a, b, "sqeuclidean") / (2 * 1.5**2)))

    within = [(kernel(a, a).sum() - len(a)) / (len(a) * (len(a) - 1)) for a in (x, y)]
    found = mmd_fourier(fourier_of(x, frequencies), fourier_of(y, frequencies))
    assert found == pytest.approx(sum(within) - 2 * kernel(x, y).mean(), abs=0.005)


def test_where_all_weights_are_equal_the_law_is_a_chi_squared() -> None:
    # Differences of c features that are independent with variance v: v (1/n + 1/m) (χ²_c - c).
    n, m, c, v = 40, 60, 6, 0.25
    point = stats.chi2.isf(0.003, c)
    statistic = v * (1 / n + 1 / m) * (point - c)
    found = mmd_fourier_p_value(statistic, n=n, m=m, eigenvalues=np.full(c, v))
    assert found == pytest.approx(0.003)


def test_small_p_values_are_as_rare_as_they_say() -> None:
    rng = np.random.default_rng(5)
    frequencies = rng.normal(size=(4, 16)) / 2
    many = features_of(vectors(20_000, 4, seed=1), frequencies) / 4
    eigenvalues = np.asarray(np.linalg.eigvalsh(np.cov(many.T)))
    p_values = []
    for seed in range(1000):
        both = vectors(100, 4, seed=seed)
        x, y = fourier_of(both[:60], frequencies), fourier_of(both[60:], frequencies)
        p_values.append(
            mmd_fourier_p_value(mmd_fourier(x, y), n=x.n, m=y.n, eigenvalues=eigenvalues)
        )
    realised = [np.mean(np.array(p_values) <= level) for level in (0.05, 0.3)]
    np.testing.assert_allclose(realised, [0.05, 0.3], atol=0.03)


def test_features_that_do_not_vary_say_nothing_moved() -> None:
    assert mmd_fourier_p_value(0.0, n=5, m=5, eigenvalues=np.zeros(4)) == 1.0
