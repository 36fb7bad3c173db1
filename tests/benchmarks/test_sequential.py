"""Run lengths of control charts against published tables and against plain simulation."""

import numpy as np
import pytest

from benchmarks.sequential import (
    ALLOWANCE,
    cusum_run_length,
    evidence_run_lengths,
    limit_within_budget,
    over_references,
    shewhart_run_length,
)

# Montgomery, Introduction to Statistical Quality Control, table 9.3: two-sided CUSUM, k = 0.5.
SHIFTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
PUBLISHED = {
    4.0: (168, 74.2, 26.6, 13.3, 8.38, 4.75, 3.34, 2.19),
    5.0: (465, 139, 38.0, 17.0, 10.4, 5.75, 4.01, 2.57),
}


@pytest.mark.parametrize("limit", PUBLISHED)
def test_the_run_lengths_of_cusum_are_the_published_ones(limit: float) -> None:
    ours = [cusum_run_length(limit, shift) for shift in SHIFTS]
    np.testing.assert_allclose(ours, PUBLISHED[limit], rtol=0.005)


def test_a_simulated_cusum_runs_as_long_as_its_equation_says() -> None:
    rng, limit, n = np.random.default_rng(1), 3.0, 4_000
    lengths, sides, running = np.zeros(n), np.zeros((2, n)), np.full(n, True)
    while running.any():
        z = rng.normal(loc=1.0, size=n)
        sides = np.maximum(0, sides + np.stack([z, -z]) - ALLOWANCE)
        lengths[running] += 1
        running &= (sides < limit).all(axis=0)
    error = lengths.std() / np.sqrt(n)
    assert abs(lengths.mean() - cusum_run_length(limit, 1.0)) < 4 * error


def test_a_shewhart_chart_of_three_sigma_runs_for_370_windows() -> None:
    assert shewhart_run_length(3.0, 0.0) == pytest.approx(370.4, abs=0.1)


def test_a_larger_shift_is_found_sooner() -> None:
    means = [
        evidence_run_lengths(
            shift, np.random.default_rng(1), np.zeros(200), n_windows=np.inf
        ).mean()
        for shift in (1.0, 2.0, 4.0)
    ]
    assert means == sorted(means, reverse=True)


def test_the_mean_of_a_reference_errs_by_one_over_the_root_of_its_windows() -> None:
    assert over_references(lambda error: error**2, 30) == pytest.approx(1 / 30)
    assert over_references(lambda error: 7.0 + error, np.inf) == pytest.approx(7.0)


def test_a_limit_holds_the_budget_for_the_references_of_a_simulation() -> None:
    limit = limit_within_budget(shewhart_run_length, 30)
    assert limit is not None
    errors = np.random.default_rng(1).normal(size=4_000) / np.sqrt(30)
    rates = [1 / shewhart_run_length(limit, error) for error in errors]
    assert np.mean(rates) * 365 == pytest.approx(1, abs=0.05)


def test_of_many_components_each_has_its_part_of_the_budget() -> None:
    limit = limit_within_budget(shewhart_run_length, np.inf, n_components=100)
    assert limit is not None
    assert shewhart_run_length(limit, 0.0) == pytest.approx(100 * 365, rel=1e-3)


def test_a_hundred_cusums_with_means_of_thirty_windows_hold_the_budget_by_being_slow() -> None:
    limit = limit_within_budget(cusum_run_length, 30, n_components=100)
    assert limit is not None
    cusum = over_references(lambda error: cusum_run_length(limit, 2.0 + error), 30)
    rng = np.random.default_rng(1)
    errors = rng.normal(size=500) / np.sqrt(30)
    evidence = evidence_run_lengths(2.0, rng, errors, n_windows=30.0, n_components=100)
    assert evidence.mean() < 0.6 * cusum


def test_where_means_err_by_more_than_a_chart_allows_no_limit_holds_the_budget() -> None:
    assert limit_within_budget(cusum_run_length, 10, n_components=100) is None
