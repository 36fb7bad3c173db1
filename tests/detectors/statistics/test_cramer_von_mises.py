import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import cramervonmises_2samp

from detectors.columns import Floats
from detectors.statistics import (
    cramer_von_mises,
    cramer_von_mises_moments,
    cramer_von_mises_p_value,
)
from detectors.statistics.effective_size import effective_size
from tests.detectors.statistics.rounding import Rounded, each_value_a_bin, rounded_samples


def p_value(reference: Floats, current: Floats) -> Floats:
    a, b = each_value_a_bin(reference, current)
    mean, variance = cramer_von_mises_moments(a, b)
    return cramer_von_mises_p_value(cramer_von_mises(a, b), mean=mean, variance=variance)


@given(st.permutations(range(25)), st.integers(2, 23))
def test_the_criterion_is_scipys_without_ties(order: list[int], n: int) -> None:
    a, b = np.array(order[:n], dtype=float), np.array(order[n:], dtype=float)
    expected = cramervonmises_2samp(a, b, method="asymptotic").statistic
    assert cramer_von_mises(*each_value_a_bin(a, b)) == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=50))
def test_the_criterion_is_scipys_with_ties_between_samples_of_one_size(
    pairs: list[tuple[int, int]],
) -> None:
    a, b = np.array(pairs, dtype=float).T
    expected = cramervonmises_2samp(a, b, method="asymptotic").statistic
    assert cramer_von_mises(*each_value_a_bin(a, b)) == pytest.approx(expected, abs=1e-9)


def test_two_equal_constants_do_not_differ_whatever_their_sizes() -> None:
    # Midranks make 74 of this, at a p-value of 2e-8.
    assert cramer_von_mises([100], [10]) == 0.0
    assert p_value(np.zeros(100), np.zeros(10)) == 1.0


@pytest.mark.parametrize(("n", "m"), [(200, 150), (50, 500), (2000, 1000)])
@pytest.mark.parametrize("shift", [0.0, 0.1, 0.2])
def test_the_p_value_is_scipys_without_ties(n: int, m: int, shift: float) -> None:
    rng = np.random.default_rng(n)
    a, b = rng.normal(size=n), rng.normal(shift, size=m)
    expected = cramervonmises_2samp(a, b, method="asymptotic").pvalue
    assert p_value(a, b) == pytest.approx(expected, rel=1e-4)


@given(st.integers(2, 30), st.integers(2, 30))
def test_mean_and_variance_without_ties_are_andersons(n: int, m: int) -> None:
    """Anderson (1962), equations 10 and 14."""
    mean, variance = cramer_von_mises_moments([1] * n + [0] * m, [0] * n + [1] * m)
    rows = n + m
    assert mean == pytest.approx(1 / 6 + 1 / (6 * rows))
    anderson = (rows + 1) / (45 * rows**2) * (rows + 1 - 3 * rows**2 / (4 * n * m))
    assert variance == pytest.approx(anderson, rel=3 / rows**2, abs=1e-12)


TIES = [[0.5, 0.5], [0.6, *[0.004] * 100], [0.1, 0.2, 0.4, 0.2, 0.1], [0.95, 0.03, 0.02]]


@pytest.mark.parametrize("shares", TIES, ids=["coin", "atom", "five values", "rare"])
@pytest.mark.parametrize("level", [0.05, 0.01])
def test_p_values_mean_what_they_say_however_values_are_tied(
    shares: list[float], level: float
) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.multinomial(3000, shares, 5000), rng.multinomial(500, shares, 5000)
    mean, variance = cramer_von_mises_moments(a, b)
    p = cramer_von_mises_p_value(cramer_von_mises(a, b), mean=mean, variance=variance)
    assert 0.7 * level < np.mean(p <= level) < 1.4 * level


def test_the_limit_law_has_its_published_quantiles() -> None:
    """Anderson and Darling (1952), table 1."""
    quantiles = [0.34730, 0.46136, 0.58061, 0.74346, 1.16786]
    p = cramer_von_mises_p_value(quantiles, mean=1 / 6, variance=1 / 45)
    np.testing.assert_allclose(p, [0.1, 0.05, 0.025, 0.01, 0.001], rtol=1e-4)


@given(rounded_samples())
def test_bins_move_its_root_by_at_most_the_largest_share_that_several_values_hold(
    samples: Rounded,
) -> None:
    n = effective_size(*samples.exact.sum(axis=-1))
    exact, binned = cramer_von_mises(*samples.exact), cramer_von_mises(*samples.binned)
    assert abs(np.sqrt(exact / n) - np.sqrt(binned / n)) <= samples.largest_shared + 1e-12


def test_an_empty_sample_has_no_moments_and_no_p_value() -> None:
    mean, variance = cramer_von_mises_moments([0, 0], [1, 2])
    assert np.isnan(mean)
    assert np.isnan(variance)
    assert np.isnan(cramer_von_mises_p_value(0.3, mean=mean, variance=variance))
