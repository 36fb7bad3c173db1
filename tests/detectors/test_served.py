import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.served import (
    EDGES_S,
    FAILED,
    FIRST_LATENCY,
    N_SLOTS,
    REFUSED,
    RELATIVE_ERROR,
    quantile_s,
    slot_of,
)

LATENCIES_S = st.lists(st.floats(EDGES_S[0], EDGES_S[-1], exclude_max=True), min_size=1)


@pytest.mark.parametrize(
    ("status", "slot"),
    [(400, REFUSED), (499, REFUSED), (500, FAILED), (504, FAILED), (204, FAILED), (302, FAILED)],
)
def test_what_is_no_answer_is_counted_by_whose_doing_it_may_be(status: int, slot: int) -> None:
    assert slot_of(status, 0.1) == slot


@given(LATENCIES_S, st.floats(0, 1))
def test_a_quantile_is_that_of_the_sorted_latencies_to_its_bound(
    latencies_s: list[float], p: float
) -> None:
    counts = np.bincount([slot_of(200, one) for one in latencies_s], minlength=N_SLOTS)
    place = max(int(np.ceil(p * len(latencies_s))), 1)
    exact = sorted(latencies_s)[place - 1]
    assert quantile_s(counts[FIRST_LATENCY:], p) == pytest.approx(exact, rel=RELATIVE_ERROR)


@pytest.mark.parametrize(("latency_s", "told_s"), [(0.0, EDGES_S[0]), (1e4, EDGES_S[-1])])
def test_beyond_the_edges_a_latency_is_the_edge(latency_s: float, told_s: float) -> None:
    counts = np.bincount([slot_of(200, latency_s)], minlength=N_SLOTS)
    assert quantile_s(counts[FIRST_LATENCY:], 0.5) == told_s
