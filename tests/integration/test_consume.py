"""Topics of others on every broker: carried over once, whoever dies."""

import os
import signal
from functools import partial
from pathlib import Path

import orjson

from monitor.batches import ID
from monitor.kafka.connecting import Broker
from monitor.kafka.records import Record
from monitor.up.supervisor import Supervisor
from tests.support.kafka_topics import read_until
from tests.support.registrations import announce, registration
from tests.support.running_consumer import make_topics, rows, somebody, start

N = 500


def test_what_a_killed_member_began_another_ends(broker: Broker, tmp_path: Path) -> None:
    broker.create_topics()
    announce(broker, registration(label="truth"))
    source = broker.topics.prefix + "scores"
    make_topics(broker, source, partitions=2)
    topic = broker.topics.predictions
    flags = ("--predictions", f"{source}=seats")
    with somebody(broker) as producer, Supervisor(tmp_path / "first") as first:
        start(first, broker, *flags)
        for i in range(N):
            producer.send(source, key=str(i).encode(), value=orjson.dumps({"id": str(i), "a": 1}))
        producer.flush()
        read_until(broker, topic, partial(_has_rows, 1))
        os.kill(first.pid("consume"), signal.SIGKILL)
    with Supervisor(tmp_path / "second") as second:
        start(second, broker, *flags)
        found = read_until(broker, topic, lambda records: len(set(_ids(records))) == N)
    assert len(_ids(found)) == N


def _has_rows(n: int, records: list[Record]) -> bool:
    return len(rows(records)) >= n


def _ids(records: list[Record]) -> list[str]:
    return [row[ID] for row in rows(records)]
