"""The topic profiles, read from where the state in SQL ends."""

import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from kafka.structs import TopicPartition

from monitor.kafka.connecting import Broker, log_id, partitions_of
from monitor.kafka.records import Partition, Record, records_of

MAX_RECORDS = 1_000
"""In one tick."""

_logger = logging.getLogger(__name__)


class Source:
    """Reads all partitions of the topic profiles, without a group: SQL knows the offsets.

    Where the log no longer holds the offset that is asked for, or is another one under the same
    name, it is read from its beginning: segments replace one another, so what is read twice does no
    harm. `n_resets` counts that. Partitions that are added are read from their beginning.

    log: which one the latest records and offsets are of; empty where the broker does not say.
    """

    log = ""

    def __init__(
        self,
        broker: Broker,
        offsets: Mapping[Partition, int],
        *,
        logs: Mapping[Partition, str] = MappingProxyType({}),
        client_id: str,
        log_of: Callable[[Any, str], str] = log_id,
    ) -> None:
        """logs: that the offsets are of, where that is known. log_of: which log a consumer reads
        under a topic's name."""
        self.n_resets = 0
        self._log_of = log_of
        self._consumer: Any = broker.consumer(client_id=client_id)
        self._topic = broker.topics.profiles
        self._next: dict[Partition, int] = {}
        self._consumer.partitions_for_topic(self._topic)  # asks for them
        self._add_partitions(offsets)
        self.log = log_of(self._consumer, self._topic)
        for at in self._next:
            if logs.get(at) and self.log not in ("", logs[at]):
                self._begin_again(at, "the log was made anew while nobody read it")

    def poll(self, *, timeout_s: float) -> tuple[list[Record], dict[Partition, int]]:
        """Records that have come, and the offsets to read on from once they are dealt with."""
        polled = self._consumer.poll(timeout_ms=round(timeout_s * 1000), max_records=MAX_RECORDS)
        self._add_partitions({})
        if self._is_made_anew():
            return [], {}
        self._rewind_beyond_the_end()
        found: list[Record] = []
        for tp, consumed in polled.items():
            records = records_of(consumed)
            self._check_continuity(Partition(*tp), records[0].offset)
            self._next[Partition(*tp)] = records[-1].offset + 1
            found += records
        return found, {Partition(*tp): self._next[Partition(*tp)] for tp in polled}

    def close(self) -> None:
        self._consumer.close()

    def _add_partitions(self, offsets: Mapping[Partition, int]) -> None:
        numbers = partitions_of(self._consumer, self._topic)
        new = {Partition(self._topic, number) for number in numbers} - self._next.keys()
        if not new:
            return
        self._next |= {at: offsets.get(at, 0) for at in new}
        self._consumer.assign([TopicPartition(*at) for at in self._next])
        for at in new:
            self._consumer.seek(TopicPartition(*at), self._next[at])

    def _check_continuity(self, at: Partition, offset: int) -> None:
        expected = self._next[at]
        if expected not in (offset, 0):
            self._note_reset(at, f"offset {offset} follows where {expected} was expected")

    def _is_made_anew(self) -> bool:
        """Whether the log is another one than before; then reading begins again."""
        before, self.log = self.log, self._log_of(self._consumer, self._topic) or self.log
        if before in ("", self.log):
            return False
        for at in self._next:
            self._begin_again(at, "the log was made anew")
        return True

    def _rewind_beyond_the_end(self) -> None:
        """A broker that was made anew may not say that an offset is beyond its end."""
        for at, expected in self._next.items():
            end = self._consumer.highwater(TopicPartition(*at))
            if end is not None and end < expected:
                self._begin_again(at, f"its end is {end}, {expected} was expected")

    def _begin_again(self, at: Partition, why: str) -> None:
        self._note_reset(at, why)
        self._next[at] = 0
        self._consumer.seek_to_beginning(TopicPartition(*at))

    def _note_reset(self, at: Partition, what: str) -> None:
        self.n_resets += 1
        _logger.warning("%s: %s; its beginning is read again", at, what)
