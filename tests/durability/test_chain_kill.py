"""Everything on a row's way is killed, again and again; what was acknowledged is counted once."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from kafka import TopicPartition
from sqlalchemy import select

from detectors.decision import Detector
from detectors.decision.budget import Budget
from detectors.profile import Profile
from detectors.profile import count as profile_of
from detectors.reference import Reference
from detectors.report.compare import report
from monitor import batches
from monitor.batches import to_rows
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Topics
from monitor.kafka.records import Record
from monitor.sql import registry, tables
from monitor.sql.database import Database, open_database
from tests.conftest import cache_folder
from tests.support import apache_kafka
from tests.support.chain import Chain, Pushes, keep_alive, kill_in_turn
from tests.support.counted import HOUR, SCHEMA, fit_reference, keep, monitor, predictions
from tests.support.counted import registered as registered_as
from tests.support.kafka_topics import read_until
from tests.support.long import LONG
from tests.support.registrations import announce

VICTIMS = {
    "collect-0": 11,
    "collect-1": 11,
    "aggregate-0": 11,
    "aggregate-1": 11,
    "detect": 10,
    "broker": 6,
}
"""Sixty in all."""


def bodies(database: Database) -> dict[float, dict[str, Any]]:
    t = tables.reports
    with database.read() as connection:
        found = connection.execute(select(t.c.window_start, t.c.body))
        return {row.window_start: row.body for row in found}


def facts(body: dict[str, Any]) -> dict[str, Any]:
    """What a report says that follows from its rows alone."""
    columns = {column["name"]: column["current"] for column in body["columns"]}
    return {"n_rows": body["n_rows"], "columns": columns}


def in_turn(share: int, chance: random.Random) -> list[str]:
    """Who is killed, one after the other."""
    victims = [name for name, n in VICTIMS.items() for _ in range(-(-n // share))]
    chance.shuffle(victims)
    return victims


@pytest.mark.xdist_group("apache-kafka")
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("share", "every_s", "n_pushes", "n_rows", "lateness"),
    [(11, 1.0, 200, 50, "5s"), pytest.param(1, 2.5, 2_100, 1_000, "1m", marks=LONG)],
)
def test_sixty_kills_lose_nothing_and_double_nothing(
    tmp_path: Path,
    needs: Callable[[str], Path],
    free_port: Callable[[], int],
    share: int,
    every_s: float,
    n_pushes: int,
    n_rows: int,
    lateness: str,
) -> None:
    """share: of the sixty kills, one in so many. lateness: for so long the last window waits."""
    jars = apache_kafka.libraries(needs("mvn"), cache_folder())
    port = free_port()
    kafka = apache_kafka.prepare(
        needs("java"),
        jars,
        tmp_path,
        port=port,
        controller_port=free_port(),
        settings={"broker.session.timeout.ms": 6_000},  # so long it waits for its earlier self
    )
    broker = Broker(servers=(f"127.0.0.1:{port}",), topics=Topics("chain."), connect_timeout_s=60.0)
    reference, database = fit_reference(), open_database(f"sqlite:///{tmp_path / 'chain.db'}")
    keep(reference, tmp_path / "references")
    one = registered_as(reference, monitor(lateness=lateness))
    with database.write() as connection:
        found = registry.put(connection, one.monitor, 0.0)
        registry.activate(connection, found, reference.id, SCHEMA)
    chance = random.Random(60)
    victims = in_turn(share, chance)
    pushes = Pushes(n_rows, n_pushes)
    with Chain(broker, kafka, database, tmp_path) as chain:
        chain.members["broker"].ensure()
        chain.members["broker"].wait()
        broker.create_topics()
        announce(broker, one)
        clients = [threading.Thread(target=pushes.run, args=(ingest,)) for ingest in chain.ingests]
        for client in clients:
            client.start()
        try:
            kill_in_turn(chain, victims, every_s, chance)
            keep_alive(chain, lambda: len(pushes.acknowledged) >= n_pushes, 300.0)
        finally:
            pushes.stopping.set()
            for client in clients:
                client.join()
        chain.ensure()
        keep_alive(chain, chain.members["broker"].answers, 120.0)
        n_starts = sum(member.n_starts for member in chain.members.values())
        counted = counted_once(chain, broker, pushes)
        expected = recomputed(reference, pushes, counted)
        n_all = sum(one["n_rows"] for one in expected.values())
        keep_alive(chain, lambda: n_reported(database) >= n_all, 300.0)
        assert {start: facts(body) for start, body in bodies(database).items()} == expected
    database.engine.dispose()
    print(f"{len(victims)} kills, {n_starts} starts, {len(pushes.acknowledged) * n_rows} rows")


def n_reported(database: Database) -> int:
    return sum(body["n_rows"] for body in bodies(database).values())


def counted_once(chain: Chain, broker: Broker, pushes: Pushes) -> set[int]:
    """The pushes that are in the log: those acknowledged, and such as nobody was told of.

    The latter may still be in a spool, so the collectors end before the log is said to be whole.
    """
    topic = broker.topics.predictions
    seen: set[tuple[bytes, bytes]] = set()
    found: Counter[int] = Counter()
    n_read = 0

    def has_all(records: list[Record]) -> bool:
        nonlocal n_read
        for record in records[n_read:]:
            told = dict(record.headers)
            if (mark := (told["collector"], told["sequence"])) not in seen:
                seen.add(mark)
                ids = batches.decode(record.value).column("dm.id").to_pylist()
                found.update(int(i.partition("-")[0]) for i in ids)
        n_read = len(records)
        chain.ensure()
        return pushes.acknowledged <= found.keys()

    read_until(broker, topic, has_all, 200.0)
    chain.finish_collectors()
    n_in_log = n_messages(broker, topic)
    seen, found, n_read = set(), Counter(), 0
    read_until(broker, topic, lambda records: has_all(records) and n_read == n_in_log)
    assert set(found.values()) == {pushes.n_rows}
    assert found.keys() <= pushes.issued
    return set(found)


def n_messages(broker: Broker, topic: str) -> int:
    consumer = broker.consumer(topic, client_id="test")
    try:
        partitions = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic)]
        return sum(consumer.end_offsets(partitions).values())
    finally:
        consumer.close()


def recomputed(
    reference: Reference, pushes: Pushes, counted: set[int]
) -> dict[float, dict[str, Any]]:
    """Of every window, the facts of a report that is made of all its rows at once."""
    times, x = (np.concatenate(c) for c in zip(*map(pushes.rows, sorted(counted)), strict=True))
    ids = [i for number in sorted(counted) for i in pushes.ids(number)]
    starts = np.floor(times / HOUR) * HOUR
    expected = {}
    for start in np.unique(starts).tolist():
        here = np.flatnonzero(starts == start)
        batch = predictions([ids[i] for i in here], times[here], x[here])
        rows, names, at = to_rows(batch, reference.schema)
        profile = profile_of(rows, reference, times=at, ids=names)
        expected[start] = facts(as_body(reference, profile))
    return expected


def as_body(reference: Reference, profile: Profile) -> dict[str, Any]:
    """The report of a profile, as JSON has it."""
    detector = Detector(reference, window_s=HOUR, budget=Budget())
    made = report(reference, profile, detector.step(detector.start(), profile)[1])
    body: dict[str, Any] = orjson.loads(orjson.dumps(made))
    return body
