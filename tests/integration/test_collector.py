"""The collector's two ends at Kafka, on every broker: what it follows and what it sends."""

import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from monitor.batches import decode, to_labels
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Header, header
from monitor.kafka.records import Record
from monitor.up.supervisor import Supervisor
from tests.support.http_push import push
from tests.support.kafka_topics import read_until
from tests.support.registrations import announce, registration
from tests.support.waiting import wait_for

Push = Callable[[str, object], int]
"""From a kind of rows and the rows to the status of the answer."""


@pytest.fixture
def collector(
    broker: Broker, supervisor: Supervisor, free_port: Callable[[], int], tmp_path: Path
) -> Push:
    port = free_port()
    argv = [
        *(sys.executable, "-m", "monitor", "collect", "--ingest", f"127.0.0.1:{port}"),
        *("--broker", broker.servers[0], "--topic-prefix", broker.topics.prefix),
        *("--spool", str(tmp_path / "spool")),
    ]
    supervisor.start("collect", argv, ready=f"http://127.0.0.1:{port}/readyz")
    return lambda kind, rows: push(port, kind, orjson.dumps({"monitor": "seats", "rows": rows}))


def rows(n: int, **values: object) -> list[dict[str, object]]:
    return [{"id": f"p{i}", **values} for i in range(n)]


def ids(records: list[Record]) -> list[str]:
    return [i for record in records for i in decode(record.value)["dm.id"].to_pylist()]


def test_a_collector_without_monitors_knows_that_there_are_none(collector: Push) -> None:
    wait_for(lambda: collector("labels", []) == 404)


def test_predictions_and_their_labels_meet_in_one_partition(
    broker: Broker, collector: Push
) -> None:
    announce(broker, registration(label="truth"))
    wait_for(lambda: collector("labels", []) < 300)
    assert collector("predictions", rows(100, a=1.5, b="x", prediction=7)) < 300
    assert collector("labels", rows(100, label=8)) < 300
    topics = broker.topics
    predictions = read_until(broker, topics.predictions, lambda found: len(ids(found)) == 100)
    labels = read_until(broker, topics.labels, lambda found: len(ids(found)) == 100)
    partition = {i: record.partition for record in predictions for i in ids([record])}
    for record in labels:
        _, of_predictions, _ = to_labels(decode(record.value))
        assert {partition[i] for i in of_predictions} == {record.partition}


def test_messages_are_numbered_within_their_collector(broker: Broker, collector: Push) -> None:
    announce(broker, registration())
    wait_for(lambda: collector("predictions", []) < 300)
    assert all(collector("predictions", rows(1, a=i)) < 300 for i in range(3))
    records = read_until(broker, broker.topics.predictions, lambda found: len(ids(found)) == 3)
    numbers = [int(header(record.headers, Header.SEQUENCE) or "") for record in records]
    assert len(set(numbers)) == len(records)
    assert len({header(record.headers, Header.COLLECTOR) for record in records}) == 1
