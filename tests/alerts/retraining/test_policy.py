"""Once an incident, one at a time, within the cooldown and the daily limit."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.retraining.event import request_id
from alerts.retraining.policy import Answer, History, Subscription, decide
from alerts.state import Policy, step
from alerts.words import Cause, Severity, State
from detectors.report import Verdict
from tests.alerts.reports import DAY, firing, observation

ANY = Subscription(name="any")


def test_a_firing_alert_asks_for_a_retrain() -> None:
    assert decide(ANY, firing(), History()) is Answer.REQUESTED


@pytest.mark.parametrize("state", [State.PENDING, State.RESOLVED])
def test_one_that_does_not_fire_asks_for_nothing(state: State) -> None:
    assert decide(ANY, replace(firing(), state=state), History()) is Answer.NOT_FIRING


def test_a_good_window_of_an_alert_that_is_kept_asks_for_nothing() -> None:
    kept = replace(firing(), updated_at=firing().window.end + DAY)
    assert decide(ANY, kept, History()) is Answer.GOOD_WINDOW


def test_what_a_retrain_has_answered_asks_for_no_other() -> None:
    assert decide(ANY, firing(), History(is_answered=True)) is Answer.ANSWERED


def test_a_cause_that_nobody_subscribed_to_asks_for_nothing() -> None:
    outliers = replace(firing(), cause=Cause.OUTLIERS)
    assert decide(ANY, outliers, History()) is Answer.OTHER_CAUSE


def test_a_lower_severity_asks_for_nothing() -> None:
    critical = replace(ANY, severity=Severity.CRITICAL)
    assert decide(critical, firing(), History()) is Answer.LOW_SEVERITY
    alert = replace(firing(), severity=Severity.CRITICAL)
    assert decide(critical, alert, History()) is Answer.REQUESTED


def test_an_incident_asks_once() -> None:
    assert decide(ANY, firing(), History(is_asked=True)) is Answer.SAME_INCIDENT


def test_while_one_is_in_flight_no_other_is_asked_for() -> None:
    assert decide(ANY, firing(), History(is_in_flight=True)) is Answer.IN_FLIGHT


def test_so_many_of_so_many_windows_must_show_the_cause() -> None:
    several = replace(ANY, n_windows=2, of_windows=3)
    assert decide(several, firing(), History(n_windows=1)) is Answer.TOO_FEW_WINDOWS
    assert decide(several, firing(), History(n_windows=2)) is Answer.REQUESTED


def test_the_cooldown_is_counted_in_event_time() -> None:
    end = firing().window.end
    inside, outside = (History(requested_at=(end - 7 * DAY + s,)) for s in (1, 0))
    assert decide(ANY, firing(), inside) is Answer.COOLDOWN
    assert decide(ANY, firing(), outside) is Answer.REQUESTED


def test_a_day_has_at_most_so_many() -> None:
    twice = replace(ANY, cooldown_s=0.0, per_day=2)
    end = firing().window.end
    assert decide(twice, firing(), History(requested_at=(end - 1, end - 2))) is Answer.DAILY_LIMIT
    a_day_ago = History(requested_at=(end - 1, end - DAY))
    assert decide(twice, firing(), a_day_ago) is Answer.REQUESTED


def test_approval_and_dry_run_make_requests_of_their_own_kind() -> None:
    assert (
        decide(replace(ANY, needs_approval=True), firing(), History()) is Answer.AWAITING_APPROVAL
    )
    assert decide(replace(ANY, is_dry_run=True), firing(), History()) is Answer.DRY_RUN
    made = {answer for answer in Answer if answer.is_request}
    assert made == {Answer.REQUESTED, Answer.AWAITING_APPROVAL, Answer.DRY_RUN}


def test_later_windows_of_an_incident_ask_with_the_same_id() -> None:
    later = step(firing(), observation(5), Policy()).alert
    assert later is not None
    assert request_id(later) == request_id(firing())
    assert request_id(replace(firing(), id="alert_2")) != request_id(firing())


@given(
    days=st.lists(st.booleans(), min_size=1, max_size=60),
    cooldown_d=st.integers(0, 10),
    per_day=st.none() | st.integers(1, 3),
)
def test_no_run_of_windows_asks_more_often_than_the_budget(
    days: list[bool], cooldown_d: int, per_day: int | None
) -> None:
    subscription = Subscription(name="any", cooldown_s=cooldown_d * DAY, per_day=per_day)
    asked: list[float] = []
    ids: list[str] = []
    alert = None
    for day, drifts in enumerate(days):
        verdict = Verdict.DRIFT if drifts else Verdict.QUIET
        alert = step(alert, observation(day, verdict), Policy()).alert
        if alert is None:
            continue
        history = History(requested_at=tuple(asked), is_asked=request_id(alert) in ids)
        if decide(subscription, alert, history).is_request:
            asked.append(alert.window.end)
            ids.append(request_id(alert))
    assert len(set(ids)) == len(ids)
    gaps = [b - a for a, b in itertools.pairwise(asked)]
    assert all(gap >= cooldown_d * DAY for gap in gaps)
