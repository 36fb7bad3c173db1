from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike
from scipy import special
from scipy.stats import gamma, hypergeom, norm, t

from benchmarks.streams import DAY_S, World, reference_of
from detectors.columns import Floats
from detectors.decision.components import Components, Kind, Measurement, fit_components
from detectors.decision.heavy_tails import Tails
from detectors.decision.nulls import (
    SCORE_LIMIT,
    SHADOW,
    SKEW_SHADOW,
    Null,
    learn_null,
    n_known,
    one_sided_scores,
    standardised,
    two_sided_p,
    updated_mean,
)


def null_of(
    *,
    n: int = 1,
    mean: float = 0.0,
    mean_variance: float = 1e-9,
    between: float = 0.0,
    df: float = np.inf,
    skewness: float = 0.0,
    share: bool = False,
) -> Null:
    def full(value: float) -> Floats:
        return np.full(n, value, dtype=np.float64)

    return Null(
        mean=full(mean),
        mean_variance=full(mean_variance),
        between=full(between),
        df=full(df),
        skewness=full(skewness),
        is_share=np.full(n, share),
        n_windows=30,
        remembers=False,
        tails=Tails.normal(n),
    )


def scores_of(null: Null, given: ArrayLike, n: int) -> Floats:
    values = np.asarray(given, dtype=np.float64)
    window = Measurement(values, np.full(values.shape, float(n)))
    return one_sided_scores(null, window, null.mean, null.mean_variance)


def test_a_deviation_is_measured_in_row_noise_variance_between_windows_and_the_means_error() -> (
    None
):
    null = null_of(between=0.003, mean_variance=0.0005)
    up, down = scores_of(null, [0.1], 1_000)[:, 0]
    assert up == pytest.approx(0.1 / np.sqrt(0.001 + 0.003 + 0.0005))
    assert down == -up


def test_row_noise_shrinks_with_the_window_and_the_variance_between_windows_does_not() -> None:
    null = null_of(between=0.01)
    small, large = (scores_of(null, [0.3], n)[0, 0] for n in (100, 10**9))
    assert small == pytest.approx(0.3 / np.sqrt(0.02), rel=1e-6)
    assert large == pytest.approx(0.3 / np.sqrt(0.01), rel=1e-6)


def test_an_estimated_variance_has_students_tails() -> None:
    p = two_sided_p(scores_of(null_of(df=29.0), [0.1], 1_000))
    assert p[0] == pytest.approx(2 * t.sf(0.1 * np.sqrt(1_000), 29), rel=0.02)


def test_skew_means_get_the_tails_of_a_skew_law() -> None:
    n, shape = 100, 25.0  # the mean of 100 rows of skewness 4 is as skew as a gamma of shape 25
    null = null_of(skewness=4.0, mean_variance=1e-12)
    for z in (-3.0, 3.0, 4.0):
        up, down = scores_of(null, [z / np.sqrt(n)], n)[:, 0]
        x = shape + z * np.sqrt(shape)
        assert norm.sf(up) == pytest.approx(gamma.sf(x, shape), rel=0.25)
        assert norm.sf(down) == pytest.approx(gamma.cdf(x, shape), rel=0.25)


@given(st.integers(0, 40), st.integers(0, 60))
def test_rare_counts_are_judged_as_exactly_as_fisher_does(c: int, d: int) -> None:
    n, total = 1_000, 30_000
    null = null_of(mean=d / total, mean_variance=1 / total, share=True)
    up, down = scores_of(null, [c / n], n)[:, 0]
    fisher = hypergeom(n + total, c + d, n)
    assert norm.sf(up) >= 0.95 * fisher.sf(c - 1)
    assert norm.sf(down) >= 0.95 * fisher.cdf(c)


@pytest.mark.parametrize("p", [0.001, 0.02, 0.3, 0.5, 0.9, 0.9995])
@pytest.mark.parametrize("excess", [0.0, 2.0])
def test_p_values_of_shares_hold_and_are_not_much_too_large(p: float, excess: float) -> None:
    rng = np.random.default_rng(1)
    n, total, n_trials = 1_000, 30_000, 20_000
    sd = np.sqrt(excess / n * p * (1 - p))  # of the share, between windows
    shares = np.clip(rng.normal(p, sd, n_trials), 0, 1) if excess else np.full(n_trials, p)
    null = null_of(n=n_trials, mean_variance=(1 + excess) / total, between=excess / n, share=True)
    null = replace(null, mean=rng.binomial(total, p, n_trials) / total)
    scores = scores_of(null, rng.binomial(n, shares) / n, n)
    for side in scores:
        assert (norm.sf(side) <= 0.01).mean() <= 0.013
        assert (norm.sf(side) <= 0.001).mean() <= 0.0025
    if 0.02 <= p <= 0.9:
        assert (two_sided_p(scores) <= 0.05).mean() >= 0.03


