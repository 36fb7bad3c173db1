import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from detectors.scorers.nearest_neighbours import N_NEIGHBOURS, NearestNeighbours
from tests.detectors.scorers.numbers import columns_of, correlated, placed, standardised


def fitted(n: int) -> NearestNeighbours:
    reference = correlated(n, seed=0)
    columns = columns_of(reference)
    rng = np.random.default_rng(0)
    return NearestNeighbours.fit(placed(reference, columns), columns, rng=rng)


@pytest.mark.parametrize("n", [3, 5, 79, 80, 500, 3_000])
def test_the_score_is_the_mean_squared_distance_that_scikit_learn_finds(n: int) -> None:
    reference, new = correlated(n, seed=0), correlated(400, seed=1)
    scorer = fitted(n)
    model = NearestNeighbors(n_neighbors=min(N_NEIGHBOURS, n)).fit(scorer.sample.T)
    distances, _ = model.kneighbors(standardised(new, reference).clip(-127.99, 127.99))
    found = scorer.score(placed(new, columns_of(reference)))
    np.testing.assert_allclose(found, (distances**2).mean(axis=1), rtol=1e-5, atol=1e-3)


def test_a_reference_is_represented_by_a_sample_of_its_rows() -> None:
    reference = correlated(3_000, seed=0)
    sample = fitted(3_000).sample.T
    assert sample.shape == (1_024, 5)
    rows = {tuple(row) for row in standardised(reference, reference).tolist()}
    assert all(tuple(row) in rows for row in sample.tolist())


def test_a_point_in_a_gap_is_farther_than_one_in_a_cluster() -> None:
    rng = np.random.default_rng(0)
    clusters = np.concatenate([rng.normal(-9, 1, (500, 2)), rng.normal(9, 1, (500, 2))])
    columns = columns_of(clusters)
    scorer = NearestNeighbours.fit(placed(clusters, columns), columns, rng=rng)
    gap, cluster = scorer.score(placed(np.array([[0.0, 0.0], [9.0, 9.0]]), columns))
    assert gap > 100 * cluster
