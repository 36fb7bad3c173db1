import sqlite3
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from prometheus_client import CollectorRegistry

from detectors.profile import count
from detectors.reference import Reference
from monitor.detect import state
from monitor.detect.judging import Judge
from monitor.detect.keeper import Keeper
from monitor.detect.source import Source
from monitor.detect.worker import CHECK_S, RETRY_S, Tally, Worker
from monitor.kafka import profile_messages
from monitor.kafka.messages import Segment, Topics, Watermark
from monitor.kafka.profile_messages import SegmentProfile
from monitor.kafka.publishing import Message
from monitor.kafka.records import Partition, Record
from monitor.sql import registry
from monitor.sql.database import Database, claim, open_database
from monitor.telemetry.instruments import Instruments
from tests.monitor.detect.world import some_rows
from tests.support.counted import HOUR, monitor
from tests.support.log import Log

TOPICS = Topics("t.")


class Scripted(Source):
    """Gives out batches of records, one a poll."""

    def __init__(self, *batches: list[Record]) -> None:
        self.n_resets = 0
        self.batches = list(batches)

    def poll(self, *, timeout_s: float) -> tuple[list[Record], dict[Partition, int]]:
        records = self.batches.pop(0) if self.batches else []
        return records, {Partition(r.topic, r.partition): r.offset + 1 for r in records}


@pytest.fixture
def database(reference: Reference, tmp_path: Path) -> Iterator[Database]:
    """With an active monitor; it gives up quickly when somebody else writes."""
    opened = open_database(f"sqlite:///{tmp_path}/driftmeter.db?timeout=0.05")
    with opened.write() as connection:
        found = registry.put(connection, monitor(), 0.0)
        registry.activate(connection, found, reference.id, reference.schema)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def drifting_hour(reference: Reference) -> list[Record]:
    profile = count(some_rows(0, shift=5.0), reference)
    segment = Segment(
        monitor="seats",
        reference_id=reference.id,
        pane_start=0.0,
        pane_s=HOUR,
        topic=TOPICS.predictions,
        partition=0,
        start=0,
        version=1,
    )
    mark = Watermark(
        monitor="seats", topic=TOPICS.predictions, partition=0, event_time=HOUR, offset=1
    )
    said = SegmentProfile(segment, profile.to_bytes())
    messages = [
        profile_messages.of_segment(said, TOPICS.profiles, 1),
        profile_messages.of_watermark(mark, TOPICS.profiles, 1),
    ]
    return [as_record(message, offset) for offset, message in enumerate(messages)]


def as_record(message: Message, offset: int) -> Record:
    return Record(
        topic=message.topic,
        partition=0,
        offset=offset,
        time=1e6 - 10,
        value=message.value,
        headers=message.headers,
    )


class Bench:
    """A worker with everything around it; time stands still until it is moved."""

    def __init__(self, database: Database, judge: Judge, source: Source, log: Log) -> None:
        with database.write() as connection:
            ownership = claim(connection, "detect", "test", 0.0).ownership
        assert ownership is not None
        self.metrics = CollectorRegistry()
        self.elapsed = 0.0
        keeper = Keeper(database, ownership, TOPICS, judge, started_at=0.0, idle_s=1e9)
        self.worker = Worker(
            TOPICS,
            source,
            keeper,
            log,
            Tally(Instruments(self.metrics)),
            clock=lambda: 1e6,
            elapsed=lambda: self.elapsed,
        )

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.get_sample_value(f"driftmeter_detect_{name}", labels)


def test_reports_and_alerts_are_told_once_they_are_in_sql(
    database: Database, judge: Judge, drifting_hour: list[Record]
) -> None:
    log = Log()
    bench = Bench(database, judge, Scripted(drifting_hour), log)
    bench.worker.tick()
    assert [message.topic for message in log.messages] == [TOPICS.reports, TOPICS.alerts]
    report, alert = (orjson.loads(message.value) for message in log.messages)
    assert report["window"] == {
        "start": "1970-01-01T00:00:00.000Z",
        "end": "1970-01-01T01:00:00.000Z",
        "seconds": HOUR,
    }
    assert (report["monitor"], report["verdict"], alert["state"]) == ("seats", "drift", "firing")
    assert bench.value("windows_total", verdict="drift") == 1
    assert bench.value("delay_seconds_sum") == 10.0


def test_sql_knows_which_log_its_offsets_are_of(
    database: Database, judge: Judge, drifting_hour: list[Record]
) -> None:
    source = Scripted(drifting_hour)
    source.log = "this"
    Bench(database, judge, source, Log()).worker.tick()
    with database.read() as connection:
        assert state.read_logs(connection, TOPICS.profiles) == {
            Partition(TOPICS.profiles, 0): "this"
        }


def test_a_broker_that_is_away_does_not_undo_what_sql_has(
    database: Database, judge: Judge, drifting_hour: list[Record]
) -> None:
    bench = Bench(database, judge, Scripted(drifting_hour), Log(n_refusals=1))
    bench.worker.tick()
    assert bench.value("windows_total", verdict="drift") == 1


def test_what_a_locked_database_did_not_take_is_tried_again(
    database: Database, judge: Judge, drifting_hour: list[Record]
) -> None:
    log = Log()
    bench = Bench(database, judge, Scripted(drifting_hour), log)
    file = database.engine.url.database
    assert file is not None
    blocker = sqlite3.connect(file, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    bench.worker.tick()
    blocker.execute("ROLLBACK")
    blocker.close()
    bench.worker.tick()
    assert log.messages == []
    bench.elapsed = RETRY_S
    bench.worker.tick()
    assert len(log.messages) == 2


def test_windows_are_looked_at_from_time_to_time_without_records(
    database: Database, judge: Judge
) -> None:
    bench = Bench(database, judge, Scripted(), Log())
    bench.worker.tick()
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE owners SET expires_at = 0")
    bench.worker.tick()
    assert lease(database) == 0
    bench.elapsed = CHECK_S
    bench.worker.tick()
    assert lease(database) > 100


def lease(database: Database) -> float:
    with database.read() as connection:
        return float(connection.exec_driver_sql("SELECT expires_at FROM owners").scalar_one())


def test_resets_are_counted(database: Database, judge: Judge) -> None:
    source = Scripted()
    bench = Bench(database, judge, source, Log())
    source.n_resets = 2
    bench.worker.tick()
    bench.worker.tick()
    assert bench.value("offset_resets_total") == 2
