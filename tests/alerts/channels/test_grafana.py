"""Annotations against the published description of Grafana's HTTP API, on a server that keeps them.

https://grafana.com/docs/grafana/latest/developer-resources/api-reference/http-api/annotations/
"""

import json
import socket
from dataclasses import replace
from ipaddress import ip_network
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from alerts.channels.grafana import MAX_TAG, Grafana
from alerts.delivery import Result
from alerts.egress import Egress
from alerts.guard import Guard
from alerts.notification import Notification
from tests.alerts import endpoint
from tests.alerts.channels import told
from tests.alerts.channels.told import check, exactly, text

LOOPBACK = Egress(guard=Guard(allow=(ip_network("127.0.0.0/8"),)))
MILLISECONDS = {"type": "integer", "minimum": 0}
FIELDS = {
    "time": MILLISECONDS,
    "timeEnd": MILLISECONDS,
    "tags": {"type": "array", "items": text(MAX_TAG), "minItems": 1},
    "text": text(20_000),
}
SCHEMAS = {
    "POST": exactly(dashboardUID=text(40), **FIELDS),
    "PATCH": exactly(**FIELDS),
}


class Annotations:
    """Grafana's side: keeps annotations, and gives those that have all of the tags asked for."""

    def __init__(self) -> None:
        self.kept: dict[int, dict[str, Any]] = {}
        self.requests: list[endpoint.Request] = []

    def answer(self, path: str, connection: socket.socket) -> None:
        request = self.requests[-1]
        assert request.headers["authorization"] == "Bearer key"
        parts = urlsplit(path)
        assert parts.path.startswith("/api/annotations")
        given = json.loads(request.body or b"null")
        if request.method == "GET":
            tags = set(parse_qs(parts.query)["tags"])
            answered: Any = [
                {"id": n, **one} for n, one in self.kept.items() if tags <= set(one["tags"])
            ]
        elif request.method == "POST":
            check(given, SCHEMAS["POST"])
            self.kept[len(self.kept) + 1] = given
            answered = {"message": "Annotation added", "id": len(self.kept)}
        else:
            check(given, SCHEMAS["PATCH"])
            self.kept[int(parts.path.rpartition("/")[2])] |= given
            answered = {"message": "Annotation patched"}
        body = json.dumps(answered).encode()
        connection.sendall(endpoint.status(200, body=body))


def sent(*notifications: Notification, dashboard: str | None = "abc-1") -> list[dict[str, Any]]:
    """The annotations that there are when these were sent."""
    grafana = Annotations()
    with endpoint.listening(grafana.answer) as receiver:
        grafana.requests = receiver.requests
        channel = Grafana(
            url=f"{receiver.url}/", token="key", dashboard_uid=dashboard, egress=LOOPBACK
        )
        for notification in notifications:
            outcome = channel.send(notification, now=0.0)
            assert outcome.result is Result.DELIVERED, outcome
    return list(grafana.kept.values())


@pytest.mark.parametrize("notification", told.ALL.values(), ids=told.ALL)
def test_an_annotation_is_what_the_api_describes(notification: Notification) -> None:
    [one] = sent(notification)
    assert one["tags"][:2] == ["driftmeter", "monitor:free-seats"]
    assert one["dashboardUID"] == "abc-1"


def test_an_incident_is_one_region_however_often_it_is_told() -> None:
    [one] = sent(told.FIRING, told.FIRING, told.RESOLVED, told.RESOLVED)
    assert (one["time"], one["timeEnd"]) == (told.FIRING_AT * 1000, told.RESOLVED_AT * 1000)
    assert one["text"].startswith("<b>Resolved: drift of free-seats</b>")


def test_two_incidents_are_two_regions() -> None:
    alert = told.FIRING.data["alert"] | {"id": "alert_2"}
    other = replace(told.FIRING, data={**told.FIRING.data, "alert": alert})
    assert len(sent(told.FIRING, other)) == 2


def test_no_column_can_bring_html_along() -> None:
    [one] = sent(told.LARGEST)
    assert "<!channel>" not in one["text"]
    assert "&lt;!channel&gt;" in one["text"]
