import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp, kstwo

from detectors.statistics import kolmogorov_smirnov, kolmogorov_smirnov_p_value
from tests.detectors.statistics.rounding import Rounded, rounded_samples

samples = st.lists(st.integers(0, 9), min_size=1, max_size=40)


@given(samples, samples)
def test_the_distance_is_that_of_the_values_where_each_has_a_bin(
    a: list[int], b: list[int]
) -> None:
    expected = max(abs(np.mean(np.array(a) <= x) - np.mean(np.array(b) <= x)) for x in range(10))
    distance = kolmogorov_smirnov(np.bincount(a, minlength=10), np.bincount(b, minlength=10))
    assert distance == pytest.approx(expected, abs=1e-12)


def test_the_distance_is_scipys() -> None:
    a, b = np.arange(200) % 17, np.arange(150) % 13
    distance = kolmogorov_smirnov(np.bincount(a, minlength=17), np.bincount(b, minlength=17))
    assert distance == pytest.approx(ks_2samp(a, b).statistic, abs=1e-12)


@pytest.mark.parametrize(("n", "tolerance"), [(50, 3e-4), (500, 5e-5), (5000, 6e-6)])
def test_the_p_value_is_within_its_stated_error_of_the_finite_law(n: int, tolerance: float) -> None:
    distances = np.linspace(0.3, 3.0, 50) / np.sqrt(n)
    p = kolmogorov_smirnov_p_value(distances, n_reference=2 * n, n_current=2 * n)
    np.testing.assert_allclose(p, kstwo.sf(distances, n), atol=tolerance)


def test_the_p_value_agrees_with_scipy_on_two_samples() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=2_000), rng.normal(0.05, size=2_000)
    expected = ks_2samp(a, b, method="asymp")
    p = kolmogorov_smirnov_p_value(expected.statistic, n_reference=2_000, n_current=2_000)
    assert p == pytest.approx(expected.pvalue, abs=1e-4)


def test_an_empty_sample_has_no_p_value() -> None:
    assert np.isnan(kolmogorov_smirnov_p_value(0.5, n_reference=0, n_current=10))
    assert np.isnan(kolmogorov_smirnov_p_value(np.nan, n_reference=10, n_current=10))


@given(rounded_samples())
def test_bins_hide_at_most_the_largest_share_that_several_values_hold(samples: Rounded) -> None:
    hidden = kolmogorov_smirnov(*samples.exact) - kolmogorov_smirnov(*samples.binned)
    assert -1e-12 <= hidden <= samples.largest_shared + 1e-12
