import numpy as np
import pytest
from scipy import stats

from detectors.performance import serving
from detectors.served import N_SLOTS, RELATIVE_ERROR, slot_of


def test_the_share_of_errors_has_wilsons_interval() -> None:
    told = serving(np.bincount([slot_of(s, 0.1) for s in 90 * [200] + 7 * [500] + 3 * [422]]))
    assert told is not None
    assert (told.n_requests, told.n_refused, told.n_failed) == (100, 3, 7)
    exact = stats.binomtest(10, 100).proportion_ci(0.95, method="wilson")
    assert told.error_interval == pytest.approx((exact.low, exact.high))


def test_a_quantile_s_interval_holds_the_law_s_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    law = stats.lognorm(0.6, scale=0.05)
    held = 0
    for _ in range(300):
        slots = [slot_of(200, one) for one in law.rvs(400, random_state=rng).tolist()]
        told = serving(np.bincount(slots, minlength=N_SLOTS))
        assert told is not None
        low, high = told.latency_intervals_s["0.95"]
        held += low * (1 - RELATIVE_ERROR) <= law.ppf(0.95) <= high * (1 + RELATIVE_ERROR)
    assert held >= 300 * 0.92  # of 95 % and more, for edges are wide: 2.4 standard errors below


def test_requests_that_all_failed_have_no_latencies() -> None:
    told = serving(np.bincount([slot_of(500, 0.1)], minlength=N_SLOTS))
    assert told is not None
    assert (told.error_share, told.latencies_s) == (1.0, {})


def test_where_no_proxy_saw_requests_nothing_is_told() -> None:
    assert serving(np.zeros(N_SLOTS, dtype=np.int64)) is None
