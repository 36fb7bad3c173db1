"""The topic profiles, read from where the state in SQL ends."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from kafka.structs import TopicPartition

from monitor.kafka.connecting import Broker, log_id
from monitor.kafka.records import Partition, Record, records_of

MAX_RECORDS = 1_000
"""In one tick."""

_logger = logging.getLogger(__name__)


class Source:
    """Reads all partitions of the topic profiles, without a group: SQL knows the offsets.

    Where the log no longer holds the offset that is asked for, or is another one under the same
    name, it is read from its beginning: segments replace one another, so what is read twice does no
    harm. `n_resets` counts that.
    """

    def __init__(
        self,
        broker: Broker,
        offsets: Mapping[Partition, int],
        *,
        client_id: str,
        log_of: Callable[[Any, str], str] = log_id,
    ) -> None:
        """log_of: which log a consumer reads under a topic's name."""
        self.n_resets = 0
        self._log_of = log_of
        self._consumer: Any = broker.consumer(client_id=client_id)
        topic = broker.topics.profiles
        numbers = self._consumer.partitions_for_topic(topic) or ()
        self._next = {Partition(topic, n): offsets.get(Partition(topic, n), 0) for n in numbers}
        self._consumer.assign([TopicPartition(*at) for at in self._next])
        for at, offset in self._next.items():
            self._consumer.seek(TopicPartition(*at), offset)
        self._topic = topic
        self._log = log_of(self._consumer, topic)

    def poll(self, *, timeout_s: float) -> tuple[list[Record], dict[Partition, int]]:
        """Records that have come, and the offsets to read on from once they are dealt with."""
        polled = self._consumer.poll(timeout_ms=round(timeout_s * 1000), max_records=MAX_RECORDS)
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

    def _check_continuity(self, at: Partition, offset: int) -> None:
        expected = self._next[at]
        if expected not in (offset, 0):
            self._note_reset(at, f"offset {offset} follows where {expected} was expected")

    def _is_made_anew(self) -> bool:
        """Whether the log is another one than before; then reading begins again."""
        before, self._log = self._log, self._log_of(self._consumer, self._topic) or self._log
        if before in ("", self._log):
            return False
        for at in self._next:
            self._note_reset(at, "the log was made anew")
            self._next[at] = 0
            self._consumer.seek_to_beginning(TopicPartition(*at))
        return True

    def _rewind_beyond_the_end(self) -> None:
        """A broker that was made anew may not say that an offset is beyond its end."""
        for at, expected in self._next.items():
            tp = TopicPartition(*at)
            end = self._consumer.highwater(tp)
            if end is not None and end < expected:
                self._note_reset(at, f"its end is {end}, {expected} was expected")
                self._next[at] = 0
                self._consumer.seek_to_beginning(tp)

    def _note_reset(self, at: Partition, what: str) -> None:
        self.n_resets += 1
        _logger.warning("%s: %s; its beginning is read again", at, what)
