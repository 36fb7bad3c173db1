from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from detectors.reference import Reference
from monitor.aggregate.counting import Aggregator, Limits
from monitor.aggregate.following import Follower, Registry
from monitor.aggregate.poller import Assigned, Event, Polled, Poller, Revoked
from monitor.aggregate.tally import Tally
from monitor.aggregate.worker import MAX_READ_BYTES, Worker, parts_of
from monitor.kafka.messages import Registration, RegistrationState, Topics, Watermark
from monitor.kafka.profile_messages import SegmentProfile, read
from monitor.kafka.publishing import Publisher
from monitor.kafka.records import Partition, Record
from monitor.sql.store import References
from monitor.telemetry.instruments import Instruments
from tests.support.counted import monitor, predictions, record, registered
from tests.support.log import Log

TOPICS = Topics("t.")
AT = Partition(TOPICS.predictions, 0)


class ScriptedPoller(Poller):
    """Gives out lists of events, one a tick, and remembers what was committed."""

    def __init__(self, *turns: Sequence[Event]) -> None:
        self.turns = list(turns)
        self.ends = {AT: 3}
        self.committed: dict[Partition, int] = {}

    def events(self, *, timeout_s: float) -> list[Event]:
        return list(self.turns.pop(0)) if self.turns else []

    def commit(self, offsets: Any) -> None:
        self.committed |= offsets


class Listening(Follower):
    """Hears of a registration when it reads to the end."""

    def __init__(self, *announced: bytes) -> None:
        self.registry = Registry()
        self.announced = list(announced)
        self.n_asked = 0

    def poll(self, *, timeout_s: float = 0.0) -> None:
        pass

    def catch_up(self, *, timeout_s: float, monotonic: Any = None) -> bool:
        self.n_asked += 1
        for raw in self.announced:
            self.registry.take(raw)
        return True


@pytest.fixture
def follower(reference: Reference) -> Listening:
    return Listening(registered(reference, monitor()).to_bytes())


def worker(poller: Poller, follower: Follower, log: Publisher, references: References) -> Worker:
    tally = Tally(Instruments(CollectorRegistry()))
    aggregator = Aggregator(TOPICS, references, tally, limits=Limits(segment_size=2))
    return Worker(
        TOPICS, poller, follower, aggregator, log, tally, flush_s=2.0, tell=lambda _: None
    )


def row(offset: int, name: str = "seats") -> Record:
    batch = predictions([f"{offset}"], [10.0 * offset], np.zeros(1))
    return record(TOPICS.predictions, offset, batch, name=name)


def said(log: Log) -> list[SegmentProfile | Watermark]:
    return [
        read(Record(topic=m.topic, partition=0, offset=0, time=0, value=m.value, headers=m.headers))
        for m in log.messages
        if m.topic == TOPICS.profiles
    ]


def test_segments_are_delivered_before_their_watermark_and_the_commit(
    follower: Listening, references: References
) -> None:
    poller, log = ScriptedPoller([Assigned(AT, 0, 0), Polled([row(0), row(1), row(2)])]), Log()
    worker(poller, follower, log, references).tick(now=0.0, elapsed=0.0)
    kinds = [type(message).__name__ for message in said(log)]
    assert kinds == ["SegmentProfile", "SegmentProfile", "Watermark"]
    assert poller.committed == {AT: 2}


def test_a_broker_that_is_away_stops_reading_and_commits_nothing(
    follower: Listening, references: References
) -> None:
    poller, log = (
        ScriptedPoller([Assigned(AT, 0, 0), Polled([row(0), row(1)])], [Polled([row(2)])]),
        Log(1),
    )
    working = worker(poller, follower, log, references)
    working.tick(now=0.0, elapsed=0.0)
    working.tick(now=0.5, elapsed=0.5)
    assert (poller.committed, log.messages, len(poller.turns)) == ({}, [], 1)
    working.tick(now=1.0, elapsed=1.0)
    assert poller.committed == {AT: 2}
    working.tick(now=5.0, elapsed=5.0)
    assert poller.turns == []
    assert len(said(log)) == 4


