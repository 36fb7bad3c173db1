"""The API of deliveries and endpoints, over a database in which things have gone wrong."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from alerts.channels.message import Message
from alerts.delivery import Outcome, Result
from alerts.notification import Notification
from monitor.detect import telling
from monitor.server.deliveries import endpoints, troubles
from monitor.spec.channels import Endpoint
from monitor.sql import alerts, outbox, registry, tables
from monitor.sql.database import Database
from tests.alerts.channels import told
from tests.monitor.server.conftest import DAY, NOW, monitor

TARGET = {"kind": "slack", "url_file": "/secret", "timeout_s": 15.0}
PLACE = outbox.place(TARGET)


@pytest.fixture
def delivery(database: Database) -> str:
    """The id of one that was tried in vain, at an endpoint that has failed for four days."""
    with database.write() as connection:
        outbox.put(connection, "alert", [told.FIRING], [Endpoint("team", TARGET)], now=NOW)
        for day in (0, 1, 2, 3, 4):
            fails(connection, NOW + (day - 5) * DAY)
        connection.execute(tables.outbox.update().values(state="exhausted", n_failed=10))
        found: str = connection.execute(select(tables.outbox.c.id)).scalar_one()
    return found


def fails(connection: object, now: float) -> None:
    failed = Outcome(result=Result.RETRY, detail="HTTP 503")
    gone = endpoints.note(connection, PLACE, dict(TARGET), failed, now)  # type: ignore[arg-type]  # a test's
    if gone is not None:
        troubles.disabled(connection, gone, now)  # type: ignore[arg-type]


def test_an_endpoint_that_was_disabled_says_why_and_is_enabled(
    client: TestClient, delivery: str
) -> None:
    [shown] = client.get("/api/v1/endpoints").json()["items"]
    assert (shown["id"], shown["state"], shown["waiting"]) == (PLACE, "disabled", 0)
    assert shown["told_by"] == [{"monitor": "free-seats", "name": "team"}]
    assert shown["reason"] == "5 attempts failed in 4.0 days, the last with: HTTP 503"
    refused = client.post(f"/api/v1/deliveries/{delivery}/redeliver")
    assert (refused.status_code, "enable it" in refused.json()["detail"]) == (409, True)
    assert client.post(f"/api/v1/endpoints/{PLACE}/enable").json()["state"] == "working"


def test_a_delivery_is_told_again_with_its_id_and_a_ladder_of_its_own(
    client: TestClient, delivery: str, database: Database
) -> None:
    client.post(f"/api/v1/endpoints/{PLACE}/enable")
    answer = client.post(f"/api/v1/deliveries/{delivery}/redeliver")
    assert (answer.status_code, answer.json()["state"]) == (202, "pending")
    assert client.get(f"/api/v1/deliveries/{delivery}").json()["id"] == delivery
    with database.read() as connection:
        row = connection.execute(select(tables.outbox)).one()
    assert (row.n_failed, row.next_attempt_at) == (0, NOW)


def test_what_is_not_there_is_said_to_be_missing(client: TestClient) -> None:
    for path in ("deliveries/delivery_0/redeliver", "endpoints/endpoint_0/enable"):
        assert client.post(f"/api/v1/{path}").status_code == 404
    assert client.get("/api/v1/deliveries/delivery_0").status_code == 404
    assert client.post("/api/v1/monitors/nobody/channels/team/test").status_code == 404


def test_an_endpoint_that_was_disabled_is_an_alert_until_it_is_enabled(
    client: TestClient, delivery: str, database: Database
) -> None:
    assert delivery
    with database.read() as connection:
        [known] = alerts.unsettled(connection)
    assert (known.alert.cause, known.alert.rule, known.alert.state) == (
        "pipeline",
        "team",
        "firing",
    )
    assert known.alert.severity == "critical"
    assert known.alert.facts.because == (
        "team (slack) is called no more: 5 attempts failed in 4.0 days, the last with: HTTP 503"
    )
    client.post(f"/api/v1/endpoints/{PLACE}/enable")
    with database.read() as connection:
        [known] = alerts.unsettled(connection)
    assert known.alert.state == "resolved"


def test_those_whom_the_monitor_tells_otherwise_hear_of_an_endpoint_that_was_disabled(
    delivery: str, database: Database
) -> None:
    assert delivery
    pager = {"name": "pager", "pagerduty": {"routing_key_file": "/key"}}
    with database.write() as connection:
        put = registry.put(connection, monitor(alerts={"channels": [pager]}), NOW)
        registry.activate(connection, put, "sha256:" + "0" * 64, ())
        telling.tell(connection, registry.in_force(connection), now=NOW, base_url=None)
        t = tables.outbox
        row = connection.execute(select(t).where(t.c.endpoint == "pager")).one()
    assert (
        Message.of(Notification.from_json(row.payload)).title == "Trouble with team of free-seats"
    )


def test_a_test_puts_a_firing_and_a_resolved_sample_for_the_channel(
    client: TestClient, database: Database
) -> None:
    channels = [{"name": "team", "slack": {"url_file": "/secret"}}]
    with database.write() as connection:
        registry.put(connection, monitor(alerts={"channels": channels}), NOW)
    put = client.post("/api/v1/monitors/free-seats/channels/team/test")
    shown = [client.get(f"/api/v1/deliveries/{one}").json() for one in put.json()["deliveries"]]
    assert [one["payload"]["type"] for one in shown] == [
        "driftmeter.alert.firing",
        "driftmeter.alert.resolved",
    ]
    assert all(one["payload"]["data"]["test"] for one in shown)
    answer = client.post("/api/v1/monitors/free-seats/channels/pager/test")
    assert answer.json()["detail"] == "free-seats has no channel 'pager', it has: team"


def test_deliveries_are_listed_by_state(client: TestClient, delivery: str) -> None:
    listed = client.get("/api/v1/deliveries", params={"state": "exhausted"}).json()["items"]
    assert [one["id"] for one in listed] == [delivery]
    assert client.get("/api/v1/deliveries", params={"state": "pending"}).json()["items"] == []
    assert client.get("/api/v1/deliveries", params={"state": "lost"}).status_code == 422
