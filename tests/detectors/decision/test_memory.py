import numpy as np
import pytest

from detectors.columns import Floats
from detectors.decision.memory import variance_inflation


def autoregression(phi: float, n_windows: int, n_components: int, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    values = [rng.normal(size=n_components)]
    for _ in range(n_windows - 1):
        values.append(phi * values[-1] + np.sqrt(1 - phi**2) * rng.normal(size=n_components))
    return np.array(values)


def test_unrelated_windows_are_not_inflated() -> None:
    inflated = [
        variance_inflation(np.random.default_rng(seed).normal(size=(30, 20))) > 1
        for seed in range(100)
    ]
    assert np.mean(inflated) <= 0.05


@pytest.mark.parametrize("phi", [0.4, 0.65])
def test_an_autoregression_is_inflated_by_what_theory_says(phi: float) -> None:
    n = 60
    k = np.arange(1, n)
    expected = 1 + 2 * ((1 - k / n) * phi**k).sum()
    found = [variance_inflation(autoregression(phi, n, 40, seed)) for seed in range(20)]
    assert np.median(found) == pytest.approx(expected, rel=0.15)


def test_the_variance_of_the_mean_is_what_it_says_however_it_is_measured() -> None:
    means = autoregression(0.5, 40, 20_000, seed=1).mean(axis=0)
    found = variance_inflation(autoregression(0.5, 40, 200, seed=2))
    assert found / 40 == pytest.approx(means.var(), rel=0.15)


@pytest.mark.parametrize("shape", [(0, 3), (9, 3), (30, 0)])
def test_too_little_to_tell_is_no_inflation(shape: tuple[int, int]) -> None:
    assert variance_inflation(np.ones(shape)) == 1.0


def test_components_that_never_move_say_nothing() -> None:
    assert variance_inflation(np.ones((30, 4))) == 1.0
