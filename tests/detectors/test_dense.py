import numpy as np
import pytest
from scipy.stats import norm

from detectors.columns import Floats
from detectors.dense import MOVED_BY, MOVED_SHARE, Dense, log_mixture_ratio


def correlated(
    rng: np.random.Generator, n_windows: int, n_components: int = 20, rho: float = 0.5
) -> Floats:
    common = rng.normal(size=(n_windows, 1))
    own = rng.normal(size=(n_windows, n_components))
    windows: Floats = np.sqrt(rho) * common + np.sqrt(1 - rho) * own
    return windows


def p_value(rng: np.random.Generator, *, rho: float, n_windows: int = 30) -> float:
    windows = correlated(rng, n_windows, rho=rho)
    mean = windows.mean(axis=0)
    dense = Dense.fit(windows - mean)
    assert dense is not None
    # A new window deviates from the mean of others by its own variance and that of the mean.
    return dense.p_value((correlated(rng, 1, rho=rho)[0] - mean) / np.sqrt(1 + 1 / n_windows))


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.9])
def test_its_p_values_hold_for_correlated_columns_of_unknown_correlation(rho: float) -> None:
    rng = np.random.default_rng(1)
    p = np.array([p_value(rng, rho=rho) for _ in range(3_000)])
    assert 0.4 <= (p <= 0.05).mean() / 0.05 <= 1.3
    assert (p <= 0.01).mean() <= 0.015
    assert (p <= 0.001).mean() <= 0.003


def test_of_independent_columns_it_knows_the_law() -> None:
    rng = np.random.default_rng(6)
    dense = Dense.fit(rng.normal(size=(400, 80)))
    assert dense is not None
    simulated = log_mixture_ratio(rng.normal(size=(20_000, 80))).mean(axis=1)
    for row in rng.normal(size=(5, 80)) * 1.15:
        expected = np.mean(simulated >= log_mixture_ratio(row).mean())
        assert dense.p_value(row) == pytest.approx(expected, rel=0.3, abs=0.003)


def test_the_statistic_is_the_likelihood_ratio_of_the_mixture() -> None:
    z = np.linspace(-6, 6, 25)
    moved = (norm.pdf(z, MOVED_BY) + norm.pdf(z, -MOVED_BY)) / 2
    mixture = (1 - MOVED_SHARE) * norm.pdf(z) + MOVED_SHARE * moved
    np.testing.assert_allclose(log_mixture_ratio(z), np.log(mixture / norm.pdf(z)), rtol=1e-9)


def test_ten_of_eighty_columns_that_have_moved_by_three_are_seen() -> None:
    rng = np.random.default_rng(7)
    dense = Dense.fit(rng.normal(size=(30, 80)))
    assert dense is not None
    moved = np.repeat([3.0, 0.0], [10, 70])
    p = [dense.p_value(rng.normal(size=80) + moved) for _ in range(200)]
    assert np.mean(np.array(p) <= 1e-3) > 0.8


def test_a_shift_that_no_column_shows_alone_is_seen_in_all_together() -> None:
    rng = np.random.default_rng(2)
    independent = rng.normal(size=(30, 50))
    dense = Dense.fit(independent - independent.mean(axis=0))
    assert dense is not None
    assert dense.p_value(rng.normal(size=50) + 1.5) < 1e-3


def test_a_window_closer_to_the_mean_than_usual_is_no_drift() -> None:
    dense = Dense.fit(np.random.default_rng(3).normal(size=(30, 10)))
    assert dense is not None
    assert dense.p_value(np.zeros(10)) > 0.5


def test_without_enough_windows_or_columns_there_is_nothing_to_learn_from() -> None:
    rng = np.random.default_rng(4)
    assert Dense.fit(rng.normal(size=(19, 10))) is None
    assert Dense.fit(rng.normal(size=(30, 2))) is None
    assert Dense.fit(np.full((30, 10), np.nan)) is None


def test_a_window_without_scores_has_no_p_value() -> None:
    dense = Dense.fit(np.random.default_rng(5).normal(size=(30, 10)))
    assert dense is not None
    assert np.isnan(dense.p_value(np.full(10, np.nan)))