def test_a_window_without_values_has_neither_score_nor_p_value() -> None:
    scores = scores_of(null_of(n=2, share=True), [np.nan, np.nan], 0)
    assert np.isnan(scores).all()
    assert np.isnan(two_sided_p(scores)).all()


def test_no_score_goes_beyond_what_can_be_believed() -> None:
    up, down = scores_of(null_of(), [50.0], 1_000)[:, 0]
    assert (up, down) == (SCORE_LIMIT, -SCORE_LIMIT)


def test_the_mean_to_expect_is_the_precision_weighted_mean_of_all_that_was_seen() -> None:
    null = null_of(between=0.002, mean_variance=0.004 / 10)
    mean, variance = null.mean, null.mean_variance
    for value, n in ((0.1, 500), (0.4, 250)):
        window = Measurement(np.array([value]), np.array([float(n)]))
        mean, variance = updated_mean(null, window, mean, variance)
    precisions = np.array([10 / 0.004, 1 / (0.002 + 0.002), 1 / (0.004 + 0.002)])
    assert mean[0] == pytest.approx((precisions * [0, 0.1, 0.4]).sum() / precisions.sum())
    assert variance[0] == pytest.approx(1 / precisions.sum())


def test_every_window_alike_adds_one_to_what_the_mean_is_known_from() -> None:
    null = null_of(mean_variance=(0.002 + 0.001) / 30, between=0.002)
    window = Measurement(np.array([0.1]), np.array([1000.0]))
    mean, variance = null.mean, null.mean_variance
    for known in (30, 31, 32):
        assert n_known(null, window, variance)[0] == pytest.approx(known)
        mean, variance = updated_mean(null, window, mean, variance)


def test_a_window_without_values_teaches_nothing() -> None:
    null = null_of(mean=0.3, mean_variance=0.1)
    nothing = Measurement(np.array([np.nan]), np.array([0.0]))
    mean, variance = updated_mean(null, nothing, null.mean, null.mean_variance)
    assert (mean[0], variance[0]) == (0.3, 0.1)


def test_standardised_deviations_leave_out_the_references_own_error() -> None:
    window = Measurement(np.array([0.2]), np.array([100.0]))
    assert standardised(null_of(mean_variance=5.0), window)[0] == pytest.approx(2.0)


def learned(world: World, n_days: int, seed: int = 1) -> tuple[Components, Null]:
    reference = reference_of(world, n_days, np.random.default_rng(seed))
    components = fit_components(reference)
    whole = components.measure(reference.profile.counts)
    windows = np.stack([window.counts for window in reference.windows[DAY_S]])
    return components, learn_null(components, whole, components.measure(windows))


def test_variance_between_days_is_learned_and_does_not_depend_on_their_rows() -> None:
    for rows in (500, 2_000):
        components, null = learned(World(rows=rows, day_effect=0.1), 60)
        numbers = components.population == Kind.LOCATION
        # A shift by d standard deviations moves the first rank polynomial by √(3/π) d.
        assert np.median(null.between[numbers]) == pytest.approx(3 / np.pi * 0.01, rel=0.25)


def test_common_levels_vary_more_between_days_than_rare_ones() -> None:
    components, null = learned(World(day_effect=0.2), 60)
    spread = null.mean * (1 - null.mean)
    levels = (components.kind == Kind.LEVEL) & (spread > 0.01)
    assert np.corrcoef(null.between[levels], spread[levels])[0, 1] > 0.8


def test_equal_days_vary_as_their_rows_do() -> None:
    _, null = learned(World(), 30)
    assert np.mean(null.between == 0) > 0.9
    assert null.n_windows == 30
    assert not null.remembers


def test_one_window_knows_row_noise_alone() -> None:
    _, null = learned(World(day_effect=0.2), 1)
    assert null.n_windows == 1
    assert not null.between.any()
    assert null.mean_variance.min() == pytest.approx(1 / 1_000)


@pytest.mark.parametrize("shift", [0.1, 0.3])
def test_what_a_shift_of_a_normal_column_does_to_its_other_components(shift: float) -> None:
    x, weight = np.polynomial.hermite_e.hermegauss(200)
    ranks = 2 * special.ndtr(x + shift) - 1
    of = [
        np.sqrt(2 * k + 1) * (weight * special.eval_legendre(k, ranks)).sum() / weight.sum()
        for k in range(5)
    ]
    assert of[2] / of[1] ** 2 == pytest.approx(SHADOW, abs=0.03)
    assert of[3] / of[1] == pytest.approx(SKEW_SHADOW, abs=0.03)
    assert of[4] / of[1] ** 2 < SHADOW
