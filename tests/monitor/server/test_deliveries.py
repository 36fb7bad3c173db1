"""Deliveries against a real HTTP server that answers as it is told."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import insert, select

from alerts import webhooks
from alerts.notification import Notification, Origin, notification
from monitor.channels import Channel
from monitor.server import queries
from monitor.server.deliveries import LEASE_S, Deliveries
from monitor.sql import tables
from monitor.sql.database import Database
from monitor.telemetry.metrics import Instruments
from tests.alerts.reports import firing
from tests.monitor.server.conftest import NOW

LOOPBACK = [ip_network("127.0.0.0/8")]
SECRET = webhooks.new_secret(lambda n: b"k" * n)


@dataclass
class Receiver:
    """Answers every POST with `status`, and keeps what it was sent; `gate` holds it up."""

    status: int = 204
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    url: str = ""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    told = Receiver()
    told.gate.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            told.received.append(({k.lower(): v for k, v in self.headers.items()}, body))
            told.gate.wait(10)
            self.send_response(told.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name there
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    yield told
    told.gate.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text(SECRET + "\n")
    return tmp_path / "secret"


def post(
    database: Database,
    url: str,
    secret_file: Path,
    name: str = "one",
    *,
    age_s: float = 0.0,
    alert: str | None = None,
) -> None:
    event = Notification(
        id=name,
        type="driftmeter.alert.firing",
        at=NOW - age_s,
        monitor="free-seats",
        source="/monitors/free-seats",
        data={"reason": "strong window", "alert": {"id": alert}},
    )
    target: dict[str, object] = {
        "kind": "webhook",
        "url": url,
        "secret_file": str(secret_file),
        "timeout_s": 5.0,
    }
    put(database, event, target)


def put(database: Database, event: Notification, target: dict[str, object]) -> None:
    row = {
        "id": event.id,
        "monitor": event.monitor,
        "kind": "alert",
        "endpoint": "pager",
        "target": target,
        "payload": event.to_json(),
        "traceparent": None,
        "state": "pending",
        "created_at": event.at,
        "next_attempt_at": NOW,
        "n_attempts": 0,
    }
    with database.write() as connection:
        connection.execute(insert(tables.outbox), row)


def worker(database: Database, now: float = NOW, **options: object) -> Deliveries:
    settings = {"allow": LOOPBACK, "uniform": lambda: 0.0} | options
    return Deliveries(database, Instruments(CollectorRegistry()), lambda: now, **settings)  # type: ignore[arg-type]  # options of a test


def deliver(database: Database, now: float = NOW, **options: object) -> None:
    """One tick of a worker that is then closed, as after a restart."""
    working = worker(database, now, **options)
    working.tick(now)
    working.close()


def state(database: Database, name: str = "one") -> tuple[str, int, float]:
    t = tables.outbox
    query = select(t.c.state, t.c.n_attempts, t.c.next_attempt_at).where(t.c.id == name)
    with database.read() as connection:
        return tuple(connection.execute(query).one())


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


@pytest.mark.parametrize("status", [301, 400, 404, 410])
def test_an_endpoint_that_refuses_is_not_asked_again(
    database: Database, receiver: Receiver, secret_file: Path, status: int
) -> None:
    post(database, receiver.url, secret_file)
    receiver.status = status
    deliver(database)
    assert state(database)[:2] == ("failed", 1)


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
    post(database, receiver.url, secret_file)
    receiver.gate.clear()
    dying = worker(database)
    dying.tick(NOW)  # claimed and under way; then nothing more is heard of it
    other = worker(database)
    assert other.tick(NOW + LEASE_S - 1) == 0
    assert other.tick(NOW + LEASE_S) == 1
    receiver.gate.set()
    other.close()
    assert {headers["webhook-id"] for headers, _ in receiver.received} == {"one"}


def test_a_slow_endpoint_delays_nobody_else(
    database: Database, receiver: Receiver, secret_file: Path
) -> None:
    receiver.gate.clear()
    post(database, receiver.url, secret_file, "slow", age_s=9)
    post(database, receiver.url, secret_file, "behind it")
    post(database, "http://127.0.0.1:1/refused", secret_file, "other")
    working = worker(database)
    assert working.tick(NOW) == 2
    assert working.tick(NOW) == 0
    receiver.gate.set()
    working.close()
    assert state(database, "slow")[0] == "delivered"
    assert state(database, "behind it") == ("pending", 0, NOW)
    assert state(database, "other")[:2] == ("pending", 1)


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
    put(database, told, channel.target())
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
