"""A member of consume's group in a process of its own, and topics of others for it."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import kafka
import orjson

from monitor.batches import decode
from monitor.kafka.connecting import Broker
from monitor.kafka.records import Record
from monitor.up.supervisor import Supervisor, free_port

Headers = Sequence[tuple[str, bytes]]


def start(supervisor: Supervisor, broker: Broker, *flags: str, name: str = "consume") -> str:
    """Returns the address of its metrics when it is ready."""
    metrics = f"127.0.0.1:{free_port()}"
    argv = [
        *(sys.executable, "-m", "monitor", "consume", "--metrics", metrics),
        *("--broker", broker.servers[0], "--topic-prefix", broker.topics.prefix),
        *("--session-timeout", "2s", *flags),
    ]
    supervisor.start(name, argv, ready=f"http://{metrics}/readyz")
    return metrics


@contextmanager
def somebody(broker: Broker) -> Iterator[kafka.KafkaProducer]:
    producer = broker.producer(client_id="somebody")
    try:
        yield producer
    finally:
        producer.close()


def make_topics(broker: Broker, *topics: str, partitions: int = 1) -> None:
    admin = kafka.KafkaAdminClient(bootstrap_servers=list(broker.servers))
    try:
        for topic in topics:
            layout = {"num_partitions": partitions, "replication_factor": -1}
            admin.create_topics({topic: layout}, wait_for_metadata=True)
    finally:
        admin.close()


def send(
    producer: kafka.KafkaProducer,
    topic: str,
    value: object,
    headers: Headers = (),
    key: bytes | None = None,
) -> None:
    """Values are bytes, or become JSON."""
    raw = value if isinstance(value, bytes) else orjson.dumps(value)
    producer.send(topic, key=key, value=raw, headers=list(headers)).get(60)


def rows(records: Sequence[Record]) -> list[Mapping[str, Any]]:
    return [row for record in records for row in decode(record.value).to_pylist()]
