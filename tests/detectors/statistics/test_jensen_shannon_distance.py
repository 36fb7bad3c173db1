import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from detectors.statistics import jensen_shannon_distance

counts = st.lists(st.integers(0, 50), min_size=6, max_size=6).filter(any)


@given(counts, counts)
def test_the_distance_is_scipys_in_base_2(a: list[int], b: list[int]) -> None:
    # The square root makes 1e-8 of the rounding errors of a divergence that is zero.
    expected = jensenshannon(a, b, base=2)
    assert jensen_shannon_distance(a, b) == pytest.approx(expected, abs=5e-8)


def test_distributions_without_a_common_bin_are_at_distance_one() -> None:
    assert jensen_shannon_distance([3, 0], [0, 5]) == 1.0
