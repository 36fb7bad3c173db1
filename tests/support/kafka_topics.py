"""What is in a topic, for tests that wait for it."""

import time
from collections.abc import Callable

from monitor.kafka.connecting import Broker
from monitor.kafka.records import Record, records_of


def read_until(
    broker: Broker, topic: str, enough: Callable[[list[Record]], bool], timeout_s: float = 60.0
) -> list[Record]:
    """Everything in the topic from its beginning, as soon as it is enough."""
    consumer = broker.consumer(topic, client_id="test")
    deadline = time.monotonic() + timeout_s
    records: list[Record] = []
    try:
        while not enough(records):
            assert time.monotonic() < deadline, f"only {len(records)} messages in {topic}"
            for polled in consumer.poll(timeout_ms=100).values():
                records += records_of(polled)
    finally:
        consumer.close()
    return records
