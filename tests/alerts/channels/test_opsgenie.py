"""Opsgenie's requests against the published description of its Alert API.

https://docs.opsgenie.com/docs/alert-api
"""

import json
from ipaddress import ip_network

import pytest

from alerts.channels.opsgenie import Opsgenie
from alerts.egress import Egress
from alerts.guard import Guard
from alerts.notification import Notification
from tests.alerts import endpoint
from tests.alerts.channels import told
from tests.alerts.channels.told import check, exactly, text

LOOPBACK = Egress(guard=Guard(allow=(ip_network("127.0.0.0/8"),)))

CREATE = exactly(
    message=text(130),
    alias=text(512),
    description=text(15_000),
    details={"type": "object", "additionalProperties": {"type": "string"}},
    entity=text(512),
    source=text(100),
    priority={"enum": ["P1", "P2", "P3", "P4", "P5"]},
)
CLOSE = exactly(source=text(100))


def sent(notification: Notification) -> endpoint.Request:
    with endpoint.listening(endpoint.saying(endpoint.status(202))) as receiver:
        url = f"{receiver.url}/"
        opsgenie = Opsgenie(url=url, api_key="eb243592", priority="P2", egress=LOOPBACK)
        opsgenie.send(notification, now=0.0)
    [request] = receiver.requests
    return request


@pytest.mark.parametrize("notification", told.ALL.values(), ids=told.ALL)
def test_the_body_is_what_the_api_describes(notification: Notification) -> None:
    check(json.loads(sent(notification).body), CLOSE if notification.is_resolved else CREATE)


@pytest.mark.parametrize("notification", told.ALL.values(), ids=told.ALL)
def test_the_details_are_within_the_limit(notification: Notification) -> None:
    details = json.loads(sent(notification).body).get("details", {})
    assert sum(len(name) + len(value) for name, value in details.items()) <= 8_000


def test_labels_come_along_but_do_not_replace_our_own_keys() -> None:
    details = json.loads(sent(told.FIRING).body)["details"]
    assert details["owner"] == "transport"
    assert details["monitor"] == "free-seats"


def test_the_key_is_sent_as_the_api_asks() -> None:
    assert sent(told.FIRING).headers["authorization"] == "GenieKey eb243592"


def test_an_alert_is_created_and_closed_by_the_same_alias() -> None:
    created = sent(told.FIRING)
    alias = json.loads(created.body)["alias"]
    assert created.path == "/v2/alerts"
    assert sent(told.RESOLVED).path == f"/v2/alerts/{alias}/close?identifierType=alias"
