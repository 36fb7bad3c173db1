"""A retrain from the request to the promotion, over a real broker, database and endpoint."""

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import orjson
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, select

from alerts.retraining.lifecycle import RetrainState
from alerts.retraining.policy import Answer
from monitor.kafka.connecting import Broker
from monitor.kafka.publishing import Message, Publisher
from monitor.retraining import news, records, telling
from monitor.retraining.loop import Loop
from monitor.retraining.news import News
from monitor.server.deliveries.worker import Deliveries
from monitor.sql import registry, tables
from monitor.sql.database import Database
from monitor.telemetry.instruments import Instruments
from tests.contracts import published_systems
from tests.contracts.test_retraining_systems import Strict, serving
from tests.monitor.retraining.days import NOW, Days, monitor
from tests.support.waiting import wait_for

LOOPBACK = [ip_network("127.0.0.0/8")]
DAY = 86_400.0


class World:
    """One monitor, the loop over its retrains, the deliveries, and a clock of the test's own."""

    def __init__(self, database: Database, broker: Broker) -> None:
        self.database = database
        self.broker = broker
        self.now = NOW
        self.loop = Loop(database, broker, lambda: self.now, allow=LOOPBACK)
        instruments = Instruments(CollectorRegistry())
        self.deliveries = Deliveries(database, instruments, lambda: self.now, allow=LOOPBACK)

    def drift(self, retrain: dict[str, Any]) -> Days:
        watched = monitor(retrain)
        with self.database.write() as connection:
            registry.put(connection, watched, self.now)
        days = Days(self.database, watched)
        days.drift()
        return days

    def tick(self) -> None:
        self.loop.tick(self.now)
        self.deliveries.tick(self.now)

    def until(self, state: RetrainState) -> None:
        def came() -> bool:
            self.tick()
            return bool(self.record.state == state)

        wait_for(came)

    @property
    def record(self) -> records.Record:
        with self.database.read() as connection:
            [record] = records.latest(connection)
        return record

    def say(self, **said: Any) -> news.Taken:
        with self.database.write() as connection:
            return news.take(
                connection, self.record, News.model_validate(said), by="test", now=self.now
            )

    def alerts(self) -> list[tuple[str, str, str]]:
        t = tables.alerts
        with self.database.read() as connection:
            rows = connection.execute(select(t.c.cause, t.c.state, t.c.body))
            return [(row.cause, row.state, row.body["reason"]) for row in rows]

    def because(self) -> str:
        with self.database.read() as connection:
            [body] = connection.scalars(select(tables.alerts.c.body))
        return str(body["because"])


@pytest.fixture
def world(database: Database, embedded_broker: Broker) -> Iterator[World]:
    made = World(database, embedded_broker)
    yield made
    made.loop.close()
    made.deliveries.close()


@pytest.fixture
def airflow(tmp_path: Path) -> Iterator[tuple[Strict, dict[str, Any]]]:
    """A strict server, and the section of a document that asks it."""
    (tmp_path / "password").write_text("secret-of-password")
    published = published_systems.SYSTEMS["airflow"]
    with serving(published) as strict:
        settings = {
            "url": strict.url,
            "dag": "retrain",
            "username": "user",
            "password_file": str(tmp_path / "password"),
        }
        yield strict, {"start": {"airflow": settings}}


def test_a_request_says_where_the_training_rows_are(world: World) -> None:
    publisher = Publisher(world.broker, client_id="test")
    publisher.deliver([Message(world.broker.topics.predictions, b"x", b"rows")] * 3)
    publisher.close()
    world.drift({"training": "7d"})
    world.until(RetrainState.ACCEPTED)
    training = world.record.event["data"]["retrain"]["training"]
    assert (training["from"], training["to"]) == (
        "1969-12-26T00:00:00.000Z",
        "1970-01-02T00:00:00.000Z",
    )
    offsets = training["predictions"]["offsets"]
    assert [one["to"] - one["from"] for one in offsets] == [3]
    assert training["labels"] is None


def test_the_topic_has_the_request_that_the_endpoints_get(world: World) -> None:
    world.drift({})
    world.until(RetrainState.ACCEPTED)
    consumer = world.broker.consumer(world.broker.topics.retrain, client_id="test")
    [[message]] = consumer.poll(timeout_ms=10_000).values()
    consumer.close()
    assert message.key == b"free-seats"
    assert orjson.loads(message.value) == world.record.event
    assert world.record.event["id"] == world.record.id


def test_a_run_is_started_watched_and_seen_to_end(
    world: World, airflow: tuple[Strict, dict[str, Any]]
) -> None:
    strict, retrain = airflow
    world.drift(retrain)
    world.until(RetrainState.ACCEPTED)
    for word, state in [("running", RetrainState.RUNNING), ("success", RetrainState.SUCCEEDED)]:
        strict.state = word
        world.now += 60
        world.until(state)
    assert strict.faults == []
    assert strict.n_starts == 1
    said = [(entry["state"], entry["by"]) for entry in world.record.history]
    assert said == [
        ("requested", "detect"),
        ("accepted", "delivery"),
        ("running", "airflow"),
        ("succeeded", "airflow"),
    ]


def test_what_nobody_takes_has_failed(world: World, airflow: tuple[Strict, dict[str, Any]]) -> None:
    strict, retrain = airflow
    strict.forced = (404, {})
    world.drift(retrain)
    world.until(RetrainState.FAILED)
    assert world.record.history[-1]["detail"] == "nobody who was asked has taken the request"
    assert world.alerts() == [("pipeline", "firing", "a retrain failed")]


