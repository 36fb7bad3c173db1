import numpy as np
import pytest
from scipy.stats import kstest, multivariate_normal, spearmanr

from detectors.columns import Floats
from detectors.decision.cohort import FEWEST_WINDOWS, Cohort
from detectors.decision.correlation import RankScores

N_COLUMNS, N_ROWS = 12, 400
CORRELATION = np.full((N_COLUMNS, N_COLUMNS), 0.3) + 0.7 * np.eye(N_COLUMNS)
FIRST, SECOND = np.triu_indices(N_COLUMNS, 1)
# Spearman's of a normal pair.
R = 6 / np.pi * np.arcsin(CORRELATION[FIRST, SECOND] / 2)

RANKS = RankScores(
    columns=np.arange(N_COLUMNS),
    first=FIRST,
    second=SECOND,
    scores=np.empty(0),
    starts=np.empty(0, dtype=np.intp),
)


def correlations(rng: np.random.Generator, *, share: float = 0.0) -> Floats:
    """(n_pairs,) normal scores of a window, a share of whose rows moved by 1 in 6 columns."""
    rows = multivariate_normal(cov=CORRELATION).rvs(N_ROWS, random_state=rng)
    rows[rng.random(N_ROWS) < share, :6] += 1
    z = np.arctanh(np.asarray(spearmanr(rows).statistic)[FIRST, SECOND]) - np.arctanh(R)
    scores: Floats = z * np.sqrt((N_ROWS - 3) / (1 + R**2 / 2))
    return scores


def fitted(rng: np.random.Generator, n_windows: int = 30) -> Cohort:
    locations = rng.normal(size=(n_windows, N_COLUMNS))
    pairs = np.array([correlations(rng) for _ in range(n_windows)])
    cohort = Cohort.fit(RANKS, R, locations, pairs)
    assert cohort is not None
    return cohort


def test_whatever_the_direction_quiet_windows_score_standard_normally() -> None:
    rng = np.random.default_rng(1)
    cohort, direction = fitted(rng), 2.5 * rng.normal(size=N_COLUMNS)
    scores = [cohort.score(direction, correlations(rng)) for _ in range(300)]
    assert np.std(scores) <= 1.1
    assert kstest(np.array(scores) / np.std(scores), "norm").pvalue > 0.01


def test_columns_that_moved_together_are_seen_in_the_direction_of_their_move() -> None:
    rng = np.random.default_rng(2)
    cohort, moved = fitted(rng), np.repeat([3.0, 0.0], 6)
    scores = [cohort.score(moved, correlations(rng, share=0.2)) for _ in range(50)]
    elsewhere = [cohort.score(moved[::-1], correlations(rng, share=0.2)) for _ in range(50)]
    assert np.mean(scores) > 3
    assert np.mean(elsewhere) < 1


def test_windows_whose_correlations_vary_more_than_rows_explain_are_scaled_down() -> None:
    rng = np.random.default_rng(3)
    locations = 2.5 * rng.normal(size=(30, N_COLUMNS))
    steady = np.array([correlations(rng) for _ in range(30)])
    restless = Cohort.fit(RANKS, R, locations, 3 * steady)
    assert restless is not None
    assert restless.scale == pytest.approx(3, rel=0.4)


def test_without_enough_windows_or_pairs_there_is_none() -> None:
    few = np.zeros((FEWEST_WINDOWS - 1, N_COLUMNS)), np.zeros((FEWEST_WINDOWS - 1, R.size))
    assert Cohort.fit(RANKS, R, *few) is None
    none = RankScores(
        columns=np.arange(0),
        first=np.arange(0),
        second=np.arange(0),
        scores=np.empty(0),
        starts=np.empty(0, dtype=np.intp),
    )
    assert Cohort.fit(none, np.empty(0), np.zeros((30, 0)), np.zeros((30, 0))) is None


def test_nothing_that_moved_or_nothing_known_says_nothing() -> None:
    cohort = fitted(np.random.default_rng(4))
    assert cohort.score(np.zeros(N_COLUMNS), np.full(R.size, 3.0)) == 0
    assert cohort.score(np.full(N_COLUMNS, 3.0), np.full(R.size, np.nan)) == 0
