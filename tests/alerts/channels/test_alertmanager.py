"""Alerts for a real Alertmanager, and against the published description of its API v2.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

import json
import urllib.request
from collections.abc import Callable
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
        "severity": "critical",
    }
    assert alert(told.BARE, now=NOW)["labels"]["severity"] == "warning"


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


def test_every_replica_is_told() -> None:
    answer = endpoint.saying(endpoint.status(200))
    with endpoint.listening(answer) as one, endpoint.listening(answer) as two:
        outcome = Alertmanager(urls=(one.url, f"{two.url}/prefix/"), egress=LOOPBACK).send(
            told.FIRING, now=NOW
        )
    assert outcome.result is Result.DELIVERED
    paths = [request.path for request in (*one.requests, *two.requests)]
    assert paths == ["/api/v2/alerts", "/prefix/api/v2/alerts"]
    assert isinstance(json.loads(one.requests[0].body), list)


@pytest.mark.parametrize(
    ("statuses", "result"),
    [
        ((200, 503), Result.RETRY),
        ((400, 503), Result.RETRY),
        ((200, 400), Result.FAILED),
        ((410, 200), Result.GONE),
    ],
)
def test_a_replica_that_can_still_be_told_is_tried_again(
    statuses: tuple[int, ...], result: Result
) -> None:
    with endpoint.listening(endpoint.by_path) as receiver:
        urls = tuple(f"{receiver.url}/{status}" for status in statuses)
        outcome = Alertmanager(urls=urls, egress=LOOPBACK).send(told.FIRING, now=NOW)
    assert outcome.result is result
    assert f"{statuses.count(200)} of 2 replicas were told" in outcome.detail


@pytest.fixture
def replicas(
    needs: Needs, supervisor: Supervisor, free_port: Callable[[], int], tmp_path: Path
) -> tuple[str, ...]:
    """The URLs of two Alertmanagers."""
    program = needs("prometheus-alertmanager")
    configuration = tmp_path / "alertmanager.yml"
    configuration.write_text("{route: {receiver: none}, receivers: [{name: none}]}")
    return tuple(_started(program, configuration, supervisor, free_port()) for _ in range(2))


def _started(program: Path, configuration: Path, supervisor: Supervisor, port: int) -> str:
    command = [
        str(program),
        f"--config.file={configuration}",
        f"--storage.path={configuration.parent / str(port)}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    url = f"http://127.0.0.1:{port}"
    supervisor.start(f"alertmanager-{port}", command, ready=f"{url}/-/ready")
    return url


def shown(url: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{url}/api/v2/alerts", timeout=10) as answer:
        alerts: list[dict[str, Any]] = json.load(answer)
    return alerts


def test_a_real_alertmanager_shows_an_alert_until_it_is_resolved(replicas: tuple[str, ...]) -> None:
    now = datetime.now(UTC).timestamp()
    channel = Alertmanager(urls=replicas, egress=LOOPBACK)
    assert channel.send(told.FIRING, now=now).result is Result.DELIVERED
    assert channel.send(told.FIRING, now=now + 5).result is Result.DELIVERED
    for url in replicas:
        wait_for(lambda url=url: len(shown(url)) == 1)  # type: ignore[misc]  # bound now
        [one] = shown(url)
        assert one["labels"] == alert(told.FIRING, now=now)["labels"]
        assert one["status"]["state"] in {"active", "unprocessed"}
    assert channel.send(told.RESOLVED, now=now + 10).result is Result.DELIVERED
    for url in replicas:
        wait_for(lambda url=url: shown(url) == [])  # type: ignore[misc]  # bound now


def test_a_real_alertmanager_takes_the_largest_alert(replicas: tuple[str, ...]) -> None:
    now = datetime.now(UTC).timestamp()
    outcome = Alertmanager(urls=replicas, egress=LOOPBACK).send(told.LARGEST, now=now)
    assert outcome.result is Result.DELIVERED, outcome
