import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from monitor.kafka.connecting import Broker, BrokerUnavailableError
from monitor.kafka.joining import Joining
from monitor.up.supervisor import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

OPEN = Path("/proc/self/fd")


def test_a_message_sent_is_read_back_by_a_group(embedded_broker: Broker) -> None:
    sends_and_reads(embedded_broker)


def test_topics_may_be_created_twice(embedded_broker: Broker) -> None:
    embedded_broker.create_topics()


def test_no_broker_is_said_with_its_address_and_what_to_look_at() -> None:
    port = free_port()
    broker = Broker(servers=(f"127.0.0.1:{port}",), connect_timeout_s=0.5)
    with pytest.raises(BrokerUnavailableError, match=f"127.0.0.1:{port}.*--broker"):
        broker.create_topics()


def sends_and_reads(broker: Broker) -> None:
    topic = broker.topics.predictions
    producer = broker.producer(client_id="test-producer")
    sent = producer.send(topic, value=b"rows", headers=[("monitor", b"m")], partition=1).get(60)
    producer.close()
    consumer = broker.consumer(client_id="test-consumer", group="test")
    joining = Joining(consumer)
    consumer.subscribe([topic], listener=joining)
    deadline = time.monotonic() + 60
    records: list[object] = []
    while not records and time.monotonic() < deadline:
        records = [
            (r.partition, r.offset, r.value, r.headers)
            for batch in consumer.poll(timeout_ms=joining.poll_ms(100)).values()
            for r in batch
        ]
    consumer.close()
    assert records == [(1, sent.offset, b"rows", [("monitor", b"m")])]


@pytest.mark.parametrize("kind", ["producer", "consumer", "create_topics"])
def test_a_broker_that_does_not_answer_costs_neither_threads_nor_descriptors(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        broker = Broker(servers=(address,), connect_timeout_s=0.2)
        attempts: dict[str, Callable[[], object]] = {
            "producer": lambda: broker.producer(client_id="test"),
            "consumer": lambda: broker.consumer("t", client_id="test"),
            "create_topics": broker.create_topics,
        }
        n_threads, n_open = threading.active_count(), len(list(OPEN.iterdir()))
        for _ in range(3):
            with pytest.raises(BrokerUnavailableError):
                attempts[kind]()
        assert threading.active_count() <= n_threads
        assert len(list(OPEN.iterdir())) <= n_open
