import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.statistics import hellinger

counts = st.lists(st.integers(0, 50), min_size=6, max_size=6).filter(any)


@given(counts, counts)
def test_its_square_is_what_the_overlap_lacks_of_one(a: list[int], b: list[int]) -> None:
    overlap = sum(np.sqrt(x / sum(a) * y / sum(b)) for x, y in zip(a, b, strict=True))
    assert hellinger(a, b) ** 2 == pytest.approx(1 - overlap, abs=1e-12)


def test_distributions_without_a_common_bin_are_at_distance_one() -> None:
    assert hellinger([3, 0], [0, 5]) == 1.0
