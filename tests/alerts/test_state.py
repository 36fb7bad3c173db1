"""The state machine, by tables of days and by its laws over arbitrary histories."""

import json
import re
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.state import (
    Alert,
    Observation,
    Policy,
    Ruling,
    State,
    Step,
    Transition,
    Window,
    deterministic_id,
    step,
    withdrawn,
)
from detectors.report import Verdict
from tests.alerts.reports import DAY, drifting, firing, observation, window

VERDICTS = {
    "Q": Verdict.QUIET,
    "h": Verdict.QUIET,
    "D": Verdict.DRIFT,
    "?": Verdict.UNDECIDED,
}
"""h: quiet, and bad enough for an open alert to go on."""


def follow(days: str, policy: Policy) -> tuple[Alert | None, list[tuple[int, Transition]]]:
    """The last alert and all transitions, each with its day, of one verdict a day."""
    alert, seen = None, []
    for day, letter in enumerate(days):
        made = step(alert, seen_on(day, letter), policy)
        alert = made.alert
        seen += [(day, transition) for transition in made.transitions]
    return alert, seen


def seen_on(day: int, letter: str) -> Observation:
    return replace(observation(day, VERDICTS[letter]), holds=letter == "h")


def history(days: str, policy: Policy) -> str:
    return " ".join(f"{day}:{transition.state}" for day, transition in follow(days, policy)[1])


@pytest.mark.parametrize(
    ("days", "for_days", "keep_days", "expected"),
    [
        ("QQQ", 0, 0, ""),
        ("QD", 0, 0, "1:firing"),
        ("DD", 0, 0, "0:firing"),
        ("DQ", 0, 0, "0:firing 1:resolved"),
        ("DQDQ", 0, 0, "0:firing 1:resolved 2:firing 3:resolved"),
        ("D", 1, 0, "0:pending"),
        ("DD", 1, 0, "0:pending 1:firing"),
        ("DDD", 2, 0, "0:pending 2:firing"),
        ("DQ", 1, 0, "0:pending 1:resolved"),
        ("DQD", 1, 0, "0:pending 1:resolved 2:pending"),
        ("D?D", 2, 0, "0:pending 2:firing"),
        ("D??", 1, 0, "0:pending"),
        ("???", 0, 0, ""),
        ("DQQ", 0, 2, "0:firing 2:resolved"),
        ("DQDQQ", 0, 2, "0:firing 4:resolved"),
        ("DQ?Q", 0, 3, "0:firing 3:resolved"),
        ("D?", 0, 0, "0:firing"),
        ("DQ", 1, 5, "0:pending 1:resolved"),
    ],
)
def test_days_lead_to_transitions(days: str, for_days: int, keep_days: int, expected: str) -> None:
    policy = Policy(for_s=for_days * DAY, keep_firing_s=keep_days * DAY)
    assert history(days, policy) == expected


@pytest.mark.parametrize(
    ("days", "enough", "of", "expected"),
    [
        ("D", 2, 3, "0:pending"),
        ("DD", 2, 3, "0:pending 1:firing"),
        ("DQD", 2, 3, "0:pending 2:firing"),
        ("DQQD", 2, 3, "0:pending"),
        ("DQQQ", 2, 3, "0:pending 3:resolved"),
        ("DDQ", 2, 3, "0:pending 1:firing"),
        ("DDQQ", 2, 3, "0:pending 1:firing 3:resolved"),
        ("D?D", 2, 2, "0:pending 2:firing"),
        ("DQDQD", 2, 2, "0:pending"),
        ("DDDQ", 3, 3, "0:pending 2:firing 3:resolved"),
    ],
)
def test_enough_of_the_latest_windows_lead_to_transitions(
    days: str, enough: int, of: int, expected: str
) -> None:
    assert history(days, Policy(enough=enough, of=of)) == expected


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("h", ""),
        ("Dh", "0:firing"),
        ("DhhQ", "0:firing 3:resolved"),
        ("DQh", "0:firing 1:resolved"),
    ],
)
def test_between_its_limits_an_alert_goes_on_and_none_begins(days: str, expected: str) -> None:
    assert history(days, Policy()) == expected


@pytest.mark.parametrize(
    ("days", "policy", "ruling"),
    [
        ("Q", Policy(), Ruling.QUIET),
        ("?", Policy(), Ruling.UNDECIDED),
        ("D", Policy(), Ruling.FIRED),
        ("DD", Policy(), Ruling.GOES_ON),
        ("Dh", Policy(), Ruling.HELD),
        ("DQ", Policy(), Ruling.OVER),
        ("DQ", Policy(keep_firing_s=DAY * 2), Ruling.KEPT),
        ("D", Policy(for_s=DAY), Ruling.BEGAN),
        ("DD", Policy(for_s=2 * DAY), Ruling.TOO_SHORT),
        ("DQ", Policy(enough=2, of=3), Ruling.TOO_FEW_WINDOWS),
    ],
)
def test_every_decision_has_a_reason(days: str, policy: Policy, ruling: Ruling) -> None:
    alert, _ = follow(days[:-1], policy)
    assert step(alert, seen_on(len(days) - 1, days[-1]), policy).ruling is ruling


