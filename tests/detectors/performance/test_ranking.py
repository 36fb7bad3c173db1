import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm
from sklearn.metrics import average_precision_score, roc_auc_score

from detectors.columns import Floats
from detectors.performance.intervals import Estimate, undefined
from detectors.performance.ranking import (
    ONE_CLASS,
    average_precision,
    macro,
    mean_precision,
    roc_auc,
    roc_auc_error_bound,
)

N_BINS = 6
TIED = np.ones(N_BINS, dtype=bool)


def counts() -> st.SearchStrategy[Floats]:
    return arrays(np.int64, N_BINS, elements=st.integers(0, 9)).map(lambda a: a.astype(float))


def rows_of(positives: Floats, negatives: Floats) -> tuple[Floats, Floats]:
    """Labels and scores, one a row."""
    n = np.concatenate([positives, negatives]).astype(int)
    return np.repeat(np.repeat([1, 0], N_BINS), n), np.repeat(np.tile(np.arange(N_BINS), 2), n)


@given(counts(), counts())
def test_scores_that_are_tied_rank_as_in_scikit_learn(positives: Floats, negatives: Floats) -> None:
    auc, ap = roc_auc(positives, negatives), average_precision(positives, negatives, tied=TIED)
    if not positives.any() or not negatives.any():
        assert auc.reason == ONE_CLASS
        return
    labels, scores = rows_of(positives, negatives)
    assert auc.value == pytest.approx(roc_auc_score(labels, scores))
    assert ap.value == pytest.approx(average_precision_score(labels, scores))


def test_at_its_limits_the_area_is_two_standard_errors_away() -> None:
    """Newcombe 2006: the variance of Hanley and McNeil, both samples' sizes their mean."""
    positives, negatives = np.array([1.0, 2, 3, 4, 8, 9]), np.array([9.0, 7, 5, 5, 2, 1])
    found, m, n = roc_auc(positives, negatives), 27, 29
    for limit in (found.low, found.high):
        q1, q2 = limit / (2 - limit), 2 * limit**2 / (1 + limit)
        variance = limit * (1 - limit) + 27 * (q1 + q2 - 2 * limit**2)
        error = np.sqrt(variance / (m * n))
        assert abs(limit - found.value) == pytest.approx(1.959964 * error, abs=1e-6)


@pytest.mark.parametrize("separation", [0.0, 1.0, 3.0])
def test_the_interval_of_the_area_holds_the_truth_as_often_as_it_says(separation: float) -> None:
    rng = np.random.default_rng(1)
    edges = np.linspace(-8, 11, 400)
    found = []
    for _ in range(400):
        sides = rng.normal(separation, 1, 40), rng.normal(0, 1, 160)
        found.append(roc_auc(*(np.histogram(s, edges)[0].astype(float) for s in sides)))
    truth = norm.cdf(separation / np.sqrt(2))
    assert 0.93 <= np.mean([one.low <= truth <= one.high for one in found]) <= 0.99


@given(st.integers(0, 2**32 - 1))
def test_binned_areas_are_within_their_bound(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, scores = rng.integers(0, 2, 50), rng.random(50)
    labels[:2] = 0, 1
    bins = (scores * N_BINS).astype(int)
    sides = [np.bincount(bins[labels == y], minlength=N_BINS).astype(float) for y in (1, 0)]
    error = abs(roc_auc(*sides).value - roc_auc_score(labels, scores))
    assert error <= roc_auc_error_bound(*sides) + 1e-12


def test_a_bin_of_many_scores_is_taken_for_evenly_mixed() -> None:
    rng = np.random.default_rng(2)
    positives, negatives = np.array([300.0, 900, 2_700]), np.array([9_000.0, 3_000, 900])
    n = np.concatenate([positives, negatives]).astype(int)
    labels, bins = np.repeat(np.repeat([1, 0], 3), n), np.repeat(np.tile(np.arange(3), 2), n)
    exact = average_precision_score(labels, bins + rng.random(len(bins)))
    mixed = mean_precision(positives, negatives, tied=np.zeros(3, dtype=bool))
    assert float(mixed) == pytest.approx(exact, abs=2e-3)


def test_means_over_classes_leave_out_what_is_not_known() -> None:
    known, unknown = Estimate(0.5, 0.4, 0.6), undefined("why")
    assert macro([unknown, known]) == known
    assert macro([unknown, unknown]).reason == "why"
    assert macro([known, Estimate(0.7, 0.6, 0.8)]).value == pytest.approx(0.6)


def test_pairs_that_do_not_exist_have_no_bound() -> None:
    assert np.isnan(roc_auc_error_bound(np.zeros(2), np.ones(2)))
