"""What stands until it is over, and is told again and again meanwhile."""

import json
from dataclasses import replace

from sqlalchemy import select

from alerts.notification import Origin, announce
from alerts.state import Alert, State, Transition
from monitor.sql import tables
from monitor.sql.database import Database, upsert
from tests.alerts.reports import firing
from tests.monitor.server.conftest import DAY, NOW
from tests.monitor.server.deliveries.delivering import (
    Receiver,
    deliver,
    put,
    states,
)

ALERTMANAGER = {"kind": "alertmanager", "timeout_s": 5.0}


def stand(database: Database, url: str, alert: Alert) -> None:
    """Puts what an Alertmanager is to be told of an alert."""
    row = {
        "id": alert.id,
        "monitor": alert.monitor,
        "cause": alert.cause,
        "window_s": DAY,
        "state": alert.state,
        "started_at": alert.started_at,
        "updated_at": alert.updated_at,
        "firing_at": alert.firing_at,
        "body": alert.to_json(),
    }
    with database.write() as connection:
        upsert(connection, tables.alerts, [row])
    at = alert.resolved_at or alert.firing_at or 0.0
    transition = Transition(id=f"{alert.id}_{alert.state}", state=alert.state, at=at)
    told = announce(alert, transition, Origin())
    assert told is not None
    put(database, told, {**ALERTMANAGER, "url": url}, now=alert.resolved_at or NOW)


def said(body: bytes) -> str:
    [alert] = json.loads(body)
    return "resolved" if alert["annotations"]["summary"].startswith("Resolved") else "firing"


def test_an_alertmanager_is_told_again_until_the_alert_is_over_and_of_that_for_a_while(
    database: Database, receiver: Receiver
) -> None:
    fires = firing()
    stand(database, receiver.url, fires)
    for seconds in (0, 59, 60, 120):
        deliver(database, NOW + seconds)
    assert [said(body) for _, body in receiver.received] == ["firing"] * 3
    over = replace(fires, state=State.RESOLVED, resolved_at=NOW + 150)
    stand(database, receiver.url, over)
    for minute in range(3, 30):
        deliver(database, NOW + minute * 60)
    told = [said(body) for _, body in receiver.received[3:]]
    assert told == ["resolved"] * 15
    assert states(database) == {"delivered": 2}


def test_of_repeats_only_those_that_went_otherwise_than_the_one_before_are_kept(
    database: Database, receiver: Receiver
) -> None:
    stand(database, receiver.url, firing())
    for minute, status in enumerate([200, 200, 503, 503, 503, 200, 200]):
        receiver.status = status
        deliver(database, NOW + minute * 60)
    assert states(database) == {"standing": 1}
    with database.read() as connection:
        kept = connection.execute(select(tables.attempts.c.status).order_by(tables.attempts.c.n))
        assert list(kept.scalars()) == [200, 503, 200]


def test_an_alertmanager_that_was_away_for_long_is_told_within_a_minute(
    database: Database, receiver: Receiver
) -> None:
    stand(database, receiver.url, firing())
    receiver.status = 503
    for minute in range(20):
        deliver(database, NOW + minute * 60)
    receiver.status = 200
    deliver(database, NOW + 20 * 60)
    assert states(database) == {"standing": 1}
