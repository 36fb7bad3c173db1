"""How far a partition was carried over, and what of the last block is in the log already.

Before a block is delivered, a note of its bounds is written to a compacted topic of ours. Its
messages name the partition and their number, as every message of a collector does. So whoever
goes on, after a crash or with a partition that has moved, can read what arrived and send the rest:
nothing is lost and nothing comes twice, on any broker and without transactions.

A member that was frozen may go on with a block when the group has long gone on without it. So it
has the broker say, once its note is in the log, that it is still a member: then whoever comes after
it finds the note, and makes the same messages.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import orjson
from kafka.structs import TopicPartition

from monitor.consume.backlog import Arrived
from monitor.kafka.connecting import Broker
from monitor.kafka.ends import ends
from monitor.kafka.messages import Header, header
from monitor.kafka.publishing import Message
from monitor.kafka.records import Record, records_of

log = logging.getLogger(__name__)

CLOCK_SLACK_S = 60.0
"""Between the clocks of the members of a group."""

POLL_MS = 100


@dataclass(frozen=True, slots=True)
class Place:
    """A block of a source that is about to be delivered: the offsets `start` to `end`."""

    source: str
    start: int
    end: int

    def message(self, topic: str) -> Message:
        return Message(topic, self.source.encode(), orjson.dumps(self), partition=0)

    def follows(self, other: Self) -> bool:
        """Whether it is of later messages. Of two that begin at one offset the first is meant: the
        second is by a member that had not noticed yet that the source is another's."""
        return self.start > other.start

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Raises ValueError."""
        try:
            body = orjson.loads(raw)
            return cls(str(body["source"]), int(body["start"]), int(body["end"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a place: {error!r}") from error


class Places:
    """Reads what the log says. All raise BrokerUnavailableError, KafkaError."""

    def __init__(self, broker: Broker, *, client_id: str) -> None:
        self._broker = broker
        self._client_id = client_id

    def latest(self) -> Mapping[str, tuple[Place, float]]:
        """Of every source its last place, and when it was noted, in seconds since 1970."""
        found: dict[str, tuple[Place, float]] = {}
        for record in self._read([self._broker.topics.consumed], since_s=0.0):
            try:
                place = Place.from_bytes(record.value)
            except ValueError as error:
                log.warning("%s is left out: %s", record.place, error)
                continue
            if place.source not in found or place.follows(found[place.source][0]):
                found[place.source] = (place, record.time)
        return found

    def delivered(self, noted: Mapping[str, float]) -> Mapping[str, Collection[Arrived]]:
        """The messages that came from sources.

        noted: the sources, and since when, in seconds since 1970.
        """
        found: dict[str, set[Arrived]] = {source: set() for source in noted}
        if not noted:
            return found
        topics = self._broker.topics
        since_s = min(noted.values()) - CLOCK_SLACK_S
        for message in self._read([topics.predictions, topics.labels], since_s=since_s):
            source = header(message.headers, Header.COLLECTOR)
            if source in found:
                number = int(header(message.headers, Header.SEQUENCE) or -1)
                found[source].add((message.topic, message.partition, number))
        return found

    def _read(self, topics: Sequence[str], *, since_s: float) -> list[Record]:
        consumer = self._broker.consumer(client_id=self._client_id)
        try:
            partitions = [
                TopicPartition(topic, number)
                for topic in topics
                for number in sorted(consumer.partitions_for_topic(topic) or ())
            ]
            until = ends(self._broker, partitions, client_id=self._client_id)
            consumer.assign(partitions)
            _seek(consumer, partitions, since_s)
            records: list[Record] = []
            while any(consumer.position(at) < until[at] for at in partitions):
                for polled in consumer.poll(timeout_ms=POLL_MS).values():
                    records += records_of(polled)
            return records
        finally:
            consumer.close()


def _seek(consumer: Any, partitions: Sequence[TopicPartition], since_s: float) -> None:
    times = dict.fromkeys(partitions, max(0, round(since_s * 1000)))
    for at, found in consumer.offsets_for_times(times).items():
        if found is None or found.timestamp < 0:  # nothing is so new; brokers say it in both ways
            consumer.seek_to_end(at)
        else:
            consumer.seek(at, found.offset)
