"""A day as the log may hold it: late by up to an hour, a third of it twice, in any order."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from detectors.reference import Reference
from monitor.aggregate.counting import Aggregator
from monitor.aggregate.tally import Tally
from monitor.detect.judging import Judge
from monitor.detect.keeper import Keeper
from monitor.kafka import profile_messages
from monitor.kafka.messages import Header, Topics
from monitor.kafka.profile_messages import SegmentProfile
from monitor.kafka.publishing import Message
from monitor.kafka.records import Partition, Record
from monitor.sql import registry, tables
from monitor.sql.database import Database, Ownership
from monitor.sql.store import References
from monitor.telemetry.instruments import Instruments
from tests.support.counted import HOUR, monitor, predictions, record, registered

TOPICS = Topics("t.")
N_MESSAGES, N_ROWS, N_PARTITIONS = 480, 20, 2
STEP_S = 24 * HOUR / N_MESSAGES
LATE_S = HOUR
SPEC: dict[str, Any] = {
    "lateness": "1h",
    "windows": ["3h", {"length": "6h", "every": "3h"}, {"rows": 1500, "every": "3h"}],
}


def batch(number: int, at_s: float) -> Record:
    """Rows of three minutes of the day, by one of three collectors; drifting from noon on."""
    rng = np.random.default_rng(number)
    times = at_s + np.sort(rng.random(N_ROWS)) * STEP_S
    x = rng.normal(0.4 if at_s > 12 * HOUR else 0.0, 1, N_ROWS)
    ids = [f"{number}-{i}" for i in range(N_ROWS)]
    marks = [(Header.COLLECTOR.value, b"c%d" % (number % 3))]
    marks.append((Header.SEQUENCE.value, b"%d" % number))
    plain = record(TOPICS.predictions, 0, predictions(ids, times, x), time=2e6)
    return plain._replace(headers=[*plain.headers, *marks], partition=number // 3 % N_PARTITIONS)


def logs(day: Sequence[Record], seed: int) -> list[Record]:
    """The day as it came to the partitions, and then the next one, so that its windows close."""
    chance = random.Random(seed)
    repeated = chance.sample(range(N_MESSAGES), N_MESSAGES * 3 // 10)
    every = [*range(N_MESSAGES), *repeated]
    arrived = [(i * STEP_S + chance.uniform(0, LATE_S - STEP_S), i) for i in every]
    found = [day[i] for _, i in sorted(arrived)]
    found += [batch(N_MESSAGES + i, 40 * HOUR) for i in range(3 * N_PARTITIONS)]
    n_before = [0] * N_PARTITIONS
    for i, one in enumerate(found):
        found[i] = one._replace(offset=n_before[one.partition])
        n_before[one.partition] += 1
    return found


def said_of(aggregator: Aggregator) -> list[Record]:
    """What aggregate publishes, as detect reads it."""
    segments = [
        profile_messages.of_segment(SegmentProfile(segment, profile.to_bytes()), "t.profiles", 1)
        for segment, profile in aggregator.changed()
    ]
    marks = aggregator.watermarks()
    aggregator.settle(marks)
    messages = [*segments, *(profile_messages.of_watermark(m, "t.profiles", 1) for m in marks)]
    return [_record(message) for message in messages]


def _record(message: Message) -> Record:
    return Record(message.topic, 0, 0, 0.0, message.value, message.headers)


@pytest.fixture(scope="module")
def day() -> list[Record]:
    return [batch(i, i * STEP_S) for i in range(N_MESSAGES)]


@pytest.fixture
def reports_of(
    references: References, reference: Reference, judge: Judge, ownership: Ownership
) -> Any:
    known = {"seats": registered(reference, monitor(**SPEC))}

    def run(database: Database, log: Sequence[Record], step: int) -> dict[str, Any]:
        with database.write() as connection:
            for table in reversed(tables.metadata.sorted_tables):
                if table.name not in ("schema_version", "owners"):
                    connection.execute(table.delete())
            found = registry.put(connection, monitor(**SPEC), 0.0)
            registry.activate(connection, found, reference.id, reference.schema)
        keeper = Keeper(database, ownership, TOPICS, judge, started_at=0.0, idle_s=1e9)
        tally = Tally(Instruments(CollectorRegistry()))
        aggregator = Aggregator(TOPICS, references, tally)
        for number in range(N_PARTITIONS):
            aggregator.assign(Partition(TOPICS.predictions, number), first=0, reading_from=0)
        for i in range(0, len(log), step):
            aggregator.read(log[i : i + step], lambda _: known, 0.0)
            ends = {Partition(TOPICS.predictions, n): 10**6 for n in range(N_PARTITIONS)}
            aggregator.note_ends(ends if i else dict.fromkeys(ends, 1), 0.0)
            keeper.tick(said_of(aggregator), {}, 2e6)
        while not keeper.tick([], {}, 2e6).is_done:
            pass
        t = tables.reports
        with database.read() as connection:
            return {row.id: (row.revision, row.body) for row in connection.execute(t.select())}

    return run


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_three_orderings_of_a_day_give_the_same_reports(
    day: list[Record], database: Database, reports_of: Any
) -> None:
    first, *others = (reports_of(database, logs(day, seed), 50 + 30 * seed) for seed in range(3))
    assert {revision for revision, _ in first.values()} == {1}
    by_length: dict[float, int] = {}
    for _, body in first.values():
        seconds = body["window"]["seconds"]
        by_length[seconds] = by_length.get(seconds, 0) + body["n_rows"]
    assert by_length[3 * HOUR] == N_MESSAGES * N_ROWS
    assert any(body["verdict"] == "drift" for _, body in first.values())
    assert others == [first, first]
