import numpy as np
import pytest
from scipy.linalg import sqrtm

from detectors.vectors.frechet_distance import frechet_distance
from detectors.vectors.sums import VectorMoments
from tests.detectors.vectors.makers import moments_of, vectors


def test_it_is_dowson_and_landaus() -> None:
    a, b = (
        moments_of(vectors(50, 4, seed=1)),
        moments_of(vectors(70, 4, seed=2, shift=0.5, scale=2)),
    )
    cross = sqrtm(a.covariance @ b.covariance).real
    squared = ((a.mean - b.mean) ** 2).sum() + np.trace(a.covariance + b.covariance - 2 * cross)
    assert frechet_distance(a, b) == pytest.approx(np.sqrt(squared))


def test_of_one_dimension_it_is_the_distance_of_mean_and_deviation() -> None:
    a = VectorMoments(n=10, mean=np.array([1.0]), covariance=np.array([[4.0]]))
    b = VectorMoments(n=10, mean=np.array([4.0]), covariance=np.array([[36.0]]))
    assert frechet_distance(a, b) == pytest.approx(5.0)


def test_directions_that_do_not_vary_are_none_the_worse() -> None:
    flat = np.diag([1.0, 0.0])
    a = VectorMoments(n=10, mean=np.zeros(2), covariance=flat)
    b = VectorMoments(n=10, mean=np.array([0.0, 3.0]), covariance=flat)
    assert frechet_distance(a, b) == pytest.approx(3.0)


def test_of_a_projection_it_is_no_larger() -> None:
    x, y = vectors(50, 6, seed=1), vectors(70, 6, seed=2, shift=0.5)
    fewer = frechet_distance(moments_of(x[:, :3]), moments_of(y[:, :3]))
    assert fewer <= frechet_distance(moments_of(x), moments_of(y))
