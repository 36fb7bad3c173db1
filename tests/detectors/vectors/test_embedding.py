import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.decomposition import PCA

from detectors.artifact import pack, unpack
from detectors.columns import Floats
from detectors.vectors.embedding import (
    N_COMPONENTS,
    N_FREQUENCIES,
    N_PLANE,
    SMALLEST_SHARE,
    Embedding,
)
from tests.detectors.vectors.makers import features_of, vectors


def fitted(rows: Floats, seed: int = 0) -> Embedding:
    return Embedding.fit(rows, rng=np.random.default_rng(seed))


def anything(d: int) -> st.SearchStrategy[Floats]:
    numbers = st.floats(width=32) | st.sampled_from([0.0, 1.0, 2.0, 3e38, -3e38, np.nan, np.inf])
    return st.integers(0, 30).flatmap(lambda n: arrays(np.float32, (n, d), elements=numbers))


@pytest.mark.parametrize("d", [1, 2, 7, 40])
def test_components_are_scikit_learns(d: int) -> None:
    rows = 3 + vectors(500, d, seed=1)
    embedding = fitted(rows)
    model = PCA(n_components=min(d, N_COMPONENTS)).fit(rows)
    found, expected = embedding.measure(rows).components, model.transform(rows)
    found = found - found.mean(axis=0)
    assert embedding.k == expected.shape[1]
    signs = np.sign((found * expected).sum(axis=0))
    np.testing.assert_allclose(found[:, :5], (expected * signs)[:, :5], atol=0.02)
    np.testing.assert_allclose(embedding.scales, expected.std(axis=0, ddof=1), rtol=1e-3)


def test_few_vectors_of_many_dimensions_have_as_many_components_as_they_span() -> None:
    rows = vectors(10, 300, seed=1)
    embedding = fitted(rows)
    assert embedding.k == 9
    found = embedding.measure(rows).components
    expected = np.abs(PCA(n_components=9).fit_transform(rows))
    np.testing.assert_allclose(np.abs(found - found.mean(axis=0)), expected, atol=0.05)


def test_norm_and_residual_are_lengths() -> None:
    rows = 3 + vectors(500, 12, seed=1)
    measured = fitted(rows).measure(rows)
    centred = rows - np.median(rows, axis=0)
    plane = PCA(n_components=N_PLANE).fit(rows).components_
    beyond = centred - centred @ plane.T @ plane
    np.testing.assert_allclose(measured.norm, np.linalg.norm(rows, axis=1), rtol=1e-3)
    np.testing.assert_allclose(measured.residual, np.linalg.norm(beyond, axis=1), atol=1e-2)


def test_vectors_of_length_one_all_have_length_one() -> None:
    rows = vectors(300, 64, seed=1)
    unit = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    measured = fitted(unit[:200]).measure(unit[200:])
    assert len(np.unique(measured.norm)) == 1
    assert measured.norm[0] == pytest.approx(1.0, rel=1e-3)


def test_moments_of_the_sums_are_those_of_the_components() -> None:
    rows = vectors(400, 5, seed=1)
    embedding = fitted(rows)
    measured = embedding.measure(rows[:150])
    found = embedding.moments(measured.sums)
    assert found.n == 150
    np.testing.assert_allclose(found.mean, measured.components.mean(axis=0), atol=1e-2)
    expected = np.cov(measured.components.T)
    np.testing.assert_allclose(found.covariance, expected, atol=1e-2)


def test_fourier_sums_are_those_of_the_features() -> None:
    rows = vectors(300, 4, seed=1)
    embedding = fitted(rows)
    found = embedding.fourier(embedding.measure(rows).sums)
    true_frequencies = embedding.frequencies / 2**13 / embedding.unit
    expected = features_of(rows - embedding.centre, true_frequencies).sum(axis=0)
    assert found.n == 300
    np.testing.assert_allclose(found.sums, expected, atol=0.05)


def test_frequencies_spread_as_one_over_the_median_distance() -> None:
    rows = vectors(400, 10, seed=1)
    embedding = fitted(rows)
    distances = np.linalg.norm(rows[:200] - rows[200:], axis=1)
    spread = (embedding.frequencies / 2**13 / embedding.unit).std()
    assert spread == pytest.approx(1 / np.median(distances), rel=0.1)


