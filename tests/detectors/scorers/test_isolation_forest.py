import numpy as np
import pytest
from sklearn import ensemble
from sklearn.ensemble._iforest import _average_path_length

from detectors.scorers.coordinates import STEPS
from detectors.scorers.isolation_forest import N_SAMPLE, IsolationForest, mean_path_length
from tests.detectors.scorers.numbers import columns_of, correlated, placed

REFERENCE, NEW = correlated(1_000, seed=0), correlated(300, seed=1)
COLUMNS = columns_of(REFERENCE)


def fitted(seed: int = 0) -> IsolationForest:
    rng = np.random.default_rng(seed)
    return IsolationForest.fit(placed(REFERENCE, COLUMNS), COLUMNS, rng=rng)


def test_path_lengths_are_those_of_scikit_learn() -> None:
    n = np.arange(0, 300)
    np.testing.assert_allclose(mean_path_length(n), _average_path_length(n))


@pytest.mark.parametrize("n_rows", [1, 300])
def test_the_score_is_scikit_learns_on_another_scale(n_rows: int) -> None:
    scorer = fitted()
    seed = int(np.random.default_rng(0).integers(2**31))
    model = ensemble.IsolationForest(max_samples=N_SAMPLE, random_state=seed)
    steps = [scorer.coordinates.of(placed(rows, COLUMNS)).T * STEPS for rows in (REFERENCE, NEW)]
    paths = -np.log2(-model.fit(steps[0]).score_samples(steps[1][:n_rows]))
    found = scorer.score(placed(NEW[:n_rows], COLUMNS))
    np.testing.assert_allclose(found - found[0], paths[0] - paths, rtol=1e-6, atol=1e-6)


def test_rows_of_the_reference_score_zero_on_average() -> None:
    assert fitted().score(placed(REFERENCE, COLUMNS)).mean() == pytest.approx(0.0, abs=0.02)


def test_the_column_that_sets_a_row_apart_is_named() -> None:
    apart = REFERENCE[:100].copy()
    apart[:, 2] = 40.0
    assert (fitted().contributions(placed(apart, COLUMNS)).argmax(axis=1) == 2).mean() > 0.95
