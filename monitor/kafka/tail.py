"""What a topic holds now, from its beginning or from near its end, without a group."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from kafka.structs import TopicPartition

from monitor.kafka.connecting import Broker, BrokerUnavailableError
from monitor.kafka.ends import ends
from monitor.kafka.messages import partition_for
from monitor.kafka.records import Record, records_of


def tail(
    broker: Broker,
    topic: str,
    *,
    client_id: str,
    last: int | None,
    key: str | None = None,
    timeout_s: float,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[Record]:
    """All records, by partition and age; or the last so many of each partition.

    key: only of the partition that it goes to. Raises BrokerUnavailableError.
    """
    consumer: Any = broker.consumer(client_id=client_id)
    try:
        numbers = sorted(consumer.partitions_for_topic(topic) or ())
        if key is not None:
            numbers = [partition_for(key, len(numbers))] if numbers else []
        unread = {TopicPartition(topic, n) for n in numbers}
        begins = consumer.beginning_offsets(unread)
        if last is not None:
            for at, end in ends(broker, unread, client_id=client_id).items():
                begins[at] = max(begins[at], end - last)
        consumer.assign(sorted(unread))
        for at, offset in begins.items():
            consumer.seek(at, offset)
        deadline = monotonic() + timeout_s
        while unread:
            if monotonic() > deadline:
                raise BrokerUnavailableError(f"the topic {topic} cannot be read")
            for polled in consumer.poll(timeout_ms=200).values():
                yield from records_of(polled)
            unread -= {at for at in unread if _is_read(consumer, at)}
    finally:
        consumer.close()


def _is_read(consumer: Any, at: TopicPartition) -> bool:
    end = consumer.highwater(at)
    return end is not None and bool(consumer.position(at) >= end)
