from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import f, kurtosis

from detectors.columns import Floats
from detectors.statistics import (
    variance_degrees_of_freedom,
    variance_ratio,
    variance_ratio_p_value,
)
from tests.detectors.statistics.rounding import each_value_a_bin, normal_scores

POSITIONS = np.array([-3.0, -1.5, 0.0, 0.25, 7.0])
counts = st.lists(st.integers(0, 20), min_size=5, max_size=5)
varied = counts.filter(lambda c: np.count_nonzero(c) > 1)


@given(varied, varied)
def test_the_ratio_is_that_of_numpys_variances(a: list[int], b: list[int]) -> None:
    first, second = np.repeat(POSITIONS, a), np.repeat(POSITIONS, b)
    expected = second.var(ddof=1) / first.var(ddof=1)
    assert variance_ratio(a, b, positions=POSITIONS) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("ratio", [0.3, 0.9, 1.0, 1.2, 5.0])
def test_the_p_value_is_both_tails_of_scipys_f_law(ratio: float) -> None:
    expected = min(1.0, 2 * min(f.sf(ratio, 29, 99), f.cdf(ratio, 29, 99)))
    p = variance_ratio_p_value(ratio, dof_reference=99, dof_current=29)
    assert p == pytest.approx(expected, rel=1e-9)


def test_degrees_of_freedom_follow_the_kurtosis() -> None:
    """Var(s²) = σ⁴ (κ − (n − 3)/(n − 1)) / n is that of a χ² law with as many, 2σ⁴/ν."""
    values = normal_scores(500) ** 3
    a, _ = each_value_a_bin(values, values)
    dof, same = variance_degrees_of_freedom(a, a, positions=np.unique(values))
    expected = 2 * 500 / (kurtosis(values, fisher=False) - 497 / 499)
    assert dof == same == pytest.approx(expected, rel=1e-9)


def test_normal_values_are_worth_a_square_each() -> None:
    values = normal_scores(20_000)
    a, _ = each_value_a_bin(values, values)
    dof, _ = variance_degrees_of_freedom(a, a, positions=np.unique(values))
    assert dof == pytest.approx(19_999, rel=0.01)


def realised(draw: Callable[[np.random.Generator, int], Floats], *, level: float) -> float:
    """How often two samples of one law are found to differ at this level."""
    rng = np.random.default_rng(0)
    grid = np.linspace(-8, 8, 161)

    def windows(n: int) -> Floats:
        values = draw(rng, n * 2000).reshape(2000, n)
        places = np.searchsorted(grid, np.clip(values, -8, 8)) + 161 * np.arange(2000)[:, None]
        return np.bincount(places.ravel(), minlength=2000 * 161).reshape(2000, 161).astype(float)

    a, b = windows(400), windows(200)
    dof_a, dof_b = variance_degrees_of_freedom(a, b, positions=grid)
    ratio = variance_ratio(a, b, positions=grid)
    p = variance_ratio_p_value(ratio, dof_reference=dof_a, dof_current=dof_b)
    return float(np.mean(p <= level))


def test_its_p_values_mean_what_they_say_with_heavy_and_with_light_tails() -> None:
    # With n − 1 degrees of freedom these are found at 0.28 and at 0.002.
    assert 0.035 < realised(lambda rng, n: rng.exponential(size=n), level=0.05) < 0.075
    assert 0.035 < realised(lambda rng, n: rng.uniform(-3, 3, n), level=0.05) < 0.065


def test_it_is_undefined_where_the_reference_does_not_vary() -> None:
    assert np.isnan(variance_ratio([9, 0], [5, 5], positions=[0.0, 1.0]))
    dof, _ = variance_degrees_of_freedom([9, 0], [5, 5], positions=[0.0, 1.0])
    assert np.isnan(dof)
    assert np.isnan(variance_ratio_p_value(np.nan, dof_reference=9, dof_current=9))


def test_a_window_that_does_not_vary_has_no_share_of_the_references_variance() -> None:
    assert variance_ratio([5, 5], [9, 0], positions=[0.0, 1.0]) == 0
