"""The members' side of the group: what was read, where from, and what may be committed."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata, TopicPartition

from monitor.collector.registry import Monitors
from monitor.consume.backlog import Backlog, Block
from monitor.consume.places import Place, Places
from monitor.consume.reading import request_id
from monitor.consume.requests import Requests
from monitor.consume.sources import Kind, Source, Sources
from monitor.decoders import DecodeError
from monitor.kafka.connecting import refresh
from monitor.kafka.joining import Joining
from monitor.kafka.records import Partition, Record, records_of

log = logging.getLogger(__name__)

MAX_RECORDS = 5_000
MAX_BACKLOG_BYTES = 8 * 1024 * 1024
"""Of one partition."""

ANSWER_MS = 5_000
"""For the broker's answer about its topics."""

ANSWER_WAIT_S = 30.0
"""A request is in its topic before its answer is; it may be read later, but not by much."""


class Inflow:
    """Polls and cuts blocks; for one thread. What its calls to Kafka raise is KafkaError or
    BrokerUnavailableError; then `begin_again` makes it read once more what was not settled.

    group: of the consumer, which commits nothing by itself. log_of: which log is behind a topic's
    name now; empty where it is not known. tell_anew: who is told of a partition whose log is
    another one than before.
    """

    def __init__(
        self,
        consumer: Any,
        sources: Sources,
        requests: Requests,
        places: Places,
        *,
        group: str,
        log_of: Callable[[str], str] = lambda _: "",
        tell_anew: Callable[[Partition], None] = lambda _: None,
    ) -> None:
        self._joining = Joining(consumer)
        self._consumer = consumer
        self._sources = sources
        self._requests = requests
        self._places = places
        self._group = group
        self._log_of = log_of
        self._tell_anew = tell_anew
        self._told_anew: dict[Partition, str] = {}
        self._logs: Mapping[Partition, str] = {}
        self._backlogs: dict[Partition, Backlog] = {}
        consumer.subscribe(pattern=sources.pattern, listener=self._joining)

    def name(self, partition: Partition) -> str:
        """Under which messages come from a partition: the same in every member of the group, and
        another one once the partition's log is, for its offsets begin again."""
        return self._name(partition, self._logs[partition])

    def _name(self, partition: Partition, log_: str) -> str:
        name = f"{self._group}:{partition.topic}/{partition.partition}"
        return f"{name}@{log_}" if log_ else name

    def place(self, block: Block) -> Place:
        """What is noted of a block before it is delivered."""
        at = block.partition
        return Place(self.name(at), block.start, block.end)

    def source(self, partition: Partition) -> Source:
        found = self._sources.of(partition.topic)
        assert found is not None  # nothing else was subscribed to
        return found

    def poll(self, monitors: Monitors, *, elapsed: float, timeout_s: float) -> None:
        """elapsed: seconds of a clock that never goes back."""
        timeout_ms = self._joining.poll_ms(round(timeout_s * 1000))
        polled = self._consumer.poll(timeout_ms=timeout_ms, max_records=MAX_RECORDS)
        self._follow_assignment(polled)
        for records in polled.values():
            for record in records_of(records):
                self._take(record, monitors, elapsed)
        self._requests.expire(elapsed=elapsed)
        self._throttle()

    def blocks(self, monitors: Monitors, *, elapsed: float) -> list[Block]:
        """What can be carried over now, at most one block a partition."""

        def is_due(record: Record, since: float) -> bool:
            source = self._sources.of(record.topic)
            if source is None or source.name is None:
                return True
            if source.kind is not Kind.ANSWERS:  # a monitor that was named is waited for
                return source.name in monitors.by_name
            is_known = source.name not in monitors.by_model or self._has_request(record, source)
            return is_known or since + ANSWER_WAIT_S <= elapsed

        blocks = (backlog.block(is_due) for backlog in self._backlogs.values())
        return [block for block in blocks if block is not None]

    def prove(self, blocks: Sequence[Block]) -> None:
        """Has the broker say that the blocks are still ours to carry over: it takes offsets from
        members alone. Raises KafkaError where the group has gone on without us."""
        self._consumer.commit(
            {
                TopicPartition(*block.partition): OffsetAndMetadata(
                    block.start, self._logs[block.partition], -1
                )
                for block in blocks
            }
        )

    def settle(self, blocks: Sequence[Block]) -> None:
        """The blocks are in the log; requests whose answers are in them are done with."""
        for block in blocks:
            source = self.source(block.partition)
            if source.kind is Kind.ANSWERS:
                for record in block.records:
                    if (id_ := _request_id(record)) is not None:
                        self._requests.forget((source.name or "", id_))
            self._backlogs[block.partition].settle(block)
        self._commit([block.partition for block in blocks])

    def begin_again(self) -> None:
        """Forgets what was read and not settled: with the next poll it is read again."""
        self._logs = {}
        self._backlogs.clear()
        self._requests.clear()

    def lag(self) -> Mapping[str, int]:
        """By topic, the messages that are not in ours yet, as far as has been heard."""
        lag: Counter[str] = Counter()
        for partition, backlog in self._backlogs.items():
            end = self._consumer.highwater(TopicPartition(*partition))
            if end is not None:
                lag[partition.topic] += max(end - backlog.next, 0)
        return lag

    def _take(self, record: Record, monitors: Monitors, elapsed: float) -> None:
        at = Partition(record.topic, record.partition)
        source = self.source(at)
        if source.kind is not Kind.REQUESTS:
            self._backlogs[at].add(record, elapsed=elapsed)
            return
        model, id_ = source.name or "", _request_id(record)
        if model in monitors.by_model and id_ is not None:
            self._requests.add((model, id_), record, elapsed=elapsed)

    def _has_request(self, answer: Record, source: Source) -> bool:
        id_ = _request_id(answer)
        return id_ is None or self._requests.get((source.name or "", id_)) is not None

    def _follow_assignment(self, polled: dict[Any, Any]) -> None:
        """Begins with partitions that came, where they were left; forgets those that went. A log
        that was made anew is another one, and is begun at its beginning."""
        taken = self._joining.taken_away()
        assigned = [Partition(*at) for at in self._consumer.assignment()]
        if taken or set(assigned) - self._logs.keys():
            refresh(self._consumer, timeout_ms=ANSWER_MS)  # lest one log pass for another
        logs = {at: self._log(at) for at in assigned}
        gone = {at for at, log_ in self._logs.items() if at in taken or logs.get(at) != log_}
        for partition in gone:
            self._backlogs.pop(partition, None)
            self._requests.drop(partition)
        came = sorted(at for at in logs if at in gone or at not in self._logs)
        for partition in came:
            polled.pop(TopicPartition(*partition), None)
        self._begin(came, logs)
        self._logs = logs

    def _log(self, at: Partition) -> str:
        """What was not known at the beginning stays so: a name must not change by being heard."""
        known = self._logs.get(at)
        return "" if known == "" else self._log_of(at.topic) or known or ""

    def _begin(self, partitions: Sequence[Partition], logs: Mapping[Partition, str]) -> None:
        firsts = {partition: self._first(partition, logs[partition]) for partition in partitions}
        carried = [at for at in partitions if self.source(at).kind is not Kind.REQUESTS]
        places = self._places.latest() if carried else {}
        names = {at: self._name(at, logs[at]) for at in partitions}
        begun = {
            names[at]: places[names[at]]
            for at in carried
            if names[at] in places and places[names[at]][0].start >= firsts[at]
        }
        delivered = self._places.delivered({name: time for name, (_, time) in begun.items()})
        for partition, first in firsts.items():
            backlog, name = Backlog(partition, first), names[partition]
            if name in begun:
                place, _ = begun[name]
                log.info("%s goes on within a block, at %d", name, place.start)
                backlog = Backlog(partition, place.start, (place.end, delivered[name]))
            if partition in carried:
                self._backlogs[partition] = backlog
            self._consumer.seek(TopicPartition(*partition), backlog.next)

    def _first(self, partition: Partition, log_: str) -> int:
        """Where the group has come to in a log, as far as was committed."""
        at = TopicPartition(*partition)
        committed = self._consumer.committed(at, metadata=True)
        first: int = self._consumer.beginning_offsets([at])[at]
        read = "" if committed is None else committed.metadata
        is_another = "" not in (read, log_) and read != log_
        if is_another or self._logs.get(partition, log_) != log_:
            self._note_anew(partition, log_)
        return first if committed is None or is_another else max(int(committed.offset), first)

    def _note_anew(self, partition: Partition, log_: str) -> None:
        """Tells once of every log."""
        if self._told_anew.get(partition) != log_:
            self._told_anew[partition] = log_
            log.warning("the log of %s was made anew: it is read from its beginning", partition)
            self._tell_anew(partition)

    def _commit(self, carried: Sequence[Partition]) -> None:
        offsets = {at: self._backlogs[at].next for at in carried}
        for partition in self._logs:
            if self.source(partition).kind is Kind.REQUESTS:
                oldest = self._requests.oldest(partition)
                at = TopicPartition(*partition)
                offsets[partition] = self._consumer.position(at) if oldest is None else oldest
        try:
            self._consumer.commit(
                {
                    TopicPartition(*at): OffsetAndMetadata(offset, self._logs[at], -1)
                    for at, offset in offsets.items()
                }
            )
        except KafkaError as error:  # what is not committed is found in our own topics
            log.warning("offsets were not committed: %s", error)

    def _throttle(self) -> None:
        """Polling goes on where too much is waiting, but fetches nothing."""
        paused = self._consumer.paused()
        for partition in self._logs:
            at = TopicPartition(*partition)
            if self._is_full(partition):
                self._consumer.pause(at)
            elif at in paused:
                self._consumer.resume(at)

    def _is_full(self, partition: Partition) -> bool:
        backlog = self._backlogs.get(partition)
        if backlog is None:
            return self._requests.is_full
        return backlog.size_bytes > MAX_BACKLOG_BYTES


def _request_id(record: Record) -> str | None:
    try:
        return request_id(record)
    except DecodeError:
        return None