def test_eigenvalues_are_those_of_the_features_covariance() -> None:
    rows = vectors(400, 3, seed=1)
    embedding = fitted(rows)
    features = features_of(
        rows - embedding.centre, embedding.frequencies / 2**13 / embedding.unit
    ) / np.sqrt(N_FREQUENCIES)
    expected = np.linalg.eigvalsh(np.cov(features.T))
    np.testing.assert_allclose(embedding.eigenvalues, expected, atol=1e-3)


@given(reference=anything(3), rows=anything(3), cut=st.integers(0, 30))
def test_whatever_comes_what_parts_say_adds_up_to_what_the_whole_says(
    reference: Floats, rows: Floats, cut: int
) -> None:
    embedding = fitted(reference)
    left, right = embedding.measure(rows[:cut]), embedding.measure(rows[cut:])
    whole = embedding.measure(rows)
    np.testing.assert_array_equal(left.sums + right.sums, whole.sums)
    for name in ("norm", "components", "residual"):
        parts = [getattr(left, name), getattr(right, name)]
        np.testing.assert_array_equal(np.concatenate(parts), getattr(whole, name))


@given(reference=anything(2), rows=anything(2))
def test_missing_rows_are_missing_and_no_others(reference: Floats, rows: Floats) -> None:
    measured = fitted(reference).measure(rows)
    present = np.isfinite(rows).all(axis=1)
    np.testing.assert_array_equal(np.isfinite(measured.norm), present)
    np.testing.assert_array_equal(np.isfinite(measured.residual), present)
    assert measured.sums[0] == np.count_nonzero(present)


@given(reference=anything(3), rows=anything(3))
def test_sums_of_rows_are_possible_and_larger_ones_are_not(reference: Floats, rows: Floats) -> None:
    embedding = fitted(reference)
    sums = embedding.measure(rows).sums
    assert embedding.could_sum_to(sums, n=len(rows))
    assert not embedding.could_sum_to(sums, n=int(sums[0]) - 1)
    for i in range(1, len(sums), 7):
        impossible = sums.copy()
        impossible[i] = (int(sums[0]) + 1) * 2**40
        assert not embedding.could_sum_to(impossible, n=len(rows))


@given(reference=anything(4))
def test_it_comes_back_from_its_artifact(reference: Floats) -> None:
    embedding = fitted(reference)
    content = pack("test", embedding.to_artifact())
    read = Embedding.from_artifact(unpack("test", content))
    assert pack("test", read.to_artifact()) == content
    np.testing.assert_array_equal(read.measure(reference).sums, embedding.measure(reference).sums)


@pytest.mark.parametrize("name", ["centre", "directions", "scales", "frequencies", "eigenvalues"])
def test_a_damaged_artifact_is_refused(name: str) -> None:
    artifact = fitted(vectors(50, 3, seed=1)).to_artifact()
    damaged = {**artifact.arrays, name: artifact.arrays[name][:-1]}
    with pytest.raises(ValueError, match="embedding"):
        Embedding.from_artifact(type(artifact)(artifact.meta, damaged))


def test_constant_vectors_have_no_components() -> None:
    embedding = fitted(np.full((20, 3), 7.0))
    assert embedding.k == 0
    assert embedding.measure(np.full((4, 3), 8.0)).residual == pytest.approx(np.sqrt(3), rel=1e-3)


def test_rounding_is_no_component() -> None:
    rows = vectors(100, 3, seed=1)
    rows[:, 2] *= SMALLEST_SHARE / 100
    assert fitted(rows).k == 2


def test_one_wild_vector_moves_no_other() -> None:
    rows = vectors(500, 4, seed=1)
    wild = rows.copy()
    wild[0] = 1e38
    calm, disturbed = fitted(rows[1:]), fitted(wild)
    assert disturbed.unit == calm.unit
    np.testing.assert_allclose(disturbed.centre, calm.centre, atol=0.05)
