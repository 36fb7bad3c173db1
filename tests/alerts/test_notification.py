"""What is sent, against the CloudEvents specification and the size that receivers expect."""

import json
from dataclasses import replace
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from alerts.facts import Facts
from alerts.notification import (
    MAX_BODY_BYTES,
    Notification,
    Origin,
    announce,
    delivery_id,
    notification,
    rfc3339,
)
from alerts.state import Alert, Cause, Policy, State, Transition, step
from detectors.report import Verdict
from tests.alerts.reports import DAY, column, drifting, firing, observation

ORIGIN = Origin(
    labels={"owner": "transport"},
    revision=2,
    reference_id="sha256:1",
    base_url="https://d.example/",
)


def announced(alert: Alert | None = None, state: State = State.FIRING) -> Notification:
    made = announce(alert or firing(), Transition(id="transition_1", state=state, at=DAY), ORIGIN)
    assert made is not None
    return made


def test_the_body_is_a_cloud_event_with_every_required_attribute() -> None:
    event = json.loads(announced().body())
    assert {k: event[k] for k in ("specversion", "id", "type", "source", "subject")} == {
        "specversion": "1.0",
        "id": "transition_1",
        "type": "driftmeter.alert.firing",
        "source": "https://d.example/monitors/free-seats",
        "subject": "free-seats",
    }
    assert datetime.fromisoformat(event["time"]).timestamp() == DAY


def test_the_data_say_who_since_when_and_where_to_look() -> None:
    data = announced().data
    assert data["monitor"] == {
        "name": "free-seats",
        "labels": {"owner": "transport"},
        "revision": 2,
    }
    assert data["reference_id"] == "sha256:1"
    assert data["reason"] == "strong window"
    assert data["alert"]["first_window"]["start"] == "1970-01-04T00:00:00.000Z"
    assert data["links"] == {
        "monitor": "https://d.example/monitors/free-seats",
        "alert": f"https://d.example/alerts/{data['alert']['id']}",
    }


def test_without_a_public_address_there_is_no_link() -> None:
    bare = notification(firing(), Origin(), id="i", type="t", at=0.0)
    assert (bare.source, bare.data["links"]) == ("/monitors/free-seats", {})


def test_nobody_is_told_of_pending_nor_of_the_end_of_what_never_fired() -> None:
    pending = step(None, observation(0), Policy(for_s=DAY))
    assert pending.alert is not None
    ended = step(pending.alert, observation(1, Verdict.QUIET), Policy(for_s=DAY))
    assert ended.alert is not None
    assert announce(pending.alert, pending.transitions[0], ORIGIN) is None
    assert announce(ended.alert, ended.transitions[0], ORIGIN) is None


def test_the_end_of_what_fired_is_told() -> None:
    ended = step(firing(), observation(5, Verdict.QUIET), Policy())
    assert ended.alert is not None
    told = announce(ended.alert, ended.transitions[0], ORIGIN)
    assert told is not None
    assert told.type == "driftmeter.alert.resolved"
    assert told.data["alert"]["resolved_at"] == "1970-01-07T00:00:00.000Z"


def test_a_notification_survives_json_byte_for_byte() -> None:
    sent = announced()
    assert Notification.from_json(json.loads(json.dumps(sent.to_json()))).body() == sent.body()


@given(
    st.lists(st.text(max_size=2000), max_size=12),
    st.dictionaries(st.text(max_size=300), st.text(max_size=300), max_size=32),
)
def test_the_body_stays_small_whatever_the_names(names: list[str], labels: dict[str, str]) -> None:
    facts = Facts.of(drifting(*map(column, names)))
    made = notification(firing(facts=facts), Origin(labels=labels), id="i", type="t", at=0.0)
    assert len(made.body()) <= MAX_BODY_BYTES
    kept, omitted = made.data["columns"], made.data["columns_omitted"]
    assert len(kept) + omitted == max(1, len(names))


def test_names_that_json_writes_long_cost_columns_and_then_labels() -> None:
    facts = Facts.of(drifting(*(column("\x01" * 300) for _ in range(10))))
    labels = {f"{i}" + "\x01" * 300: "\x01" * 300 for i in range(32)}
    made = notification(firing(facts=facts), Origin(labels=labels), id="i", type="t", at=0.0)
    assert len(made.body()) <= MAX_BODY_BYTES
    assert (made.data["columns"], made.data["columns_omitted"]) == ([], 10)
    assert made.data["monitor"]["labels"] == {}


def test_each_endpoint_has_a_delivery_of_its_own() -> None:
    assert delivery_id("transition_1", "a") != delivery_id("transition_1", "b")
    assert len(delivery_id("transition_1", "a" * 63)) <= 64


@given(st.integers(0, 4_000_000_000_000))
def test_times_are_told_to_the_millisecond(milliseconds: int) -> None:
    told = datetime.fromisoformat(rfc3339(milliseconds / 1000))
    assert abs(told.timestamp() * 1000 - milliseconds) <= 1


def test_a_dashboard_and_a_runbook_are_linked_where_the_document_names_them() -> None:
    origin = Origin(dashboard="https://grafana/d/1", runbook="https://wiki/seats")
    made = notification(firing(), origin, id="t_1", type="x", at=0.0)
    assert made.data["links"] == {
        "dashboard": "https://grafana/d/1",
        "runbook": "https://wiki/seats",
    }


def test_the_window_can_be_computed_again_by_a_command_and_silence_cannot() -> None:
    made = notification(firing(), Origin(), id="t_1", type="x", at=0.0)
    span = "--from 1970-01-05T00:00:00.000Z --to 1970-01-06T00:00:00.000Z"
    assert made.data["replay"] == f"driftmeter replay free-seats {span}"
    silent = replace(firing(), cause=Cause.SILENCE)
    assert notification(silent, Origin(), id="t_1", type="x", at=0.0).data["replay"] is None
