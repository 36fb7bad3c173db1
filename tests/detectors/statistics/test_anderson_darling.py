import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import PermutationMethod, anderson_ksamp

from detectors.bins import NumericColumn
from detectors.columns import ColumnType, Field, Floats
from detectors.statistics import (
    anderson_darling,
    anderson_darling_p_value,
    anderson_darling_variance,
)
from tests.detectors.statistics.rounding import each_value_a_bin

NO_PERMUTATIONS = PermutationMethod(n_resamples=1)


def scipys(a: Floats, b: Floats) -> float:
    """A² from SciPy's (A² − 1)/σ, with σ² of Scholz and Stephens (1987), equation 4."""
    n, sizes = len(a) + len(b), 1 / len(a) + 1 / len(b)
    h = (1 / np.arange(1, n)).sum()
    g = sum((1 / np.arange(i + 1, n)).sum() / (n - i) for i in range(1, n - 1))
    polynomial = [
        (4 * g - 6) + (10 - 6 * g) * sizes,
        (2 * g - 4) * 4 + 16 * h + (2 * g - 14 * h - 4) * sizes - 8 * h + 4 * g - 6,
        (6 * h + 2 * g - 2) * 4 + (4 * h - 4 * g + 6) * 2 + (2 * h - 6) * sizes + 4 * h,
        (2 * h + 6) * 4 - 8 * h,
    ]
    variance = np.polyval(polynomial, n) / ((n - 1) * (n - 2) * (n - 3))
    found = anderson_ksamp([a, b], variant="midrank", method=NO_PERMUTATIONS).statistic
    return float(1 + found * np.sqrt(variance))


two_values_or_more = st.lists(st.integers(0, 8), min_size=4, max_size=40)


@given(two_values_or_more, two_values_or_more)
def test_the_statistic_is_scipys_with_midranks(a: list[int], b: list[int]) -> None:
    first, second = np.array([*a, 0, 1], dtype=float), np.array(b, dtype=float)
    found = anderson_darling(*each_value_a_bin(first, second))
    assert found == pytest.approx(scipys(first, second), rel=1e-9, abs=1e-9)


def test_constant_columns_do_not_differ() -> None:
    assert anderson_darling([0, 7, 0], [0, 9, 0]) == 0.0
    assert anderson_darling_variance([0, 7, 0], [0, 9, 0]) == 0.0
    assert anderson_darling_p_value(0.0, variance=0.0) == 1.0


def test_the_limit_law_has_its_published_quantiles() -> None:
    """Marsaglia and Marsaglia (2004); Scholz and Stephens (1987), table 1, for m = 1."""
    variance = 2 * (np.pi**2 - 9) / 3
    p = anderson_darling_p_value([1.933, 2.492, 3.070, 3.878], variance=variance)
    np.testing.assert_allclose(p, [0.1, 0.05, 0.025, 0.01], rtol=0.01)
    standardised = 1 + np.array([0.326, 1.225, 1.960, 2.719, 3.752]) * np.sqrt(variance)
    p = anderson_darling_p_value(standardised, variance=variance)
    np.testing.assert_allclose(p, [0.25, 0.1, 0.05, 0.025, 0.01], rtol=0.025)


def test_many_untied_values_have_the_limits_variance_and_two_bins_that_of_chi_squared() -> None:
    values = np.arange(4000) % 2
    variance = anderson_darling_variance(values, 1 - values)
    assert variance == pytest.approx(2 * (np.pi**2 - 9) / 3, rel=0.005)
    assert anderson_darling_variance([3, 5], [20, 1]) == pytest.approx(2)


TIES = [[0.5, 0.5], [0.6, *[0.004] * 100], [0.1, 0.2, 0.4, 0.2, 0.1], [0.95, 0.03, 0.02]]


@pytest.mark.parametrize("shares", TIES, ids=["coin", "atom", "five values", "rare"])
@pytest.mark.parametrize("level", [0.05, 0.01])
def test_p_values_mean_what_they_say_however_values_are_tied(
    shares: list[float], level: float
) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.multinomial(3000, shares, 5000), rng.multinomial(500, shares, 5000)
    statistic, variance = anderson_darling(a, b), anderson_darling_variance(a, b)
    realised = np.mean(anderson_darling_p_value(statistic, variance=variance) <= level)
    assert statistic.mean() == pytest.approx(1, abs=0.06)
    assert 0.7 * level < realised < 1.4 * level


@pytest.mark.parametrize(("mean", "sd"), [(0.1, 1.0), (0.5, 1.0), (0.0, 1.25), (0.0, 0.8)])
def test_reference_quantiles_as_bins_keep_it_to_a_few_percent(mean: float, sd: float) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=20_000), rng.normal(mean, sd, 2_000)
    column = NumericColumn.fit(Field("x", ColumnType.FLOAT), a)
    binned = anderson_darling(column.ordered(column.count(a)), column.ordered(column.count(b)))
    assert binned == pytest.approx(anderson_darling(*each_value_a_bin(a, b)), rel=0.03)


def test_an_empty_sample_has_no_variance_and_no_p_value() -> None:
    variance = anderson_darling_variance([0, 0], [1, 2])
    assert np.isnan(variance)
    assert np.isnan(anderson_darling_p_value(1.0, variance=variance))
