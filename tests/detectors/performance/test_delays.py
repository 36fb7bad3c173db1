import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.performance.delays import delays
from detectors.profile.profiles import DELAYS_S


def counts_of(delays_s: list[float]) -> np.ndarray:
    """As `count_labels` counts them, by a slow definition."""
    counts = np.zeros(len(DELAYS_S) + 1, dtype=np.int64)
    for delay in delays_s:
        counts[sum(delay >= edge for edge in DELAYS_S)] += 1
    return counts


def test_without_labels_nothing_is_known() -> None:
    assert delays(counts_of([])) is None


@given(st.lists(st.floats(0, 28 * 86_400.0), min_size=1, max_size=50))
def test_both_lie_between_the_edges_around_the_true_ones(delays_s: list[float]) -> None:
    found = delays(counts_of(delays_s))
    assert found is not None
    edges = np.array([0.0, *DELAYS_S])
    for told, q in zip(found, (0.5, 0.9), strict=True):
        low = float(np.quantile(delays_s, q, method="inverted_cdf"))
        high = float(np.quantile(delays_s, q, method="higher"))
        below = int(np.searchsorted(edges, low, side="right")) - 1
        above = min(int(np.searchsorted(edges, high, side="right")), len(edges) - 1)
        assert edges[below] <= told <= edges[above]


def test_many_weeks_are_told_as_the_last_edge() -> None:
    assert delays(counts_of([1e9] * 3)) == pytest.approx((DELAYS_S[-1], DELAYS_S[-1]))
