"""What deliveries are tried with: a receiver that answers as it is told, and what is to be told."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

from prometheus_client import CollectorRegistry
from sqlalchemy import select

from alerts import webhooks
from alerts.notification import Notification, delivery_id
from monitor.server.deliveries.worker import Deliveries
from monitor.spec.channels import Endpoint
from monitor.sql import outbox, tables
from monitor.sql.database import Database
from monitor.telemetry.instruments import Instruments
from tests.monitor.server.conftest import NOW

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
