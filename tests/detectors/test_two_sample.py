"""Exact two-sample comparisons, against SciPy and slow definitions."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from detectors.columns import Counts, Floats
from detectors.two_sample import (
    Change,
    Comparison,
    Reason,
    Verdict,
    chi_squared,
    compare_categories,
    compare_numbers,
    decide,
    distances,
    holm,
    kolmogorov_smirnov_p_value,
    missing_change,
    null_moments,
    sorted_present,
    total_variation,
)

VALUES = st.floats(-1e6, 1e6, allow_subnormal=False) | st.sampled_from([0.0, 1.0, 2.0])
SAMPLES = arrays(np.float64, st.integers(3, 80), elements=VALUES.map(lambda x: round(x, 6)))
TABLES = arrays(np.int64, st.tuples(st.just(2), st.integers(2, 6)), elements=st.integers(1, 500))


def _normal(n: int, *, seed: int, mean: float = 0.0) -> Floats:
    return np.sort(np.random.default_rng(seed).normal(mean, size=n))


@given(SAMPLES, SAMPLES)
def test_the_kolmogorov_smirnov_distance_is_scipys_to_the_last_bit(
    reference: Floats, current: Floats
) -> None:
    ours, _ = distances(np.sort(reference), np.sort(current))
    assert ours == stats.ks_2samp(reference, current, method="asymp").statistic


@given(SAMPLES, SAMPLES)
def test_the_wasserstein_distance_is_scipys_in_reference_sd(
    reference: Floats, current: Floats
) -> None:
    _, ours = distances(np.sort(reference), np.sort(current))
    distance = stats.wasserstein_distance(reference, current)
    if np.ptp(reference) == 0:
        assert ours == (None if distance else 0.0)
    else:
        assert ours == pytest.approx(distance / np.std(reference), rel=1e-9, abs=1e-9)


def test_infinities_count_as_values_for_one_distance_and_not_at_all_for_the_other() -> None:
    reference, current = _normal(500, seed=1), _normal(300, seed=2)
    ends = np.array([-np.inf] * 30 + [np.inf] * 20)
    largest, moved = distances(reference, np.sort(np.concatenate([current, ends])))
    everything = np.concatenate([current, ends])
    assert largest == stats.ks_2samp(reference, everything, method="asymp").statistic
    assert moved == distances(reference, current)[1]


@pytest.mark.parametrize("scale", [1e308, 1e-300, 5e-324])
def test_the_largest_and_smallest_doubles_have_a_distance(scale: float) -> None:
    reference, current = np.array([-1.0, 0, 1]) * scale, np.array([0.0, 1, 1]) * scale
    largest, moved = distances(reference, current)
    assert largest == pytest.approx(1 / 3)
    assert moved == pytest.approx(2 / 3 / np.sqrt(2 / 3))


def test_nothing_finite_on_a_side_leaves_no_wasserstein_distance() -> None:
    assert distances(np.array([0.0, 1]), np.array([np.inf, np.inf])) == (1.0, None)


@given(arrays(np.float64, st.integers(0, 50), elements=st.floats(allow_nan=True)))
def test_present_values_are_those_that_are_not_nan_in_order(values: Floats) -> None:
    expected = sorted(values[~np.isnan(values)].tolist())
    np.testing.assert_array_equal(sorted_present(values), expected)


@pytest.mark.parametrize(("n", "m"), [(20, 35), (500, 500), (9_000, 4_000)])
@pytest.mark.parametrize("mean", [0.0, 0.1, 0.5])
def test_up_to_ten_thousand_rows_the_p_value_is_scipys_exact_one(
    n: int, m: int, mean: float
) -> None:
    reference, current = _normal(n, seed=1), _normal(m, seed=2, mean=mean)
    ours = kolmogorov_smirnov_p_value(distances(reference, current)[0], reference, current)
    assert ours == pytest.approx(stats.ks_2samp(reference, current).pvalue, rel=1e-12)


@pytest.mark.parametrize("n", [12_000, 45_000, 200_000])
@pytest.mark.parametrize("scaled", [0.3, 0.8, 1.4, 1.6, 2.5, 4.0, 10.0])
def test_with_more_rows_the_p_value_is_scipys_asymptotic_one(n: int, scaled: float) -> None:
    size = n // 2
    statistic = scaled / np.sqrt(size)
    rows = np.zeros(n)
    ours = kolmogorov_smirnov_p_value(statistic, rows, rows)
    tolerance = 1e-4 if ours < 1e-26 else 1e-5
    assert ours == pytest.approx(stats.kstwo.sf(statistic, size), rel=tolerance)


@given(TABLES)
def test_chi_squared_is_scipys_without_yates(table: Counts) -> None:
    statistic, p_value = chi_squared(table)
    expected = stats.chi2_contingency(table, correction=False)
    assert statistic == pytest.approx(expected.statistic, rel=1e-12)
    if expected.expected_freq.min() >= 10:
        assert p_value == pytest.approx(expected.pvalue, rel=1e-9)


def test_levels_that_nobody_has_do_not_count() -> None:
    table = np.array([[30, 0, 50], [40, 0, 20]])
    assert chi_squared(table) == chi_squared(table[:, [0, 2]])


def test_one_level_cannot_differ() -> None:
    assert chi_squared(np.array([[30, 0], [50, 0]])) == (0.0, 1.0)


def test_a_small_window_of_many_rare_levels_does_not_alarm_on_nothing() -> None:
    """SciPy's p-value is below 1 % in every seventh such table."""
    rng = np.random.default_rng(5)
    margin = rng.multinomial(2_050, rng.dirichlet(np.full(300, 0.5)))
    current = rng.multivariate_hypergeometric(margin, 50, size=1_000)
    tables = [np.array([margin - row, row]) for row in current]
    ours = np.array([chi_squared(table)[1] for table in tables])
    expected = [stats.chi2_contingency(t[:, margin > 0], correction=False).pvalue for t in tables]
    assert np.mean(np.array(expected) <= 0.01) > 0.1
    assert np.mean(ours <= 0.01) < 0.02


