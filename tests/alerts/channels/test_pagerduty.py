"""PagerDuty's events against the published description of its Events API v2.

https://developer.pagerduty.com/docs/send-alert-event
"""

import json
from ipaddress import ip_network
from typing import Any

import pytest

from alerts.channels.pagerduty import PagerDuty
from alerts.egress import Egress
from alerts.guard import Guard
from alerts.notification import Notification
from tests.alerts import endpoint
from tests.alerts.channels import told
from tests.alerts.channels.told import check, exactly, text

KEY = "0123456789abcdef" * 2
LOOPBACK = Egress(guard=Guard(allow=(ip_network("127.0.0.0/8"),)))

WHO = {"routing_key": {"pattern": "^[0-9a-f]{32}$"}, "dedup_key": text(255)}
LINK = exactly(href={"type": "string", "format": "uri"}, text=text(100))
PAYLOAD = exactly(
    **{"class": text(100)},
    summary=text(1024),
    source=text(255),
    severity={"enum": ["info", "warning", "error", "critical"]},
    timestamp={"type": "string", "format": "date-time"},
    custom_details={"type": "object"},
)
TRIGGER = exactly(
    **WHO,
    event_action={"const": "trigger"},
    payload=PAYLOAD,
    client=text(100),
    links={"type": "array", "items": LINK},
)
RESOLVE = exactly(**WHO, event_action={"const": "resolve"})


def sent(*notifications: Notification) -> list[endpoint.Request]:
    with endpoint.listening(endpoint.saying(endpoint.status(202))) as receiver:
        pager = PagerDuty(url=receiver.url, routing_key=KEY, severity="error", egress=LOOPBACK)
        for notification in notifications:
            pager.send(notification, now=0.0)
    return receiver.requests


def events(*notifications: Notification) -> list[dict[str, Any]]:
    return [json.loads(request.body) for request in sent(*notifications)]


@pytest.mark.parametrize("notification", told.ALL.values(), ids=told.ALL)
def test_the_body_is_an_event_of_the_api(notification: Notification) -> None:
    [event] = events(notification)
    check(event, RESOLVE if notification.is_resolved else TRIGGER)


def test_it_goes_to_the_path_of_the_api_as_json() -> None:
    [request] = sent(told.FIRING)
    assert request.path == "/v2/enqueue"
    assert request.headers["content-type"] == "application/json"


def test_the_end_of_an_alert_resolves_what_its_beginning_triggered() -> None:
    trigger, resolve = events(told.FIRING, told.RESOLVED)
    assert trigger["dedup_key"] == resolve["dedup_key"] == told.FIRING.data["alert"]["id"]
    assert (trigger["event_action"], resolve["event_action"]) == ("trigger", "resolve")


def test_the_severity_is_the_configured_one() -> None:
    [event] = events(told.FIRING)
    assert event["payload"]["severity"] == "error"