def test_between_flushes_nothing_is_published(follower: Listening, references: References) -> None:
    poller, log = ScriptedPoller([Assigned(AT, 0, 0)], [Polled([row(0)])]), Log()
    working = worker(poller, follower, log, references)
    for elapsed in (0.0, 0.1, 1.9):
        working.tick(now=0.0, elapsed=elapsed)
    assert log.messages == []
    working.tick(now=0.0, elapsed=2.0)
    assert len(said(log)) == 2


@pytest.mark.parametrize("heard", [(), ("resolving",), ("deleted",)])
def test_rows_that_overtake_their_registration_are_counted(
    follower: Listening, references: References, heard: Sequence[RegistrationState]
) -> None:
    for state in heard:
        said_before = Registration(monitor=monitor(), revision=0, state=state)
        follower.registry.take(said_before.to_bytes())
    poller, log = ScriptedPoller([Assigned(AT, 0, 0), Polled([row(0)])]), Log()
    worker(poller, follower, log, references).tick(now=0.0, elapsed=0.0)
    assert follower.n_asked == 1
    assert len(said(log)) == 2


def test_a_monitor_in_force_is_not_asked_for_again(
    follower: Listening, references: References
) -> None:
    turns: list[Sequence[Event]] = [[Assigned(AT, 0, 0)], *([Polled([row(i)])] for i in range(3))]
    working = worker(ScriptedPoller(*turns), follower, Log(), references)
    for elapsed in (0.0, 1.0, 2.0, 3.0):
        working.tick(now=0.0, elapsed=elapsed)
    assert follower.n_asked == 1


def test_a_partition_that_left_is_published_no_more(
    follower: Listening, references: References
) -> None:
    turns: list[Event] = [Assigned(AT, 0, 0), Polled([row(0)]), Revoked(AT), Polled([row(1)])]
    log = Log()
    worker(ScriptedPoller(turns), follower, log, references).tick(now=0.0, elapsed=0.0)
    assert log.messages == []


def test_dead_letters_are_delivered(follower: Listening, references: References) -> None:
    poison = Record(topic=TOPICS.predictions, partition=0, offset=0, time=0, value=b"poison")
    log = Log()
    poller = ScriptedPoller([Assigned(AT, 0, 0), Polled([poison])])
    worker(poller, follower, log, references).tick(now=0.0, elapsed=0.0)
    assert [(m.topic, m.value) for m in log.messages] == [(TOPICS.dead_letters, b"poison")]


def test_outliers_are_published_where_a_monitor_asks_for_them(
    reference: Reference, references: References
) -> None:
    asking = monitor(detection={"outliers": {"publish_rows": 2}})
    follower = Listening(registered(reference, asking).to_bytes())
    batch = predictions([f"{i}" for i in range(6)], [1.0] * 6, np.array([0, 70, 0, 50, 60, 0.1]))
    poller = ScriptedPoller(
        [Assigned(AT, 0, 0), Polled([record(TOPICS.predictions, 0, batch)])],
        [Polled([record(TOPICS.predictions, 1, batch)])],
    )
    log = Log()
    working = worker(poller, follower, log, references)
    working.tick(now=0.0, elapsed=0.0)
    working.tick(now=5.0, elapsed=5.0)
    told = [orjson.loads(m.value) for m in log.messages if m.topic == TOPICS.outliers]
    assert [len(one["rows"]) for one in told] == [2, 2]
    assert {row["id"] for one in told for row in one["rows"]} <= {"1", "3", "4"}


@given(st.lists(st.integers(0, 9), max_size=30))
def test_records_are_read_in_parts_of_so_many_bytes(sizes: list[int]) -> None:
    mib = bytes(1 << 20)
    records = [
        Record("t", 0, i, 0.0, memoryview(mib)[: size << 17].tobytes() * 4)
        for i, size in enumerate(sizes)
    ]
    parts = list(parts_of(records))
    assert [record for part in parts for record in part] == records
    for part in parts:
        assert len(part) <= 1 or sum(len(r.value) for r in part) <= MAX_READ_BYTES