def test_what_nobody_asks_about_any_more_is_over() -> None:
    made = withdrawn(firing(), now=9 * DAY)
    assert made.alert is not None
    assert (made.alert.state, made.ruling) == (State.RESOLVED, Ruling.WITHDRAWN)
    assert made.alert.resolved_at == 9 * DAY


def test_an_alert_tells_its_incident() -> None:
    alert, _ = follow("QDDQ", Policy(for_s=DAY))
    assert alert is not None
    assert (alert.first_window, alert.window) == (window(1), window(2))
    assert (alert.started_at, alert.firing_at, alert.resolved_at) == (2 * DAY, 3 * DAY, 4 * DAY)


def test_what_ends_while_pending_has_never_fired() -> None:
    alert, _ = follow("DQ", Policy(for_s=DAY))
    assert alert is not None
    assert (alert.state, alert.firing_at, alert.resolved_at) == (State.RESOLVED, None, 2 * DAY)


def test_a_new_reference_resolves_by_its_first_quiet_window() -> None:
    made = step(firing(), observation(9, Verdict.QUIET), Policy())
    assert [transition.state for transition in made.transitions] == [State.RESOLVED]


def test_an_observation_takes_its_facts_from_the_report() -> None:
    seen = Observation.of(drifting(), monitor="free-seats", window=window(0))
    assert (seen.verdict, seen.facts.evidence, seen.facts.n_rows) == (Verdict.DRIFT, 120.0, 500)


days = st.text("QD?", max_size=40)
policies = st.builds(
    Policy,
    for_s=st.sampled_from([0.0, DAY, 3 * DAY]),
    keep_firing_s=st.sampled_from([0.0, DAY, 4 * DAY]),
)


@given(days, policies)
def test_every_incident_goes_through_its_states_in_order(days: str, policy: Policy) -> None:
    course = "".join(f"{transition.state[0]}" for _, transition in follow(days, policy)[1])
    incident = "(fr)" if policy.for_s == 0 else "(pf?r)"
    open_one = "f?" if policy.for_s == 0 else "(pf?)?"
    assert re.fullmatch(f"{incident}*{open_one}", course)


@given(days, policies)
def test_undecided_windows_could_as_well_not_have_been(days: str, policy: Policy) -> None:
    with_them = follow(days, policy)
    alert = None
    seen = []
    for day, letter in enumerate(days):
        if letter != "?":
            made = step(alert, observation(day, VERDICTS[letter]), policy)
            alert = made.alert
            seen += [(day, transition) for transition in made.transitions]
    assert with_them == (alert, seen)


@given(days, policies)
def test_windows_shown_again_after_a_crash_change_nothing(days: str, policy: Policy) -> None:
    alert, _ = follow(days, policy)
    for day, letter in enumerate(days):
        shown = observation(day, VERDICTS[letter])
        if alert is not None and shown.window.end <= alert.updated_at:
            assert step(alert, shown, policy) == Step(alert, Ruling.SEEN)


@given(days, policies)
def test_ids_are_distinct_and_the_same_in_every_run(days: str, policy: Policy) -> None:
    ids = [transition.id for _, transition in follow(days, policy)[1]]
    assert len(set(ids)) == len(ids)
    assert ids == [transition.id for _, transition in follow(days, policy)[1]]


def test_windows_of_different_lengths_have_alerts_of_their_own() -> None:
    hour = observation(0)
    day = Observation(
        monitor=hour.monitor,
        window=Window(start=hour.window.end - 3600, end=hour.window.end),
        verdict=hour.verdict,
        reason=hour.reason,
        facts=hour.facts,
    )
    assert _ids([hour]) != _ids([day])


def _ids(observations: Iterable[Observation]) -> list[str]:
    steps = [step(None, one, Policy()) for one in observations]
    return [made.alert.id for made in steps if made.alert is not None]


def test_an_id_has_no_dot_and_fits_its_column() -> None:
    made = deterministic_id("transition", "a.monitor.with.dots", 1.5)
    assert re.fullmatch(r"transition_[0-9a-f]{32}", made)


def test_an_alert_survives_json() -> None:
    facts = Observation.of(drifting(), monitor="m", window=window(0)).facts
    alert = firing(facts=facts)
    assert Alert.from_json(json.loads(json.dumps(alert.to_json()))) == alert
