"""What a document says of when alerts begin and end, and what they may use of the budget."""

from dataclasses import replace

import pytest

from alerts import state
from alerts.state import Alert, Cause, State, Window
from detectors.decision.performance import UsualPerformance
from detectors.reference import Reference
from detectors.report import Verdict
from monitor.detect import rules
from monitor.spec import windows as spec
from monitor.spec.alerting import Alerts
from tests.alerts.reports import observation
from tests.support.counted import HOUR, monitor

OVERLAPPING = spec.Window(length=3 * HOUR, every=HOUR)
NOTHING = UsualPerformance()


def moved(verdicts: str, kind: spec.Window, **said: object) -> list[tuple[int, State]]:
    """The transitions that windows make, by number: "d" is drift, "q" quiet."""
    policy = rules.policy(Alerts.model_validate(said), kind=kind)
    alert: Alert | None = None
    found = []
    for number, letter in enumerate(verdicts):
        verdict = Verdict.DRIFT if letter == "d" else Verdict.QUIET
        end = (number + 1) * HOUR
        at = Window(start=end - (kind.length or 0.0), end=end)
        step = state.step(alert, replace(observation(0, verdict), window=at), policy)
        alert = step.alert
        found += [(number, one.state) for one in step.transitions]
    return found


def test_an_alert_does_not_flap_with_windows_that_overlap() -> None:
    assert moved("dqdqqqq", OVERLAPPING) == [(0, State.FIRING), (5, State.RESOLVED)]
    assert moved("dqdqqq", OVERLAPPING, keep_firing_for="0s")[1] == (1, State.RESOLVED)


def test_of_windows_that_follow_each_other_one_that_is_quiet_is_an_end() -> None:
    kind = spec.Window(length=HOUR)
    assert moved("dqq", kind) == [(0, State.FIRING), (1, State.RESOLVED)]


def test_performance_has_its_share_of_the_budget_and_drift_has_the_rest(
    reference: Reference,
) -> None:
    usual = UsualPerformance.learn(reference, window_s=HOUR, minimum_rows=100)
    assert usual.realised is not None
    assert usual.expected is not None
    said = monitor(detection={"false_alarms": "1 per 100h"})
    (kind,) = said.spec.windows[:1]
    rates = {
        one.rule.cause: one.rule.false_alarm_rate
        for one in rules.asked(said, kind)
        if one.rule.cause in rules.PERFORMANCE
    }
    assert sum(rates.values()) + rules.drift_share(said.spec.alerts, usual) * 0.01 == (
        pytest.approx(0.01)
    )


@pytest.mark.parametrize(
    ("causes", "share"),
    [
        ({}, 1.0),
        ({"concept drift": {}}, 0.95),
        ({"concept drift": {"enabled": False}}, 1.0),
        (["concept drift", "estimated performance"], 0.9),
    ],
)
def test_what_does_not_decide_uses_nothing_of_it(causes: object, share: float) -> None:
    alerts = Alerts.model_validate({"causes": causes})
    assert rules.drift_share(alerts, NOTHING) == pytest.approx(share)


def test_performance_that_nobody_asked_for_needs_windows_to_tell_how_it_moves() -> None:
    def needs(**alerts: object) -> dict[Cause, bool]:
        said = monitor(alerts=alerts)
        every = rules.asked(said, said.spec.windows[0])
        return {one.rule.cause: one.rule.needs_windows for one in every}

    assert needs()[Cause.CONCEPT_DRIFT]
    assert not needs(causes=["concept drift"])[Cause.CONCEPT_DRIFT]
    assert Cause.CONCEPT_DRIFT not in needs(causes={"concept drift": {"enabled": False}})


@pytest.mark.parametrize(("cause", "wanted"), [("latency", "above"), ("silence", "for")])
def test_causes_that_have_no_limit_but_yours_ask_for_it(cause: str, wanted: str) -> None:
    with pytest.raises(ValueError, match=f"{cause} needs {wanted}"):
        Alerts.model_validate({"causes": [cause]})
    off = Alerts.model_validate({"causes": {cause: {"enabled": False}}})
    assert not rules.is_on(off, Cause(cause))
