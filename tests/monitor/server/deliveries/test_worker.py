"""Deliveries against a real HTTP server that answers as it is told."""

import json
from itertools import accumulate
from pathlib import Path

import pytest

from alerts import webhooks
from alerts.delivery import LADDER_S
from alerts.notification import Origin, notification
from monitor.server import queries
from monitor.spec.channels import Channel
from monitor.sql.database import Database
from tests.alerts.reports import firing
from tests.monitor.server.conftest import NOW
from tests.monitor.server.deliveries.delivering import (
    SECRET,
    Receiver,
    deliver,
    post,
    put,
    state,
    worker,
)


def test_a_notification_arrives_signed_and_is_not_sent_again(
    database: Database, receiver: Receiver, secret_file: Path
) -> None:
    post(database, receiver.url, secret_file)
    deliver(database)
    deliver(database, NOW + 1e6)
    ((headers, body),) = receiver.received
    webhooks.verify(SECRET, headers, body, now=NOW)
    assert headers["webhook-id"] == "one"
    assert state(database)[:2] == ("delivered", 1)


def test_an_endpoint_in_trouble_is_tried_again_with_the_same_id(
    database: Database, receiver: Receiver, secret_file: Path
) -> None:
    post(database, receiver.url, secret_file)
    receiver.status = 503
    deliver(database)
    assert state(database) == ("pending", 1, NOW + 5)
    receiver.status = 200
    deliver(database, NOW + 5)
    assert [headers["webhook-id"] for headers, _ in receiver.received] == ["one", "one"]
    assert state(database)[:2] == ("delivered", 2)


@pytest.mark.parametrize("status", [301, 400, 404])
def test_an_endpoint_that_refuses_is_not_asked_again(
    database: Database, receiver: Receiver, secret_file: Path, status: int
) -> None:
    post(database, receiver.url, secret_file)
    receiver.status = status
    deliver(database)
    assert state(database)[:2] == ("failed", 1)


def test_what_was_tried_ten_times_in_vain_is_exhausted(
    database: Database, receiver: Receiver, secret_file: Path
) -> None:
    post(database, receiver.url, secret_file)
    receiver.status = 503
    for wait in (0, *accumulate(LADDER_S)):
        deliver(database, NOW + wait)
    assert state(database)[:2] == ("exhausted", 10)
    with database.read() as connection:
        (shown,) = queries.deliveries(connection, name="free-seats", limit=5)
    assert [a["outcome"] for a in shown["attempts"]] == ["retry"] * 9 + ["exhausted"]


def test_every_attempt_is_kept(database: Database, receiver: Receiver, secret_file: Path) -> None:
    post(database, receiver.url, secret_file)
    receiver.status = 500
    deliver(database)
    with database.read() as connection:
        (shown,) = queries.deliveries(connection, name="free-seats", limit=5)
    assert [(a["n"], a["status"], a["outcome"]) for a in shown["attempts"]] == [(1, 500, "retry")]


def test_a_worker_that_dies_in_the_middle_leaves_the_row_to_the_next(
    database: Database, receiver: Receiver, secret_file: Path
) -> None:
    post(database, receiver.url, secret_file, timeout_s=5.0)
    receiver.gate.clear()
    dying = worker(database)
    dying.tick(NOW)  # claimed for four timeouts of 5 s and 5 s; nothing more is heard of it
    other = worker(database)
    assert other.tick(NOW + 24) == 0
    assert other.tick(NOW + 25) == 1
    receiver.gate.set()
    other.close()
    assert {headers["webhook-id"] for headers, _ in receiver.received} == {"one"}


def test_the_end_of_an_alert_is_not_told_before_its_beginning(
    database: Database, receiver: Receiver, secret_file: Path
) -> None:
    post(database, receiver.url, secret_file, "firing", age_s=9, alert="alert_1")
    receiver.status = 503
    deliver(database)
    post(database, receiver.url, secret_file, "resolved", alert="alert_1")
    post(database, receiver.url, secret_file, "of another", alert="alert_2")
    receiver.status = 200
    for seconds in (1, 2, 5, 6):
        deliver(database, NOW + seconds)
    told = [headers["webhook-id"] for headers, _ in receiver.received]
    assert told == ["firing", "of another", "firing", "resolved"]


def test_a_beginning_that_could_not_be_told_does_not_hold_up_the_end(
    database: Database, receiver: Receiver, secret_file: Path
) -> None:
    post(database, receiver.url, secret_file, "firing", age_s=9, alert="alert_1")
    post(database, receiver.url, secret_file, "resolved", alert="alert_1")
    receiver.status = 400
    deliver(database)
    receiver.status = 200
    deliver(database)
    assert (state(database, "firing")[0], state(database, "resolved")[0]) == ("failed", "delivered")


def test_a_row_for_a_pager_goes_to_the_pager(
    database: Database, receiver: Receiver, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("0123456789abcdef" * 2)
    channel = Channel.model_validate(
        {
            "name": "page",
            "pagerduty": {"routing_key_file": str(tmp_path / "key"), "url": receiver.url},
        }
    )
    told = notification(firing(), Origin(), id="one", type="driftmeter.alert.firing", at=NOW)
    put(database, told, channel.target(), now=NOW)
    deliver(database)
    ((_, body),) = receiver.received
    assert json.loads(body)["dedup_key"] == "alert_1"
    assert state(database)[:2] == ("delivered", 1)


def test_a_private_address_is_refused_unless_its_network_is_allowed(
    database: Database, receiver: Receiver, secret_file: Path
) -> None:
    post(database, receiver.url, secret_file)
    deliver(database, allow=())
    assert state(database)[:2] == ("failed", 1)
    assert receiver.received == []


def test_a_missing_secret_makes_the_notification_wait_for_it(
    database: Database, receiver: Receiver, secret_file: Path
) -> None:
    secret_file.unlink()
    post(database, receiver.url, secret_file)
    deliver(database)
    assert state(database)[:2] == ("pending", 1)
    secret_file.write_text(SECRET)
    deliver(database, NOW + 5)
    assert state(database)[:2] == ("delivered", 2)
