"""Deliveries against a real HTTP server that answers as it is told."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from itertools import accumulate
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from alerts import webhooks
from alerts.delivery import LADDER_S
from alerts.notification import Notification, Origin, announce, delivery_id, notification
from alerts.state import Alert, State, Transition
from monitor.server import queries
from monitor.server.deliveries import endpoints
from monitor.server.deliveries.worker import WORKERS, WORKERS_FOR_FAILING, Deliveries
from monitor.spec.channels import Channel, Endpoint
from monitor.sql import outbox, tables
from monitor.sql.database import Database, upsert
from monitor.telemetry.instruments import Instruments
from tests.alerts.reports import firing
from tests.monitor.server.conftest import DAY, NOW
from tests.support.waiting import wait_for

LOOPBACK = [ip_network("127.0.0.0/8")]
SECRET = webhooks.new_secret(lambda n: b"k" * n)


@dataclass
class Receiver:
    """Answers every POST with `status`, and keeps what it was sent; `gate` holds up `held`."""

    status: int = 204
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    held: str = ""
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
            told.paths.append(self.path)
            if self.path.endswith(told.held):
                told.gate.wait(60)
            self.send_response(told.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name there
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
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
    timeout_s: float = 60.0,
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
        "timeout_s": timeout_s,
    }
    put(database, event, target, now=event.at)


def put(database: Database, event: Notification, target: dict[str, object], *, now: float) -> None:
    with database.write() as connection:
        outbox.put(connection, "alert", [event], [Endpoint("pager", target)], now=now)


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
    query = select(t.c.state, t.c.n_attempts, t.c.next_attempt_at).where(
        t.c.id == delivery_id(name, "pager")
    )
    with database.read() as connection:
        return tuple(connection.execute(query).one())


def states(database: Database) -> Counter[str]:
    with database.read() as connection:
        return Counter(connection.scalars(select(tables.outbox.c.state)))


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


def test_an_endpoint_that_is_gone_is_called_no_more_for_anything(
    database: Database, receiver: Receiver, secret_file: Path
) -> None:
    post(database, receiver.url, secret_file)
    receiver.status = 410
    deliver(database)
    post(database, receiver.url, secret_file, "another")
    deliver(database, NOW + 1e6)
    assert state(database)[:2] == ("gone", 1)
    assert state(database, "another")[:2] == ("pending", 0)
    assert len(receiver.received) == 1


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


def test_an_endpoint_that_fails_for_three_days_is_disabled_and_what_comes_waits(
    database: Database, receiver: Receiver, secret_file: Path
) -> None:
    receiver.status = 503
    fails_for_three_days(database, receiver.url, secret_file)
    receiver.status = 200
    post(database, receiver.url, secret_file, "later", age_s=-4 * DAY)
    deliver(database, NOW + 5 * DAY)
    assert state(database, "later")[:2] == ("pending", 0)
    with database.read() as connection:
        [disabled] = connection.execute(select(tables.endpoints)).all()
    assert (disabled.disabled_at, disabled.failing_since) == (NOW + sum(LADDER_S), NOW)
    assert disabled.reason == "10 attempts failed in 3.1 days, the last with: HTTP 503"


def test_an_endpoint_that_is_enabled_gets_what_has_waited_at_once(
    database: Database, receiver: Receiver, secret_file: Path
) -> None:
    receiver.status = 503
    fails_for_three_days(database, receiver.url, secret_file)
    receiver.status = 200
    post(database, receiver.url, secret_file, "later", age_s=-4 * DAY)
    with database.write() as connection:
        place = connection.scalar(select(tables.endpoints.c.place)) or ""
        assert endpoints.enable(connection, place, NOW + 5 * DAY) is not None
        assert endpoints.enable(connection, "endpoint_unknown", NOW) is None
    deliver(database, NOW + 5 * DAY)
    assert state(database, "later")[:2] == ("delivered", 1)


def test_a_failure_now_and_then_does_not_disable(
    database: Database, receiver: Receiver, secret_file: Path
) -> None:
    for day in range(20):
        receiver.status = 503 if day % 2 else 200
        post(database, receiver.url, secret_file, str(day), age_s=-day * DAY)
        deliver(database, NOW + day * DAY)
    with database.read() as connection:
        assert connection.scalar(select(tables.endpoints.c.disabled_at)) is None


def fails_for_three_days(database: Database, url: str, secret_file: Path) -> None:
    post(database, url, secret_file)
    for wait in (0, *accumulate(LADDER_S)):
        deliver(database, NOW + wait)


@pytest.mark.timeout(600)
def test_one_dead_endpoint_among_a_hundred_delays_nobody(
    database: Database, receiver: Receiver, secret_file: Path
) -> None:
    receiver.held = "/dead"
    receiver.gate.clear()
    for n in range(20):
        post(database, f"{receiver.url}/dead", secret_file, f"dead {n}", age_s=99, timeout_s=250.0)
    for n in range(198):
        post(database, f"{receiver.url}/{n % 99}", secret_file, str(n), age_s=9)
    working = worker(database)
    wait_for(
        lambda: working.tick(NOW) == 0 and states(database)["delivered"] == 198, timeout_s=200.0
    )
    assert states(database) == {"delivered": 198, "pending": 20}
    assert sum(path.endswith("/dead") for path in receiver.paths) == 1
    receiver.gate.set()
    working.close()


def test_those_that_fail_leave_threads_to_the_others(
    database: Database, receiver: Receiver, secret_file: Path
) -> None:
    receiver.status = 503
    for n in range(WORKERS):
        post(database, f"{receiver.url}/dead/{n}", secret_file, str(n), age_s=9)
    deliver(database)
    receiver.gate.clear()
    post(database, f"{receiver.url}/well", secret_file, "well")
    working = worker(database)
    assert working.tick(NOW + 5) == WORKERS_FOR_FAILING + 1
    receiver.gate.set()
    working.close()
    assert state(database, "well")[1] == 1


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
