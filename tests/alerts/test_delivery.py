"""Outcomes and the ladder, against the tables of Standard Webhooks and RFC 9110."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.delivery import (
    DISABLE_AFTER_FAILURES,
    DISABLE_AFTER_S,
    JITTER,
    LADDER_S,
    MAX_RETRY_AFTER_S,
    Outcome,
    Result,
    State,
    Step,
    after,
    is_to_be_disabled,
    of_status,
)

NOW = 1_800_000_000.0
RETRY = Outcome(result=Result.RETRY, detail="")


def test_the_ladder_is_the_standard_s_and_takes_more_than_three_days() -> None:
    assert list(LADDER_S) == [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert sum(LADDER_S) > 3 * 86_400


def retried(n: int, outcome: Outcome = RETRY, *, repeat_s: float | None = None) -> Step:
    return after(outcome, n, now=NOW, random=lambda: 0.0, repeat_s=repeat_s)


def test_waits_follow_the_ladder_and_then_end() -> None:
    steps = [retried(n) for n in range(1, 11)]
    assert steps[:-1] == [Step(State.PENDING, NOW + wait) for wait in LADDER_S]
    assert steps[-1] == Step(State.EXHAUSTED)


@given(st.integers(1, len(LADDER_S)), st.floats(0, 1, exclude_max=True))
def test_jitter_only_lengthens_and_only_a_little(n: int, draw: float) -> None:
    at = after(RETRY, n, now=0.0, random=lambda: draw).at
    assert at is not None
    assert LADDER_S[n - 1] <= at <= LADDER_S[n - 1] * (1 + JITTER)


@pytest.mark.parametrize(
    ("result", "state"),
    [
        (Result.DELIVERED, State.DELIVERED),
        (Result.FAILED, State.FAILED),
        (Result.GONE, State.GONE),
    ],
)
def test_what_is_settled_is_not_tried_again(result: Result, state: State) -> None:
    assert retried(1, Outcome(result=result, detail="")) == Step(state)


def test_an_endpoint_that_asks_for_time_gets_it() -> None:
    patient = of_status(429, "120", now=NOW)
    assert patient.retry_after_s == 120
    assert retried(1, patient).at == NOW + 120
    assert retried(2, patient).at == NOW + 300
    assert retried(1, patient, repeat_s=60).at == NOW + 120


def test_one_that_forgets_is_told_again_and_never_waited_for_longer_than_that() -> None:
    told = Outcome(result=Result.DELIVERED, detail="")
    assert retried(0, told, repeat_s=60) == Step(State.STANDING, NOW + 60)
    assert retried(1, repeat_s=60) == Step(State.PENDING, NOW + 5)
    assert retried(99, repeat_s=60) == Step(State.PENDING, NOW + 60)


@pytest.mark.parametrize(
    ("n_failed", "days", "disabled"), [(5, 3, True), (4, 30, False), (1000, 2.99, False)]
)
def test_an_endpoint_is_given_up_after_days_and_more_than_a_few_attempts(
    n_failed: int, days: float, disabled: bool
) -> None:
    assert (DISABLE_AFTER_S, DISABLE_AFTER_FAILURES) == (3 * 86_400, 5)
    assert is_to_be_disabled(n_failed, NOW, now=NOW + days * 86_400) is disabled


def test_the_ladder_outlasts_an_endpoint_so_that_one_notification_is_enough_to_give_it_up() -> None:
    assert sum(LADDER_S) > DISABLE_AFTER_S
    assert len(LADDER_S) + 1 > DISABLE_AFTER_FAILURES


def test_a_date_is_counted_from_now_and_one_in_the_past_is_no_wait() -> None:
    def dated(seconds: float) -> float | None:
        date = format_datetime(datetime.fromtimestamp(NOW + seconds, UTC), usegmt=True)
        return of_status(503, date, now=NOW).retry_after_s

    assert dated(90) == 90
    assert dated(-90) == 0


def test_nobody_is_waited_for_longer_than_an_hour() -> None:
    for retry_after in ("86400", "9" * 400, "Fri, 31 Dec 2100 23:59:59 GMT"):
        assert of_status(503, retry_after, now=NOW).retry_after_s == MAX_RETRY_AFTER_S


def test_only_an_answer_that_may_change_is_waited_for() -> None:
    assert of_status(404, "120", now=NOW).retry_after_s is None
    assert of_status(200, "120", now=NOW).retry_after_s is None


@given(
    st.text(max_size=40) | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ \d+:\d+:\d+ GMT")
)
def test_whatever_the_header_says_the_wait_is_bounded(retry_after: str) -> None:
    wait = of_status(503, retry_after, now=NOW).retry_after_s
    assert wait is None or 0 <= wait <= MAX_RETRY_AFTER_S
