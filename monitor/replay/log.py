"""The log as a replay reads it: from some offsets to others, in no group, committing nothing."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kafka.structs import TopicPartition

from monitor.kafka.connecting import Broker
from monitor.kafka.ends import ends
from monitor.kafka.records import Partition, Record, records_of
from monitor.replay.reported import ReplayError

CLIENT = "driftmeter-replay"
PATIENCE_S = 30.0
"""So long may a broker say nothing of messages that it has."""


class LogGoneError(ReplayError):
    """The log does not go back so far any more, or is another one."""


class Log:
    """Some partitions. clock: seconds on a clock that never jumps."""

    def __init__(self, broker: Broker, *, clock: Callable[[], float]) -> None:
        self._broker = broker
        self._consumer: Any = broker.consumer(client_id=CLIENT)
        self._clock = clock
        self._waiting: dict[Partition, deque[Record]] = {}

    def close(self) -> None:
        self._consumer.close()

    def partitions(self, topic: str) -> list[Partition]:
        numbers = self._consumer.partitions_for_topic(topic) or ()
        return [Partition(topic, number) for number in sorted(numbers)]

    def begin(self, firsts: Mapping[Partition, int], *, before: int = 0) -> dict[Partition, int]:
        """Reads from these offsets on, and of what is `before` them so many messages if they are
        there; returns where it begins. Raises LogGoneError where an offset is no longer there."""
        beginnings = self.beginnings(list(firsts))
        for at, first in firsts.items():
            if beginnings[at] > first:
                raise LogGoneError(
                    f"{at.topic}, partition {at.partition}, now begins at offset "
                    f"{beginnings[at]:,}, and {first:,} is needed"
                )
        begun = {at: max(first - before, beginnings[at]) for at, first in firsts.items()}
        self._assign(begun)
        return begun

    def begin_at_the_beginning(self, partitions: Sequence[Partition]) -> None:
        """Reads all that there is."""
        self._assign(self.beginnings(partitions))

    def ends(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """The offset behind the last message of each partition, now."""
        found = ends(self._broker, [TopicPartition(*at) for at in partitions], client_id=CLIENT)
        return {Partition(*at): end for at, end in found.items()}

    def read_through(
        self, cuts: Mapping[Partition, int], take: Callable[[list[Record]], None]
    ) -> None:
        """Gives `take` what lies before these offsets and was not given yet, in the order of each
        partition. Raises LogGoneError where the log ends before."""
        silent_since = self._clock()
        while True:
            found = [record for at, cut in cuts.items() for record in self._before(at, cut)]
            if found:
                take(found)
                silent_since = self._clock()
            behind = [at for at, cut in cuts.items() if not self._has_read(at, cut)]
            if not behind:
                return
            if self._clock() - silent_since > PATIENCE_S:
                at = behind[0]
                raise LogGoneError(f"{at.topic}, partition {at.partition}, ends before {cuts[at]}")
            self._poll(behind)

    def beginnings(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """The offset of the first message that each partition still has."""
        found = self._consumer.beginning_offsets([TopicPartition(*at) for at in partitions])
        return {Partition(*at): offset for at, offset in found.items()}

    def _assign(self, offsets: Mapping[Partition, int]) -> None:
        self._consumer.assign([TopicPartition(*at) for at in offsets])
        for at, offset in offsets.items():
            self._consumer.seek(TopicPartition(*at), offset)
        self._waiting = {at: deque() for at in offsets}

    def _before(self, at: Partition, cut: int) -> list[Record]:
        found, waiting = [], self._waiting[at]
        while waiting and waiting[0].offset < cut:
            found.append(waiting.popleft())
        return found

    def _has_read(self, at: Partition, cut: int) -> bool:
        return bool(self._waiting[at]) or self._consumer.position(TopicPartition(*at)) >= cut

    def _poll(self, wanted: list[Partition]) -> None:
        """Reads those that are behind, and no others: they would pile up."""
        others = [TopicPartition(*at) for at in self._waiting if at not in wanted]
        self._consumer.resume(*[TopicPartition(*at) for at in wanted])
        self._consumer.pause(*others)
        for at, consumed in self._consumer.poll(timeout_ms=200, max_records=5_000).items():
            self._waiting[Partition(*at)].extend(records_of(consumed))