@pytest.mark.parametrize("levels", [(3, 2, 4), (5, 1, 1, 1), (6, 6)])
@pytest.mark.parametrize("n", [3, 4])
def test_the_null_moments_of_chi_squared_are_those_over_all_tables(
    levels: tuple[int, ...], n: int
) -> None:
    """A table with these margins is a draw of n rows out of all, each draw as likely."""
    rows = np.repeat(np.arange(len(levels)), levels)
    draws = itertools.combinations(range(len(rows)), n)
    counts = [np.bincount(rows[list(draw)], minlength=len(levels)) for draw in draws]
    tables = [np.array([count, np.array(levels) - count]) for count in counts]
    statistics = [stats.chi2_contingency(t, correction=False).statistic for t in tables]
    moments = null_moments(tables[0])
    assert moments == pytest.approx((np.mean(statistics), np.var(statistics)), rel=1e-9)


@given(TABLES)
def test_total_variation_is_the_largest_difference_over_all_sets_of_levels(table: Counts) -> None:
    shares = table / table.sum(axis=1, keepdims=True)
    levels = range(table.shape[1])
    subsets = itertools.chain.from_iterable(
        itertools.combinations(levels, k) for k in range(table.shape[1] + 1)
    )
    largest = max(abs(shares[1, list(s)].sum() - shares[0, list(s)].sum()) for s in subsets)
    assert total_variation(table) == pytest.approx(largest, abs=1e-12)


@given(arrays(np.float64, st.integers(0, 12), elements=st.floats(0, 1) | st.just(np.nan)))
def test_holm_gives_each_test_the_level_at_which_it_would_be_rejected(p_values: Floats) -> None:
    adjusted = holm(p_values)
    known = np.sort(p_values[~np.isnan(p_values)])
    np.testing.assert_array_equal(np.isnan(adjusted), np.isnan(p_values))
    for p, ours in zip(p_values, adjusted, strict=True):
        if not np.isnan(p):
            rank = np.searchsorted(known, p, side="right")
            steps = [min(1.0, float(known[i]) * (len(known) - i)) for i in range(rank)]
            assert ours == pytest.approx(max(steps))


def test_holm_reproduces_a_worked_example() -> None:
    """Holm (1979) step by step: 0.01 × 4, 0.005 × … in the order of the p-values."""
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])


def test_a_missing_share_is_compared_like_any_other_share() -> None:
    change = missing_change((990, 450), (1000, 500))
    assert change is not None
    table = [[990, 10], [450, 50]]
    assert change.p_value == pytest.approx(
        stats.chi2_contingency(table, correction=False).pvalue, rel=1e-9
    )
    assert change.is_large


@pytest.mark.parametrize(
    ("n_present", "n_rows"), [((1000, 500), (1000, 500)), ((900, 2), (1000, 19))]
)
def test_without_missing_values_or_rows_there_is_no_change_to_test(
    n_present: tuple[int, int], n_rows: tuple[int, int]
) -> None:
    assert missing_change(n_present, n_rows) is None


def _numbers(reference: Floats, current: Floats) -> Comparison:
    sides = sorted_present(reference), sorted_present(current)
    return compare_numbers(*sides, n_rows=(len(reference), len(current)))


