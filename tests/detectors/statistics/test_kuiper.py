import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.statistics import kuiper, kuiper_p_value
from tests.detectors.statistics.rounding import (
    Rounded,
    each_value_a_bin,
    normal_scores,
    rounded_samples,
)

samples = st.lists(st.integers(0, 9), min_size=1, max_size=40)


@given(samples, samples)
def test_the_distance_is_that_of_the_values_where_each_has_a_bin(
    a: list[int], b: list[int]
) -> None:
    gaps = [np.mean(np.array(b) <= x) - np.mean(np.array(a) <= x) for x in range(10)]
    distance = kuiper(np.bincount(a, minlength=10), np.bincount(b, minlength=10))
    assert distance == pytest.approx(max(gaps) - min(gaps), abs=1e-12)


@given(samples, samples, st.integers(0, 9))
def test_it_does_not_matter_where_the_circle_is_cut_open(
    a: list[int], b: list[int], turn: int
) -> None:
    counts = [np.bincount(side, minlength=10) for side in (a, b)]
    turned = [np.roll(side, turn) for side in counts]
    assert kuiper(*turned) == pytest.approx(kuiper(*counts), abs=1e-12)


@given(rounded_samples())
def test_bins_hide_at_most_twice_the_largest_share_that_several_values_hold(
    samples: Rounded,
) -> None:
    hidden = kuiper(*samples.exact) - kuiper(*samples.binned)
    assert -1e-12 <= hidden <= 2 * samples.largest_shared + 1e-12


@pytest.mark.parametrize(
    ("mean", "sd", "distance", "p_value"),
    [(0.3, 1.0, 0.125, 0.5650509057445949), (0.0, 1.5, 0.20333333333333337, 0.017348205197264675)],
)
def test_the_p_value_is_that_of_numerical_recipes(
    mean: float, sd: float, distance: float, p_value: float
) -> None:
    """Press et al., Numerical Recipes, section 14.3.4 (`probkp`)."""
    found = kuiper(*each_value_a_bin(normal_scores(200), normal_scores(150, mean, sd)))
    assert found == pytest.approx(distance, abs=1e-12)
    p = kuiper_p_value(found, n_reference=200, n_current=150)
    assert p == pytest.approx(p_value, rel=1e-6)


def exact_p_value(n: int, steps: int) -> float:
    """Chance of a distance of at least steps/n between two samples of n without ties.

    They are walks of 2n steps up or down that return; a walk of range r fits w − r times into
    a strip of w places, and closed walks in a strip are counted by its eigenvalues.
    """

    one_walk = float(4**n / math.comb(2 * n, n))

    def walks_in_strip(width: int) -> float:
        angles = np.pi * np.arange(1, width + 1) / (width + 1)
        return float((np.cos(angles) ** (2 * n)).sum()) * one_walk

    return 1 - (walks_in_strip(steps) - walks_in_strip(steps - 1))


def test_the_exact_law_counts_what_enumeration_counts() -> None:
    # Of the 6 orders of two and two values, 2 alternate throughout: their distance is 1/2.
    assert exact_p_value(2, 2) == pytest.approx(4 / 6)


@pytest.mark.parametrize(("n", "tolerance"), [(50, 0.01), (500, 0.006), (5000, 0.003)])
def test_the_p_value_is_near_the_exact_law_of_equal_samples(n: int, tolerance: float) -> None:
    steps = np.arange(1, min(n, int(3 * np.sqrt(2 * n))))
    exact = np.array([exact_p_value(n, int(step)) for step in steps])
    p = kuiper_p_value(steps / n, n_reference=n, n_current=n)
    np.testing.assert_allclose(p, exact, atol=tolerance)
    likely = exact > 1e-4
    np.testing.assert_allclose(p[likely], exact[likely], rtol=0.15)


def test_no_distance_is_certain_and_an_empty_sample_has_no_p_value() -> None:
    p = kuiper_p_value(0.0, n_reference=100, n_current=100)
    assert p == pytest.approx(1, abs=1e-10)
    assert np.isnan(kuiper_p_value(0.5, n_reference=0, n_current=10))
    assert np.isnan(kuiper_p_value(np.nan, n_reference=10, n_current=10))


def test_bins_can_hide_all_of_it() -> None:
    assert kuiper([1, 0, 0, 1], [0, 1, 1, 0]) == 1
    assert kuiper([1, 1], [1, 1]) == 0
