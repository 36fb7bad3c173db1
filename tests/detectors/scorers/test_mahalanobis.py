import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from detectors.scorers.mahalanobis import Mahalanobis, shrunken_covariance
from tests.detectors.scorers.numbers import columns_of, correlated, placed, standardised

REFERENCE, NEW = correlated(2_000, seed=0), correlated(50, seed=1)
COLUMNS = columns_of(REFERENCE)


def fitted() -> Mahalanobis:
    rng = np.random.default_rng(0)
    return Mahalanobis.fit(placed(REFERENCE, COLUMNS), COLUMNS, rng=rng)


@pytest.mark.parametrize("n", [3, 30, 3_000])
def test_the_covariance_is_that_of_ledoit_and_wolf(n: int) -> None:
    x = np.rint(np.random.default_rng(0).normal(size=(n, 4)) * 256) / 256
    known = LedoitWolf(assume_centered=True).fit(x).covariance_
    np.testing.assert_allclose(shrunken_covariance(x.T), known, rtol=1e-6)


def test_the_score_is_the_squared_distance_that_scikit_learn_computes() -> None:
    model = LedoitWolf().fit(standardised(REFERENCE, REFERENCE))
    known = model.mahalanobis(standardised(NEW, REFERENCE))
    np.testing.assert_allclose(fitted().score(placed(NEW, COLUMNS)), known, rtol=0.02, atol=0.02)


def test_a_row_off_the_line_is_found_and_the_columns_named() -> None:
    off = REFERENCE[:100].copy()
    off[:, 4] = off[::-1, 4]
    scorer = fitted()
    assert np.median(scorer.score(placed(off, COLUMNS))) > 5 * np.median(
        scorer.score(placed(REFERENCE, COLUMNS))
    )
    assert scorer.contributions(placed(off, COLUMNS)).mean(axis=0).argmax() == 4


def test_equal_columns_are_no_singularity() -> None:
    x = np.repeat(np.random.default_rng(0).normal(size=(500, 1)), 3, axis=1)
    columns = columns_of(x)
    scorer = Mahalanobis.fit(placed(x, columns), columns, rng=np.random.default_rng(0))
    assert scorer.score(placed(x, columns)).mean() == pytest.approx(1.0, rel=0.05)
    assert scorer.score(placed(np.array([[1.0, 1.0, -1.0]]), columns))[0] > 300