def _verdict(comparison: Comparison, alpha: float = 0.01) -> tuple[Verdict, Reason]:
    (decision,) = decide([comparison], alpha=alpha)
    return decision.verdict, decision.reason


def test_a_shift_is_drift() -> None:
    comparison = _numbers(_normal(2000, seed=1), _normal(1000, seed=2, mean=0.5))
    assert _verdict(comparison) == (Verdict.DRIFT, Reason.VALUES_MOVED)
    assert comparison.effect == pytest.approx(0.5, abs=0.1)


def test_no_shift_is_quiet() -> None:
    comparison = _numbers(_normal(2000, seed=1), _normal(1000, seed=2))
    assert _verdict(comparison) == (Verdict.QUIET, Reason.WITHIN_CHANCE)


def test_a_certain_shift_below_the_floor_is_small() -> None:
    comparison = _numbers(_normal(400_000, seed=1), _normal(400_000, seed=2, mean=0.05))
    assert _verdict(comparison) == (Verdict.SMALL, Reason.BELOW_EFFECT_FLOOR)


def test_too_few_values_are_undecided() -> None:
    comparison = _numbers(_normal(2000, seed=1), _normal(19, seed=2, mean=9.0))
    assert _verdict(comparison) == (Verdict.UNDECIDED, Reason.TOO_FEW_VALUES)
    assert comparison.effect is None


def test_values_that_all_went_missing_are_drift_though_none_can_be_compared() -> None:
    comparison = _numbers(_normal(2000, seed=1), np.full(500, np.nan))
    assert _verdict(comparison) == (Verdict.DRIFT, Reason.MISSING_MOVED)


def test_a_column_that_was_always_missing_is_undecided() -> None:
    comparison = _numbers(np.full(2000, np.nan), np.full(500, np.nan))
    assert _verdict(comparison) == (Verdict.UNDECIDED, Reason.TOO_FEW_VALUES)


def test_values_and_missing_share_can_move_together() -> None:
    current = np.concatenate([_normal(500, seed=2, mean=2.0), np.full(500, np.nan)])
    verdict = _verdict(_numbers(_normal(2000, seed=1), current))
    assert verdict == (Verdict.DRIFT, Reason.BOTH_MOVED)


def test_the_size_of_one_change_does_not_lend_weight_to_another() -> None:
    """Certain but tiny in the missing share, large but by chance in the values: not drift."""
    comparison = Comparison(
        statistics={},
        effect=1.0,
        effect_unit="sd",
        distance=0.3,
        missing_difference=0.001,
        values=Change(0.5, is_large=True),
        missing=Change(1e-9, is_large=False),
    )
    assert _verdict(comparison) == (Verdict.SMALL, Reason.BELOW_EFFECT_FLOOR)


def test_two_different_constants_are_drift_without_an_effect_in_sd() -> None:
    comparison = _numbers(np.full(100, 5.0), np.full(100, 6.0))
    assert _verdict(comparison) == (Verdict.DRIFT, Reason.VALUES_MOVED)
    assert comparison.effect is None
    assert comparison.strength == 1.0


def test_the_same_constant_is_quiet() -> None:
    comparison = _numbers(np.full(100, 5.0), np.full(100, 5.0))
    assert _verdict(comparison) == (Verdict.QUIET, Reason.WITHIN_CHANCE)
    assert comparison.effect == 0


def test_a_new_category_is_drift() -> None:
    comparison = compare_categories(np.array([[500, 500, 0], [400, 400, 200]]), n_rows=(1000, 1000))
    assert _verdict(comparison) == (Verdict.DRIFT, Reason.VALUES_MOVED)
    assert comparison.effect == pytest.approx(0.2)


def test_a_column_alone_has_the_p_value_of_scipy() -> None:
    reference, current = _normal(2000, seed=1), _normal(1000, seed=2, mean=0.1)
    (decision,) = decide([_numbers(reference, current)], alpha=0.01)
    assert decision.p_value == stats.ks_2samp(reference, current).pvalue
    assert decision.adjusted_p_value == decision.p_value


def test_the_chance_that_a_check_names_any_column_without_drift_is_at_most_alpha() -> None:
    rng = np.random.default_rng(11)

    def sample(n: int) -> Floats:
        return np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n))

    named = 0
    for _ in range(200):
        comparisons = [_numbers(sample(120), sample(60)) for _ in range(6)]
        named += any(each.verdict.is_drift for each in decide(comparisons, alpha=0.1))
    assert named <= stats.binom.ppf(0.999, 200, 0.1)


def test_no_columns_need_no_decision() -> None:
    assert decide([], alpha=0.01) == ()
