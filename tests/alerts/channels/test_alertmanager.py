"""Alerts for a real Alertmanager, and against the published description of its API v2.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

import json
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from alerts.channels.alertmanager import EXPIRY_S, Alertmanager, alert
from alerts.delivery import Result
from alerts.egress import Egress
from alerts.guard import Guard
from alerts.notification import Notification
from monitor.up.supervisor import Supervisor
from tests.alerts import endpoint
from tests.alerts.channels import told
from tests.alerts.channels.told import check
from tests.conftest import Needs
from tests.support.waiting import wait_for

NOW = datetime(2026, 3, 18, 12, tzinfo=UTC).timestamp()
LOOPBACK = Egress(guard=Guard(allow=(ip_network("127.0.0.0/8"),)))

LABELS = {
    "type": "object",
    "propertyNames": {"pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$"},
    "additionalProperties": {"type": "string", "minLength": 1},
}
TIME = {"type": "string", "format": "date-time"}
POSTABLE_ALERT = {
    "type": "object",
    "required": ["labels"],
    "additionalProperties": False,
    "properties": {
        "labels": {**LABELS, "required": ["alertname"]},
        "annotations": LABELS,
        "startsAt": TIME,
        "endsAt": TIME,
        "generatorURL": {"type": "string", "format": "uri"},
    },
}


def at(body: dict[str, Any], name: str) -> float:
    return datetime.fromisoformat(body[name]).timestamp()


@pytest.mark.parametrize("notification", told.ALL.values(), ids=told.ALL)
def test_an_alert_is_what_the_api_describes(notification: Notification) -> None:
    check(alert(notification, now=NOW), POSTABLE_ALERT)


def test_an_alert_keeps_its_labels_to_its_end() -> None:
    assert alert(told.FIRING, now=NOW)["labels"] == alert(told.RESOLVED, now=NOW)["labels"]


def test_the_labels_are_the_monitors_with_our_own() -> None:
    assert alert(told.FIRING, now=NOW)["labels"] == {
        "alertname": "DriftmeterDrift",
        "monitor": "free-seats",
        "window": "86400s",
        "owner": "transport",
        "severity": "warning",
    }


def labelled(**changes: Any) -> dict[str, str]:
    """The labels of an alert whose data say something else."""
    labels: dict[str, str] = alert(
        replace(told.FIRING, data={**told.FIRING.data, **changes}), now=NOW
    )["labels"]
    return labels


def test_the_severity_is_the_alerts_unless_the_house_has_a_word_of_its_own() -> None:
    monitor = told.FIRING.data["monitor"]
    assert labelled(severity="info")["severity"] == "info"
    own = labelled(monitor={**monitor, "labels": {"severity": "page"}})
    assert own["severity"] == "page"


def test_every_cause_has_a_name_and_every_threshold_its_own() -> None:
    incident = {**told.FIRING.data["alert"], "cause": "concept drift", "rule": "psi"}
    labels = labelled(alert=incident)
    assert (labels["alertname"], labels["rule"]) == ("DriftmeterConceptDrift", "psi")


def test_a_firing_alert_does_not_expire_before_its_end_is_told() -> None:
    body = alert(told.FIRING, now=NOW)
    assert (at(body, "startsAt"), at(body, "endsAt")) == (told.FIRING_AT, NOW + EXPIRY_S)


def test_a_resolved_alert_ended_when_it_did() -> None:
    body = alert(told.RESOLVED, now=NOW)
    assert (at(body, "startsAt"), at(body, "endsAt")) == (told.FIRING_AT, told.RESOLVED_AT)


@pytest.mark.parametrize("now", [told.FIRING_AT - 9, told.FIRING_AT + 9])
def test_event_times_ahead_of_the_clock_are_taken_for_now(now: float) -> None:
    body = alert(told.RESOLVED, now=now)
    assert at(body, "startsAt") <= at(body, "endsAt") == now


def test_an_alert_is_posted_below_the_path_that_is_given() -> None:
    with endpoint.listening(endpoint.saying(endpoint.status(200))) as receiver:
        channel = Alertmanager(url=f"{receiver.url}/prefix/", egress=LOOPBACK)
        assert channel.send(told.FIRING, now=NOW).result is Result.DELIVERED
    [request] = receiver.requests
    assert request.path == "/prefix/api/v2/alerts"
    assert isinstance(json.loads(request.body), list)


@pytest.fixture
def alertmanager(
    needs: Needs, supervisor: Supervisor, free_port: Callable[[], int], tmp_path: Path
) -> str:
    """The URL of a real one."""
    configuration, port = tmp_path / "alertmanager.yml", free_port()
    configuration.write_text("{route: {receiver: none}, receivers: [{name: none}]}")
    command = [
        str(needs("prometheus-alertmanager")),
        f"--config.file={configuration}",
        f"--storage.path={tmp_path / 'storage'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    url = f"http://127.0.0.1:{port}"
    supervisor.start("alertmanager", command, ready=f"{url}/-/ready")
    return url


def shown(url: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{url}/api/v2/alerts", timeout=60) as answer:
        alerts: list[dict[str, Any]] = json.load(answer)
    return alerts


def test_a_real_alertmanager_shows_an_alert_until_it_is_resolved(alertmanager: str) -> None:
    now = datetime.now(UTC).timestamp()
    channel = Alertmanager(url=alertmanager, egress=LOOPBACK)
    assert channel.send(told.FIRING, now=now).result is Result.DELIVERED
    assert channel.send(told.FIRING, now=now + 5).result is Result.DELIVERED
    wait_for(lambda: len(shown(alertmanager)) == 1)
    [one] = shown(alertmanager)
    assert one["labels"] == alert(told.FIRING, now=now)["labels"]
    assert one["status"]["state"] in {"active", "unprocessed"}
    assert at(one, "endsAt") == pytest.approx(now + 5 + EXPIRY_S, abs=0.01)
    assert channel.send(told.RESOLVED, now=now + 10).result is Result.DELIVERED
    wait_for(lambda: shown(alertmanager) == [])


def test_a_real_alertmanager_takes_the_largest_alert(alertmanager: str) -> None:
    now = datetime.now(UTC).timestamp()
    outcome = Alertmanager(url=alertmanager, egress=LOOPBACK).send(told.LARGEST, now=now)
    assert outcome.result is Result.DELIVERED, outcome
