"""One request an incident, and none in the cooldown."""

from dataclasses import replace

from alerts import retrain
from alerts.notification import Notification, Origin
from alerts.state import Alert, Policy, State, step
from detectors.report import Verdict
from tests.alerts.reports import DAY, firing, observation


def request(
    alert: Alert, *, cooldown_s: float = 7 * DAY, last: float | None = None
) -> Notification | None:
    return retrain.request(alert, Origin(), cooldown_s=cooldown_s, last_requested_at=last)


def test_a_firing_alert_asks_for_a_retrain() -> None:
    made = request(firing())
    assert made is not None
    assert (made.type, made.at) == ("driftmeter.retrain.requested", 5 * DAY)


def test_a_pending_or_resolved_alert_does_not() -> None:
    assert request(replace(firing(), state=State.PENDING)) is None
    assert request(replace(firing(), state=State.RESOLVED)) is None


def test_later_windows_of_an_incident_ask_with_the_same_id() -> None:
    later = step(firing(), observation(5), Policy()).alert
    assert later is not None
    first, second = request(firing()), request(later)
    assert first is not None
    assert second is not None
    assert first.id == second.id


def test_another_incident_asks_with_another_id() -> None:
    first, second = request(firing()), request(replace(firing(), id="alert_2"))
    assert first is not None
    assert second is not None
    assert first.id != second.id


def test_the_cooldown_is_counted_in_event_time() -> None:
    assert request(firing(), last=5 * DAY - 7 * DAY + 1) is None
    assert request(firing(), last=5 * DAY - 7 * DAY) is not None


def test_a_thousand_incidents_make_no_more_requests_than_the_cooldown_allows() -> None:
    requested: list[float] = []
    alert = None
    for day in range(2000):
        verdict = Verdict.QUIET if day % 2 else Verdict.DRIFT
        alert = step(alert, observation(day, verdict), Policy()).alert
        if alert and (made := request(alert, last=requested[-1] if requested else None)):
            requested.append(made.at)
    assert len(requested) == 250  # every other day drifts, so the cooldown of 7 days makes 8
