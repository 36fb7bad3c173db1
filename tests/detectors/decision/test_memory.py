import numpy as np
import pytest

from detectors.columns import Floats
from detectors.decision.memory import DECAYS, STRENGTHS, log_likelihood, variance_inflation


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


@pytest.mark.parametrize("share", [0.4, 0.7, 1.0])
def test_days_that_resemble_each_other_for_weeks_tell_little_of_their_mean(share: float) -> None:
    rng, n = np.random.default_rng(0), 30
    k = np.arange(1, n)
    expected = 1 + share * 2 * ((1 - k / n) * 0.9**k).sum()
    found = []
    for seed in range(20):
        days, rows = autoregression(0.9, n, 80, seed), rng.normal(size=(n, 80))
        found.append(variance_inflation(np.sqrt(share) * days + np.sqrt(1 - share) * rows))
    assert np.median(found) == pytest.approx(expected, rel=0.15)


def test_the_likelihood_is_that_of_the_normal_law_of_differences() -> None:
    # Contrasts of any basis have the same likelihood, but for a constant.
    moving = autoregression(0.5, 12, 3, seed=1)
    k = np.arange(12)
    differences = np.diff(np.eye(12), axis=0)

    def restricted(decay: float, strength: float) -> float:
        covariance = strength * decay ** np.abs(k[:, None] - k) + (1 - strength) * np.eye(12)
        contrast = differences @ covariance @ differences.T
        squares = ((differences @ moving) * np.linalg.solve(contrast, differences @ moving)).sum(0)
        return float(-(3 * np.linalg.slogdet(contrast)[1] + 11 * np.log(squares).sum()) / 2)

    expected = np.array([[restricted(d, s) for s in STRENGTHS] for d in DECAYS])
    found = log_likelihood(moving)
    assert found - found[0, 0] == pytest.approx(expected - expected[0, 0], abs=1e-8)


def test_a_year_of_hours_is_as_quick_and_as_true_as_a_month_of_days() -> None:
    hours, k = autoregression(0.65, 8_760, 3, seed=0), np.arange(1, 100)
    assert variance_inflation(hours) == pytest.approx(1 + 2 * (0.65**k).sum(), rel=0.15)


@pytest.mark.parametrize("shape", [(0, 3), (9, 3), (30, 0)])
def test_too_little_to_tell_is_no_inflation(shape: tuple[int, int]) -> None:
    assert variance_inflation(np.ones(shape)) == 1.0


def test_components_that_never_move_say_nothing() -> None:
    assert variance_inflation(np.ones((30, 4))) == 1.0
