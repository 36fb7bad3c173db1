import numpy as np
import pytest
from scipy.stats import norm

from detectors.columns import Floats
from detectors.decision.dense import (
    MOVED_BY,
    MOVED_SHARE,
    Dense,
    expected_shift,
    log_mixture_ratio,
    moved_probability,
)


def correlated(
    rng: np.random.Generator, n_windows: int, n_components: int = 20, rho: float = 0.5
) -> Floats:
    common = rng.normal(size=(n_windows, 1))
    own = rng.normal(size=(n_windows, n_components))
    windows: Floats = np.sqrt(rho) * common + np.sqrt(1 - rho) * own
    return windows


def p_values(rng: np.random.Generator, *, rho: float, explained: float) -> list[float]:
    """Of ten windows, each against thirty others; rows explain some of their correlation."""
    windows = correlated(rng, 30, rho=rho)
    mean = windows.mean(axis=0)
    dense = Dense.fit(windows - mean, np.full((20, 20), explained) + (1 - explained) * np.eye(20))
    assert dense is not None
    # A new window deviates from the mean of others by its own variance and that of the mean.
    new = (correlated(rng, 10, rho=rho) - mean) / np.sqrt(1 + 1 / 30)
    return [dense.p_value(window) for window in new]


@pytest.mark.parametrize(("rho", "explained"), [(0.0, 0.0), (0.3, 0.0), (0.3, 0.3), (0.9, 0.0)])
def test_its_p_values_hold_for_correlated_columns(rho: float, explained: float) -> None:
    rng = np.random.default_rng(1)
    p = np.array([p_values(rng, rho=rho, explained=explained) for _ in range(300)])
    assert 0.4 <= (p <= 0.05).mean() / 0.05 <= 1.3
    assert (p <= 0.01).mean() <= 0.02
    # Ten windows share one fit, and a factor may be too weak to be told from none.
    assert (p <= 0.001).mean() <= 0.005


def dense_of(windows: Floats) -> Dense:
    dense = Dense.fit(windows - windows.mean(axis=0), np.eye(windows.shape[1]))
    assert dense is not None
    return dense


def test_of_independent_columns_it_knows_the_law() -> None:
    rng = np.random.default_rng(6)
    dense = dense_of(rng.normal(size=(400, 80)))
    simulated = log_mixture_ratio(rng.normal(size=(20_000, 80))).mean(axis=1)
    for row in rng.normal(size=(5, 80)) * 1.15:
        expected = np.mean(simulated >= log_mixture_ratio(row).mean())
        assert dense.p_value(row) == pytest.approx(expected, rel=0.3, abs=0.003)


def test_the_statistic_is_the_likelihood_ratio_of_the_mixture() -> None:
    z = np.linspace(-6, 6, 25)
    moved = (norm.pdf(z, MOVED_BY) + norm.pdf(z, -MOVED_BY)) / 2
    mixture = (1 - MOVED_SHARE) * norm.pdf(z) + MOVED_SHARE * moved
    np.testing.assert_allclose(log_mixture_ratio(z), np.log(mixture / norm.pdf(z)), rtol=1e-9)


def test_the_expected_shift_is_the_derivative_of_the_ratio() -> None:
    z = np.linspace(-6, 6, 25)
    slope = (log_mixture_ratio(z + 1e-6) - log_mixture_ratio(z - 1e-6)) / 2e-6
    np.testing.assert_allclose(expected_shift(z), slope, atol=1e-6)


def test_the_probability_of_having_moved_is_bayes() -> None:
    z = np.linspace(-6, 6, 25)
    moved = MOVED_SHARE * (norm.pdf(z, MOVED_BY) + norm.pdf(z, -MOVED_BY)) / 2
    expected = moved / (moved + (1 - MOVED_SHARE) * norm.pdf(z))
    np.testing.assert_allclose(moved_probability(z), expected)


def test_ten_of_eighty_columns_that_have_moved_by_three_are_seen() -> None:
    rng = np.random.default_rng(7)
    dense, moved = dense_of(rng.normal(size=(30, 80))), np.repeat([3.0, 0.0], [10, 70])
    p = [dense.p_value(rng.normal(size=80) + moved) for _ in range(200)]
    assert np.mean(np.array(p) <= 1e-3) > 0.8


def test_a_shift_that_no_column_shows_alone_is_seen_in_all_together() -> None:
    rng = np.random.default_rng(2)
    dense = dense_of(rng.normal(size=(30, 50)))
    assert dense.p_value(rng.normal(size=50) + 1.5) < 1e-3


def test_a_window_closer_to_the_mean_than_usual_is_no_drift() -> None:
    assert dense_of(np.random.default_rng(3).normal(size=(30, 10))).p_value(np.zeros(10)) > 0.5


def test_without_enough_windows_or_columns_there_is_nothing_to_learn_from() -> None:
    rng = np.random.default_rng(4)
    assert Dense.fit(rng.normal(size=(19, 10)), np.eye(10)) is None
    assert Dense.fit(rng.normal(size=(30, 2)), np.eye(2)) is None
    assert Dense.fit(np.full((30, 10), np.nan), np.eye(10)) is None


def test_a_window_without_scores_has_no_p_value() -> None:
    dense = dense_of(np.random.default_rng(5).normal(size=(30, 10)))
    assert np.isnan(dense.p_value(np.full(10, np.nan)))
