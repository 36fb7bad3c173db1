"""Where partitions end now."""

import time
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any

from kafka.errors import KafkaTimeoutError
from kafka.structs import TopicPartition

from monitor.kafka.connecting import Broker

FETCH_MS = 200


def ends(
    broker: Broker,
    partitions: Iterable[TopicPartition],
    *,
    client_id: str,
    timeout_s: float = 30.0,
    monotonic: Callable[[], float] = time.monotonic,
) -> dict[TopicPartition, int]:
    """The offset behind the last message of each partition, as a fetch tells it.

    Asked for it, the embedded broker gives the beginning of its last batch. The consumer is one of
    its own: of an empty partition only the first fetch says anything.
    Raises BrokerUnavailableError, KafkaError.
    """
    asked, found = sorted(partitions), dict[TopicPartition, int]()
    deadline = monotonic() + timeout_s
    with closing(broker.consumer(client_id=client_id)) as consumer:
        _assign_last(consumer, asked)
        while len(found) < len(asked):
            if monotonic() > deadline:
                raise KafkaTimeoutError("partitions do not say where they end")
            consumer.poll(timeout_ms=FETCH_MS, max_records=1)
            told = {at: consumer.highwater(at) for at in asked if at not in found}
            found |= {at: end for at, end in told.items() if end is not None}
            consumer.pause(*found)
    return found


def _assign_last(consumer: Any, partitions: list[TopicPartition]) -> None:
    """To be read from the last message, so that a fetch need not wait for a next one."""
    consumer.assign(partitions)
    firsts = consumer.beginning_offsets(partitions)
    for at, latest in consumer.end_offsets(partitions).items():
        consumer.seek(at, max(latest - 1, firsts[at]))
