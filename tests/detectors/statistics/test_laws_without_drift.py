"""Laws of statistics without drift, against rows dealt out at random ten thousand times."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from detectors import statistics as s
from detectors.columns import Counts, Floats
from tests.detectors.statistics.dealing import (
    Case,
    assert_calibrated,
    assert_moments,
    deals,
    each_case,
)


@dataclass(frozen=True)
class Sum:
    """A statistic that is a sum over bins, or the root of one."""

    statistic: Callable[[Counts, Counts], Floats]
    moments: Callable[[Counts, Counts], tuple[Floats, Floats]]
    p_value: Callable[..., Floats]
    is_root: bool = False


SUMS = {
    "kullback_leibler": Sum(
        s.kullback_leibler, s.kullback_leibler_moments, s.kullback_leibler_p_value
    ),
    "population_stability_index": Sum(
        s.population_stability_index,
        s.population_stability_index_moments,
        s.population_stability_index_p_value,
    ),
    "jensen_shannon_distance": Sum(
        s.jensen_shannon_distance,
        s.jensen_shannon_distance_moments,
        s.jensen_shannon_distance_p_value,
        is_root=True,
    ),
    "hellinger": Sum(s.hellinger, s.hellinger_moments, s.hellinger_p_value, is_root=True),
    "total_variation": Sum(s.total_variation, s.total_variation_moments, s.total_variation_p_value),
}
each_sum = pytest.mark.parametrize("chosen", SUMS.values(), ids=SUMS)
each_spacing = pytest.mark.parametrize(
    "spacing", [np.arange(256.0), np.tan(np.linspace(-1.5, 1.5, 256))], ids=["even", "tails"]
)


@each_case
@each_sum
def test_sums_over_bins_have_the_moments_of_the_deals_and_p_values_mean_what_they_say(
    chosen: Sum, case: Case
) -> None:
    a, b = deals(case)
    # All deals are of one pool, so that one of them tells the law of all.
    mean, variance = chosen.moments(a[:1], b[:1])
    found = chosen.statistic(a, b)
    assert_moments((mean, variance), found**2 if chosen.is_root else found)
    assert_calibrated(chosen.p_value(found, mean=mean, variance=variance))


@each_case
def test_the_largest_change_has_p_values_that_mean_what_they_say(case: Case) -> None:
    a, b = deals(case)
    assert_calibrated(s.chebyshev_p_value(s.chebyshev(a, b), reference=a[:1], current=b[:1]))


@each_case
@each_spacing
def test_the_energy_has_the_moments_of_the_deals_and_p_values_mean_what_they_say(
    case: Case, spacing: Floats
) -> None:
    a, b = deals(case)
    at = {"positions": spacing[: case.n_bins]}
    mean, variance, third = s.energy_distance_moments(a[:1], b[:1], **at)
    energy = s.energy_distance(a, b, **at)
    assert_moments((mean, variance), energy**2)
    assert_calibrated(s.energy_distance_p_value(energy, mean=mean, variance=variance, third=third))


@each_case
@each_spacing
def test_the_work_has_the_moments_of_the_deals_and_p_values_mean_what_they_say(
    case: Case, spacing: Floats
) -> None:
    a, b = deals(case)
    at = {"positions": spacing[: case.n_bins]}
    square, of_means = s.wasserstein_moments(a[:1], b[:1], **at)
    work = s.wasserstein(a, b, **at)
    difference = s.moments(b, **at).mean - s.moments(a, **at).mean
    assert square[0] == pytest.approx((work**2).mean(), rel=0.03)
    assert of_means[0] == pytest.approx(difference.var(), rel=0.05)
    assert_calibrated(s.wasserstein_p_value(work, square=square, of_means=of_means))


@each_sum
def test_without_rows_there_is_no_p_value_and_with_equal_constants_it_is_one(chosen: Sum) -> None:
    a, b = np.array([[0, 0], [9, 0]]), np.array([[1, 2], [3, 0]])
    mean, variance = chosen.moments(a, b)
    p = chosen.p_value(chosen.statistic(a, b), mean=mean, variance=variance)
    np.testing.assert_array_equal(p, [np.nan, 1.0])


def test_the_third_moment_of_the_energy_is_that_of_the_deals() -> None:
    a, b = deals(Case("forty bins", 40, 3000, 1000))
    at = {"positions": np.arange(40.0)}
    energy = s.energy_distance(a, b, **at) ** 2
    _, _, third = s.energy_distance_moments(a[:1], b[:1], **at)
    assert third[0] == pytest.approx(((energy - energy.mean()) ** 3).mean(), rel=0.15)
