import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from detectors.columns import Floats
from detectors.decision.components import Measurement
from detectors.decision.correlation import RankMoments, RankScores
from detectors.decision.groups import Groups, clusters


def similarity(seed: int, n: int) -> Floats:
    half = np.triu(np.random.default_rng(seed).random((n, n)), 1)
    full: Floats = half + half.T + np.eye(n)
    return full


@given(st.integers(0, 10_000), st.integers(1, 12), st.floats(0.2, 0.8))
def test_clusters_are_those_of_scipys_average_linkage(seed: int, n: int, least: float) -> None:
    alike = similarity(seed, n)
    found = {tuple(of.tolist()) for of in clusters(alike, least=least)}
    expected = set()
    if n > 1:
        distances = squareform(1 - alike, checks=False)
        label = fcluster(linkage(distances, "average"), 1 - least, criterion="distance")
        members = [np.flatnonzero(label == one) for one in np.unique(label)]
        expected = {tuple(of.tolist()) for of in members if len(of) > 1}
    assert found == expected


def ranks_of(n: int) -> RankScores:
    first, second = np.triu_indices(n, 1)
    return RankScores(
        columns=np.arange(n),
        first=first,
        second=second,
        scores=np.empty(0),
        starts=np.empty(0, dtype=np.intp),
    )


def block(signs: Floats, r: float) -> Floats:
    """(n_pairs,) of columns correlated by r, some of them reversed."""
    first, second = np.triu_indices(signs.size, 1)
    pairs: Floats = r * signs[first] * signs[second]
    return pairs


SIGNS = np.array([1.0, -1.0, 1.0, 1.0])


def test_columns_that_run_against_one_another_are_a_group_too() -> None:
    groups = Groups.of(ranks_of(4), block(SIGNS, 0.5))
    np.testing.assert_array_equal(np.abs(groups.signs @ SIGNS), [4.0])
    np.testing.assert_allclose(groups.variance, 4 + 12 * 0.5)


def test_two_columns_and_unrelated_ones_are_no_group() -> None:
    assert Groups.of(ranks_of(2), np.array([0.9])).signs.shape == (0, 2)
    assert Groups.of(ranks_of(4), np.zeros(6)).signs.shape == (0, 4)


def test_a_groups_location_is_its_signed_sum_in_standard_deviations() -> None:
    rng = np.random.default_rng(1)
    groups = Groups.of(ranks_of(4), block(SIGNS, 0.5))
    rows = (np.sqrt(0.5) * rng.normal(size=(1_000_000, 1))) + np.sqrt(0.5) * rng.normal(
        size=(1_000_000, 4)
    )
    windows = (rows * SIGNS).reshape(1_000, 1_000, 4).mean(axis=1)
    found = groups.locations(Measurement(windows, np.full(windows.shape, 1_000.0)))
    np.testing.assert_allclose(found.n, 1_000)
    assert found.values.var() * 1_000 == pytest.approx(1, rel=0.15)


def test_a_groups_spread_has_row_noise_of_one_over_the_rows() -> None:
    rng = np.random.default_rng(2)
    groups = Groups.of(ranks_of(4), block(SIGNS, 0.5))
    spreads = []
    for _ in range(500):
        rows = np.sqrt(0.5) * (rng.normal(size=(400, 1)) + rng.normal(size=(400, 4))) * SIGNS
        covariance = np.cov(rows.T, bias=True)
        moments = RankMoments(
            np.diag(covariance), covariance[np.triu_indices(4, 1)], np.array(400.0)
        )
        spreads.append(groups.spreads(moments).values[0])
    assert np.var(spreads) * 400 == pytest.approx(1, rel=0.2)


def test_a_group_one_of_whose_columns_has_no_values_is_not_measured() -> None:
    groups = Groups.of(ranks_of(4), block(SIGNS, 0.5))
    columns = Measurement(np.array([0.1, 0.1, np.nan, 0.1]), np.array([9.0, 9.0, 0.0, 9.0]))
    found = groups.locations(columns)
    assert found.n.tolist() == [0.0]
    assert np.isnan(found.values).all()
