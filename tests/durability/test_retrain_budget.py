"""Detect and server are killed between deciding and asking: no retrain is lost, and none is beyond
the cooldown, the limit of a day, or the one that is in flight."""

import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from alerts.retraining.lifecycle import RetrainState
from alerts.webhooks import new_secret
from detectors.columns import Rows
from detectors.profile import count
from detectors.reference import Reference
from monitor.kafka import profile_messages
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Segment, Watermark
from monitor.kafka.profile_messages import SegmentProfile
from monitor.kafka.publishing import Publisher
from monitor.retraining import news, records
from monitor.retraining.news import News
from monitor.sql import registry, tables
from monitor.sql.database import Database, open_database
from monitor.up.supervisor import free_port
from tests.alerts import endpoint
from tests.support.chain import Member, keep_alive
from tests.support.counted import HOUR, SCHEMA, fit_reference, keep, monitor
from tests.support.long import LONG
from tests.support.owners import let_leases_run_out

COOLDOWN_H, PER_DAY = 7, 2
INCIDENT_H = 6
"""From one incident's beginning to the next one's; the first two hours of each drift."""


@dataclass
class Expected:
    """What may be asked for, slowly: of windows in turn, whether each drifted."""

    asked_at: list[int] = field(default_factory=list)
    is_open: bool = False
    is_asked: bool = False
    is_in_flight: bool = False

    def window(self, hour: int, *, drifted: bool) -> None:
        if not drifted or not self.is_open:
            self.is_asked = False
        self.is_open = drifted
        latest = [hour - before for before in self.asked_at]
        is_free = not self.is_in_flight and all(age >= COOLDOWN_H for age in latest)
        if drifted and not self.is_asked and is_free and sum(a < 24 for a in latest) < PER_DAY:
            self.asked_at.append(hour)
            self.is_asked = self.is_in_flight = True


@dataclass
class Roles:
    """Detect and server as processes, and the log and the database between them."""

    broker: Broker
    database: Database
    reference: Reference
    folder: Path
    members: dict[str, Member] = field(default_factory=dict)

    def __post_init__(self) -> None:
        detect, serve = free_port(), free_port()
        self._add("detect", detect, "--metrics", f"127.0.0.1:{detect}", "--idle", "1h")
        self._add(
            "serve", serve, "--listen", f"127.0.0.1:{serve}", "--webhook-allow", "127.0.0.0/8"
        )

    def _add(self, role: str, port: int, *flags: str) -> None:
        command = [
            *(sys.executable, "-m", "monitor", role, "--broker", self.broker.servers[0]),
            *("--topic-prefix", self.broker.topics.prefix),
            *("--database", str(self.database.engine.url)),
            *("--store", str(self.folder / "references"), *flags),
        ]
        ready = f"http://127.0.0.1:{port}/readyz"
        self.members[role] = Member(role, command, self.folder, ready)

    def ensure(self) -> None:
        for member in self.members.values():
            member.ensure()

    def stop(self) -> None:
        for member in self.members.values():
            member.stop()

    def publish(self, publisher: Publisher, hour: int) -> None:
        """A window's rows, and that it is over."""
        x = np.random.default_rng(hour).normal(5.0 if hour % INCIDENT_H < 2 else 0.0, 1, 200)
        profile = count(Rows({"x": x, "prediction": 2 * x}, len(x)), self.reference)
        segment = Segment(
            monitor="seats",
            topic=self.broker.topics.predictions,
            partition=0,
            reference_id=self.reference.id,
            pane_start=hour * HOUR,
            pane_s=HOUR,
            start=hour,
            version=1,
        )
        mark = Watermark(
            monitor="seats",
            topic=segment.topic,
            partition=0,
            event_time=(hour + 1) * HOUR,
            offset=hour + 1,
        )
        said = SegmentProfile(segment, profile.to_bytes())
        topic = self.broker.topics.profiles
        publisher.deliver(
            [
                profile_messages.of_segment(said, topic, 1),
                profile_messages.of_watermark(mark, topic, 1),
            ]
        )

    def verdicts(self) -> Mapping[int, str]:
        """Of the windows that are reported, by hour."""
        t = tables.reports
        with self.database.read() as connection:
            rows = connection.execute(select(t.c.window_start, t.c.body))
            return {round(row.window_start / HOUR): row.body["verdict"] for row in rows}

    def requests(self) -> dict[int, Any]:
        """By the hour of the window that asked."""
        with self.database.read() as connection:
            found = records.latest(connection, limit=10_000)
        return {round(record.at / HOUR) - 1: record for record in found}

    def succeed(self, hour: int) -> None:
        """The retrain that an hour asked for is accepted, and then succeeds."""
        keep_alive(self, lambda: self.requests()[hour].state == "accepted", 120.0, poll_s=0.05)
        record = self.requests()[hour]
        with self.database.write() as connection:
            said = News(state=RetrainState.SUCCEEDED.value)
            news.take(connection, record, said, by="test", now=record.created_at)


def watch(database: Database, reference: Reference, url: str, secret_file: Path) -> None:
    retrain = {
        "webhooks": [{"name": "pipeline", "url": f"{url}/202", "secret_file": str(secret_file)}],
        "cooldown": f"{COOLDOWN_H}h",
        "per_day": PER_DAY,
    }
    with database.write() as connection:
        found = registry.put(connection, monitor(windows=["1h"], retrain=retrain), 0.0)
        registry.activate(connection, found, reference.id, SCHEMA)


@pytest.mark.parametrize(
    ("n", "n_kills"),
    [pytest.param(14, 2, marks=pytest.mark.timeout(600)), pytest.param(300, 20, marks=LONG)],
)
def test_kill_9_between_decision_and_request_breaks_no_limit_and_loses_no_retrain(
    n: int, n_kills: int, embedded_broker: Broker, tmp_path: Path
) -> None:
    chance, reference = random.Random(11), fit_reference()
    keep(reference, tmp_path / "references")
    database = open_database(f"sqlite:///{tmp_path}/driftmeter.db")
    (tmp_path / "secret").write_text(new_secret(lambda n: b"k" * n))
    kills = dict(zip(chance.sample(range(n), n_kills), ("detect", "serve") * n_kills, strict=False))
    expected, roles = Expected(), Roles(embedded_broker, database, reference, tmp_path)
    publisher = Publisher(embedded_broker, client_id="test")
    with endpoint.listening(endpoint.by_path) as receiver:
        watch(database, reference, receiver.url, tmp_path / "secret")
        try:
            roles.ensure()
            for hour in range(n):
                roles.publish(publisher, hour)
                if hour in kills:
                    roles.members[kills[hour]].kill()
                    let_leases_run_out(database)
                keep_alive(roles, lambda: hour in roles.verdicts(), 120.0, poll_s=0.02)  # noqa: B023  it waits here
                expected.window(hour, drifted=roles.verdicts()[hour] == "drift")
                assert sorted(roles.requests()) == expected.asked_at
                if expected.is_in_flight and hour % 8 == 3:
                    roles.succeed(expected.asked_at[-1])
                    expected.is_in_flight = False
            last = expected.asked_at[-1]
            keep_alive(roles, lambda: roles.requests()[last].state != "requested", 120.0)
        finally:
            roles.stop()
            publisher.close()
        told = {request.headers["webhook-id"] for request in receiver.requests}
        assert told == {record.id for record in roles.requests().values()}
        assert len(receiver.requests) <= len(told) + n_kills
    database.engine.dispose()
    print(f"{n} windows, {n_kills} kills, {len(told)} retrains at hours {expected.asked_at}")
