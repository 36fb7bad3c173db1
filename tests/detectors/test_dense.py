import numpy as np
import pytest
from scipy.stats import chi2

from detectors.columns import Floats
from detectors.dense import Dense


def correlated(
    rng: np.random.Generator, n_windows: int, n_components: int = 20, rho: float = 0.5
) -> Floats:
    common = rng.normal(size=(n_windows, 1))
    own = rng.normal(size=(n_windows, n_components))
    windows: Floats = np.sqrt(rho) * common + np.sqrt(1 - rho) * own
    return windows


def p_value(rng: np.random.Generator, n_windows: int = 30, shift: float = 0.0) -> float:
    windows = correlated(rng, n_windows)
    mean = windows.mean(axis=0)
    dense = Dense.fit(windows - mean)
    assert dense is not None
    # A new window deviates from the mean of others by its own variance and that of the mean.
    return dense.p_value((correlated(rng, 1)[0] + shift - mean) / np.sqrt(1 + 1 / n_windows))


def test_its_p_values_hold_for_correlated_columns_of_unknown_correlation() -> None:
    rng = np.random.default_rng(1)
    p = np.array([p_value(rng) for _ in range(3_000)])
    assert (p <= 0.05).mean() == pytest.approx(0.05, abs=0.015)
    assert (p <= 0.01).mean() <= 0.015
    assert (p <= 0.001).mean() <= 0.003


def test_of_independent_columns_it_knows_the_law_but_for_the_few_windows() -> None:
    dense = Dense.fit(np.random.default_rng(6).normal(size=(400, 20)))
    assert dense is not None
    row = np.sqrt(np.full(20, 1.5))
    assert dense.p_value(row) == pytest.approx(chi2.sf(1.5 * 20, 20), rel=0.3)


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
