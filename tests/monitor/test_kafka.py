import time

import pytest

from monitor.kafka import Broker, BrokerUnavailableError
from monitor.supervisor import free_port


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
    sent = producer.send(topic, value=b"rows", headers=[("monitor", b"m")], partition=1).get(10)
    producer.close()
    consumer = broker.consumer(topic, client_id="test-consumer", group="test")
    deadline = time.monotonic() + 30
    records: list[object] = []
    while not records and time.monotonic() < deadline:
        records = [
            (r.partition, r.offset, r.value, r.headers)
            for batch in consumer.poll(timeout_ms=100).values()
            for r in batch
        ]
    consumer.close()
    assert records == [(1, sent.offset, b"rows", [("monitor", b"m")])]
