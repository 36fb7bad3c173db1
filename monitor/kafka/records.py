"""Records of a Kafka topic as our own plain data, and the errors of reading them."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from monitor.kafka.messages import KafkaHeaders


class TopicsError(Exception):
    """Topics that are not as they must be; the message says what to do."""


class Partition(NamedTuple):
    """One partition of a topic; equal to kafka-python's TopicPartition."""

    topic: str
    partition: int


class Record(NamedTuple):
    """One message of the log. time: seconds since 1970, as its producer or broker says.

    A tuple, because there may be many of them: it costs a quarter of what a dataclass does.
    """

    topic: str
    partition: int
    offset: int
    time: float
    value: bytes
    headers: KafkaHeaders = ()

    @property
    def place(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


def records_of(consumed: Iterable[Any]) -> list[Record]:
    """Plain records of what a KafkaConsumer returned; a value or header that is null is empty."""
    return [
        Record(
            record.topic,
            record.partition,
            record.offset,
            record.timestamp / 1000,
            record.value or b"",
            [(key, value or b"") for key, value in record.headers],
        )
        for record in consumed
    ]
