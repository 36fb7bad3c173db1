"""What the spool keeps of a message until Kafka has it."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np
import orjson
import pyarrow as pa

from monitor.batches import ID, decode, encode
from monitor.kafka.messages import Header, KafkaHeaders, Topics, partition_for
from monitor.kafka.publishing import Message

_LENGTH = struct.Struct("<I")


class Destination(StrEnum):
    """A topic, whatever its prefix is when the message is published."""

    PREDICTIONS = "predictions"
    LABELS = "labels"
    DEAD_LETTERS = "dead-letters"

    def topic(self, topics: Topics) -> str:
        return {
            Destination.PREDICTIONS: topics.predictions,
            Destination.LABELS: topics.labels,
            Destination.DEAD_LETTERS: topics.dead_letters,
        }[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A message with what is needed to publish it, once or again.

    monitor, n_rows: what it holds; a dead letter has no rows and may have no monitor.
    is_split: its rows go to the partitions of their ids. Which rows go where does not depend on
        the time of publishing, so that a message that comes twice comes as the same message.
    collector: the random id of the process that spooled it.
    spooled_at: seconds since 1970.
    batch: of the collector's captures; None for what did not come through its proxy.
    key: of a push that may be sent again; None for one that gave none.
    """

    destination: Destination
    collector: str
    spooled_at: float
    value: bytes
    headers: KafkaHeaders = ()
    monitor: str | None = None
    n_rows: int = 0
    is_split: bool = False
    batch: int | None = None
    key: str | None = None

    def to_bytes(self) -> bytes:
        head = orjson.dumps(
            {
                "destination": self.destination,
                "collector": self.collector,
                "spooled_at": self.spooled_at,
                "headers": [(name, value.decode("latin-1")) for name, value in self.headers],
                "monitor": self.monitor,
                "n_rows": self.n_rows,
                "is_split": self.is_split,
                "batch": self.batch,
                **({} if self.key is None else {"key": self.key}),
            }
        )
        return b"".join((_LENGTH.pack(len(head)), head, self.value))

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Raises ValueError for what is no envelope."""
        try:
            (length,) = _LENGTH.unpack_from(raw)
            start = _LENGTH.size + length
            head = orjson.loads(raw[_LENGTH.size : start])
            destination = Destination(head.pop("destination"))
            headers = [(name, value.encode("latin-1")) for name, value in head.pop("headers")]
            return cls(destination=destination, headers=headers, value=raw[start:], **head)
        except (struct.error, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"not an envelope: {error!r}") from error

    def messages(self, sequence: int, topics: Topics, n_partitions: int) -> Iterator[Message]:
        """What is published: to a partition no more than one message.

        sequence: the envelope's place in the spool; with `collector` it tells a message that
            comes again.
        """
        topic = self.destination.topic(topics)
        headers = [
            *self.headers,
            (Header.COLLECTOR.value, self.collector.encode()),
            (Header.SEQUENCE.value, str(sequence).encode()),
        ]
        if not self.is_split:
            yield Message(topic, None, self.value, headers, sequence % n_partitions)
            return
        batch = decode(self.value)
        partitions = np.array([partition_for(i, n_partitions) for i in batch[ID].to_pylist()])
        for partition in np.unique(partitions).tolist():
            rows = batch.take(pa.array(np.flatnonzero(partitions == partition)))
            yield Message(topic, None, encode(rows), headers, partition)
            headers = [one for one in headers if one[0] != Header.SERVED]  # is told once
