import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import eval_legendre

from detectors.bins.ranks import rank_polynomials

bins = st.lists(st.integers(0, 1000), min_size=1, max_size=40).filter(any)


@given(bins)
def test_rank_polynomials_are_orthonormal_over_the_references_rows(counts: list[int]) -> None:
    scores = rank_polynomials(np.array(counts), degree=4)
    masses = np.array(counts) / sum(counts)
    with_constant = np.column_stack([np.ones(len(counts)), scores])
    gram = with_constant.T @ (masses[:, np.newaxis] * with_constant)
    np.testing.assert_allclose(gram, np.eye(gram.shape[0]), atol=1e-6)
    assert scores.shape[1] <= max(0, np.count_nonzero(counts) - 1)


def test_with_many_even_bins_they_are_legendres_polynomials() -> None:
    scores = rank_polynomials(np.full(2_000, 5), degree=4)
    u = (np.arange(2_000) + 0.5) / 2_000
    for k in range(1, 5):
        expected = np.sqrt(2 * k + 1) * eval_legendre(k, 2 * u - 1)
        np.testing.assert_allclose(scores[:, k - 1], expected, atol=1e-4)


def test_a_column_of_two_values_has_only_a_location() -> None:
    assert rank_polynomials(np.array([0, 30, 70, 0]), degree=4).shape == (4, 1)


def test_no_reference_values_bear_no_polynomials() -> None:
    assert rank_polynomials(np.zeros(4, np.int64), degree=4).shape == (4, 0)