def test_silence_raises_an_alert_and_a_late_answer_ends_it(world: World) -> None:
    world.drift({"answer_within": "1h"})
    world.until(RetrainState.ACCEPTED)
    world.now += 3599
    world.tick()
    assert world.alerts() == []
    world.now += 1
    world.tick()
    assert world.record.state == "unanswered"
    assert world.alerts() == [("pipeline", "firing", "a retrain did not answer")]
    world.say(state="succeeded")
    assert world.alerts() == [("pipeline", "resolved", "a retrain did not answer")]


def test_a_failure_raises_an_alert_that_is_over_with_the_incident(world: World) -> None:
    days = world.drift({})
    world.until(RetrainState.ACCEPTED)
    world.say(state="failed", detail="no disk")
    assert world.alerts() == [("pipeline", "firing", "a retrain failed")]
    assert world.because().endswith("failed: no disk")
    days.quiet()
    assert world.alerts() == [("pipeline", "resolved", "a retrain failed")]


def test_a_retrain_that_answers_late_that_it_failed_is_an_alert_of_its_own(world: World) -> None:
    world.drift({"answer_within": "1h"})
    world.until(RetrainState.ACCEPTED)
    world.now += 3600
    world.tick()
    world.say(state="failed")
    assert sorted(world.alerts()) == [
        ("pipeline", "firing", "a retrain failed"),
        ("pipeline", "resolved", "a retrain did not answer"),
    ]
    assert world.say(state="promoted").is_new
    assert {state for _, state, _ in world.alerts()} == {"resolved"}


def test_silence_is_nobodys_fault_where_no_answer_is_asked_for(world: World) -> None:
    days = world.drift({"answer_within": None, "cooldown": "0s"})
    world.until(RetrainState.ACCEPTED)
    world.now += 1000 * DAY
    world.tick()
    assert world.record.state == "accepted"
    days.quiet()
    assert days.drift() == [Answer.REQUESTED]


def test_a_late_answer_of_the_system_ends_the_alert(
    world: World, airflow: tuple[Strict, dict[str, Any]]
) -> None:
    strict, retrain = airflow
    world.drift({**retrain, "answer_within": "1h"})
    world.until(RetrainState.ACCEPTED)
    world.now += 3601
    world.until(RetrainState.UNANSWERED)
    strict.state = "success"
    world.now += 60
    world.until(RetrainState.SUCCEEDED)
    assert [state for _, state, _ in world.alerts()] == ["resolved"]


def test_a_promotion_rebases_the_monitor_once(world: World) -> None:
    world.drift({})
    world.until(RetrainState.ACCEPTED)
    said = {"state": "promoted", "model_version": "7", "reference": {"url": "new.parquet"}}
    assert world.say(**said) == news.Taken(is_new=True, revision=2)
    assert world.say(**said) == news.Taken(is_new=False)
    with world.database.read() as connection:
        found = registry.get(connection, "free-seats")
    assert found is not None
    assert (found.revision, found.monitor.spec.reference.url) == (2, "new.parquet")
    assert found.monitor.spec.lateness == 60.0


def test_the_next_window_says_whether_it_helped(world: World) -> None:
    world.drift({})
    world.until(RetrainState.ACCEPTED)
    world.say(state="promoted", reference={"url": "new.parquet"})
    _report(world, day=1, revision=1, verdict="drift")
    assert _result(world) is None
    _report(world, day=2, revision=2, verdict="quiet", realised=3.5)
    result = _result(world)
    assert result is not None
    assert (result["report"], result["helped"]) == ("report-2", True)
    with world.database.read() as connection:
        reports = [_body(connection, day) for day in (1, 2)]
        said = [telling.of_report(connection, one) for one in reports]
    assert said == [None, {"id": world.record.id, **result}]


def test_a_crash_between_topic_and_endpoints_asks_nobody_twice(world: World) -> None:
    world.drift({})
    world.loop.tick(world.now)
    with world.database.write() as connection:
        records.change(connection, world.record.id, sent_at=None, published_at=None)
    before = world.record.event["id"]
    world.until(RetrainState.ACCEPTED)
    assert world.record.event["id"] == before


def _report(
    world: World, *, day: int, revision: int, verdict: str, realised: float | None = None
) -> None:
    body = {
        "id": f"report-{day}",
        "monitor": "free-seats",
        "window": {"start": day * DAY, "end": (day + 1) * DAY, "seconds": DAY},
        "verdict": verdict,
        "realised": realised and {"metric": "mae", "value": realised},
        "expected": None,
    }
    row = {
        "id": body["id"],
        "monitor": "free-seats",
        "window_s": DAY,
        "window_start": day * DAY,
        "window_end": (day + 1) * DAY,
        "revision": 1,
        "reference_id": f"sha256:{revision}",
        "monitor_revision": revision,
        "decision": {},
        "body": body,
        "created_at": world.now + 1,
    }
    with world.database.write() as connection:
        connection.execute(tables.reports.insert(), row)


def _body(connection: Connection, day: int) -> dict[str, Any]:
    t = tables.reports
    [body] = connection.scalars(select(t.c.body).where(t.c.id == f"report-{day}"))
    return dict(body)


def _result(world: World) -> dict[str, Any] | None:
    with world.database.read() as connection:
        return telling.result(connection, world.record)
