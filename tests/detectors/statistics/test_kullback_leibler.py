import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from detectors.statistics import kullback_leibler, population_stability_index

counts = st.lists(st.integers(0, 50), min_size=6, max_size=6).filter(any)


@given(counts, counts)
def test_the_divergence_is_scipys_of_the_window_from_the_reference(
    a: list[int], b: list[int]
) -> None:
    expected = entropy(np.array(b) + 0.5, np.array(a) + 0.5)
    assert kullback_leibler(a, b) == pytest.approx(expected, abs=1e-12)


@given(counts, counts)
def test_both_ways_together_are_the_population_stability_index(a: list[int], b: list[int]) -> None:
    both = kullback_leibler(a, b) + kullback_leibler(b, a)
    assert both == pytest.approx(population_stability_index(a, b), abs=1e-12)


def test_without_a_pseudocount_what_was_never_seen_is_infinitely_surprising() -> None:
    assert kullback_leibler([5, 0], [4, 1], pseudocount=0) == np.inf
    assert kullback_leibler([4, 1], [5, 0], pseudocount=0) == pytest.approx(np.log(5 / 4))
