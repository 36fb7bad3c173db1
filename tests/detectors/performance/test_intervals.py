import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from scipy.stats.contingency import relative_risk

from detectors.performance.intervals import (
    Estimate,
    bounded,
    difference,
    mean,
    ratio,
    share,
    undefined,
    wilson,
)


def limits(one: Estimate) -> tuple[float, float]:
    return one.low, one.high


@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (3, 10), (81, 263), (999, 1_000)])
def test_the_interval_of_a_share_is_wilsons(k: int, n: int) -> None:
    exact = binomtest(k, n).proportion_ci(0.95, method="wilson")
    found = share(k, n, without="")
    assert found.value == k / n
    assert limits(found) == pytest.approx((exact.low, exact.high), abs=1e-12)


# Newcombe, Interval estimation for the difference between independent proportions: comparison
# of eleven methods, Statistics in Medicine 17 (1998), table II, method 10.
NEWCOMBE = [
    ((56, 70), (48, 80), (0.0524, 0.3339)),
    ((9, 10), (3, 10), (0.1705, 0.8090)),
    ((6, 7), (2, 7), (0.0582, 0.8062)),
    ((5, 56), (0, 29), (-0.0381, 0.1926)),
    ((0, 10), (0, 20), (-0.1611, 0.2775)),
    ((0, 10), (0, 10), (-0.2775, 0.2775)),
    ((10, 10), (0, 20), (0.6791, 1.0)),
    ((10, 10), (0, 10), (0.6075, 1.0)),
]


@pytest.mark.parametrize(("left", "right", "published"), NEWCOMBE)
def test_the_interval_of_a_difference_is_the_published_one(
    left: tuple[int, int], right: tuple[int, int], published: tuple[float, float]
) -> None:
    found = difference(share(*left, without=""), share(*right, without=""))
    assert limits(found) == pytest.approx(published, abs=5e-5)


def test_the_interval_of_a_ratio_is_katzs_where_rows_are_many() -> None:
    exact = relative_risk(4_000, 10_000, 5_000, 20_000).confidence_interval()
    found = ratio(4_000, 10_000, 5_000, 20_000, without="")
    assert found.value == pytest.approx(1.6)
    assert limits(found) == pytest.approx((exact.low, exact.high), rel=1e-4)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_an_interval_holds_its_value(a: int, b: int, c: int, d: int) -> None:
    shares = share(a, a + b, without="left"), share(c, c + d, without="right")
    for one in (*shares, difference(*shares), ratio(a, a + b, c, c + d, without="ratio")):
        assert one.reason if not one.is_known else one.low <= one.value <= one.high
        assert (one.interval is not None) == one.is_known


def test_what_has_no_rows_says_why() -> None:
    nothing = share(0, 0, without="no labels")
    assert (math.isnan(nothing.value), nothing.reason) == (True, "no labels")
    assert difference(share(1, 2, without=""), nothing).reason == "no labels"
    assert ratio(1, 2, 0, 5, without="nobody").reason == "nobody"
    assert mean(0.0, 0.0, 0, without="no labels").reason == "no labels"
    assert undefined("why").interval is None


def test_one_number_has_a_mean_but_no_interval() -> None:
    found = mean(3.0, 9.0, 1, without="")
    assert (found.value, found.interval) == (3.0, None)


def test_a_known_variance_is_worth_as_many_rows() -> None:
    found = bounded(0.3, 0.3 * 0.7 / 50, n=10)
    assert limits(found) == pytest.approx(wilson(0.3, 50))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_without_variance_the_rows_count(value: float) -> None:
    assert limits(bounded(value, 0.0, n=12)) == wilson(value, 12)


def test_units_go_with_the_limits() -> None:
    assert Estimate(1.0, 0.5, 2.0).times(3.0) == Estimate(3.0, 1.5, 6.0)
