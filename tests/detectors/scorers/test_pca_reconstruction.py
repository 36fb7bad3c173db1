import numpy as np
from sklearn.decomposition import PCA

from detectors.scorers.pca_reconstruction import PcaReconstruction
from tests.detectors.scorers.numbers import columns_of, placed, standardised


def planar(n: int, seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(n, 6) close to a plane."""
    rng = np.random.default_rng(seed)
    axes = np.random.default_rng(99).normal(size=(2, 6))
    return rng.normal(size=(n, 2)) @ axes + rng.normal(0, 0.1, (n, 6))


REFERENCE, NEW = planar(2_000, seed=0), planar(50, seed=1)
COLUMNS = columns_of(REFERENCE)


def fitted() -> PcaReconstruction:
    rng = np.random.default_rng(0)
    return PcaReconstruction.fit(placed(REFERENCE, COLUMNS), COLUMNS, rng=rng)


def test_the_score_is_the_squared_error_of_scikit_learns_reconstruction() -> None:
    z, new = standardised(REFERENCE, REFERENCE), standardised(NEW, REFERENCE)
    explained = np.cumsum(PCA().fit(z).explained_variance_ratio_)
    model = PCA(n_components=int(np.count_nonzero(explained <= 0.9))).fit(z)
    residual = new - model.inverse_transform(model.transform(new))
    known = (residual**2).sum(axis=1)
    np.testing.assert_allclose(fitted().score(placed(NEW, COLUMNS)), known, rtol=0.02, atol=0.02)


def test_a_column_that_leaves_the_plane_is_named() -> None:
    off = NEW.copy()
    off[:, 3] += 4 * REFERENCE[:, 3].std()
    assert (fitted().contributions(placed(off, COLUMNS)).argmax(axis=1) == 3).mean() > 0.9


def test_where_no_component_explains_much_the_distance_to_the_rest_counts() -> None:
    x = np.random.default_rng(0).normal(size=(500, 1))
    columns = columns_of(x)
    scorer = PcaReconstruction.fit(placed(x, columns), columns, rng=np.random.default_rng(0))
    new = np.array([[-2.0], [0.0], [5.0]])
    known = standardised(new, x)[:, 0] ** 2
    np.testing.assert_allclose(scorer.score(placed(new, columns)), known, atol=0.1)
