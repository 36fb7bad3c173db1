import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import chebyshev as scipys

from detectors.statistics import chebyshev

counts = st.lists(st.integers(0, 50), min_size=6, max_size=6).filter(any)


@given(counts, counts)
def test_the_distance_is_scipys_of_the_shares(a: list[int], b: list[int]) -> None:
    expected = scipys([x / sum(a) for x in a], [x / sum(b) for x in b])
    assert chebyshev(a, b) == pytest.approx(expected, abs=1e-12)


def test_it_is_the_largest_change_of_one_share() -> None:
    assert chebyshev([50, 50, 0], [40, 30, 30]) == pytest.approx(0.3)
