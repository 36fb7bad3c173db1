"""The thread that polls Kafka and never computes: a slow count costs no group membership."""

import logging
import queue
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeAlias

from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata, TopicPartition

from monitor.kafka.joining import Joining
from monitor.kafka.records import Partition, Record, records_of

MAX_BYTES = 64 * 1024 * 1024
"""Of records that wait to be counted; above it the partitions are paused."""

MAX_RECORDS = 5_000
"""In one poll."""

ANSWER_MS = 5_000
"""For an answer of the broker about offsets; then it is asked again."""

POLL_MS = 100

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Assigned:
    """A partition is ours now. Its rows count from `first`; reading begins at `reading_from`."""

    partition: Partition
    first: int
    reading_from: int


@dataclass(frozen=True, slots=True)
class Revoked:
    partition: Partition


@dataclass(frozen=True, slots=True)
class Polled:
    records: Sequence[Record]


Event: TypeAlias = Assigned | Revoked | Polled
Rewind: TypeAlias = Callable[[], float | None]
"""Seconds since 1970 from which messages are wanted for the join; None if there is no join."""


class Poller:
    """Polls on a thread of its own; use it in a `with`, which leaves the group at the end.

    `commit` returns at once, and the offsets are committed by that thread before its next poll.
    A commit that fails because the partition has moved is no loss: it is read again by its new
    owner, which counts it under the same names.

    ends: the offset behind the last message of every partition, as far as has been heard.
    held: partitions that are ours and are not to be read on.
    """

    def __init__(
        self, consumer: Any, rewind: Rewind, *, max_bytes: int = MAX_BYTES, overlap: int = 0
    ) -> None:
        """overlap: reading begins so many messages before what is wanted, where there are any."""
        self.ends: Mapping[Partition, int] = {}
        self.held: Collection[Partition] = frozenset()
        self._overlap = overlap
        self._joining = Joining()
        self._consumer = consumer
        self._rewind = rewind
        self._max_bytes = max_bytes
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._n_bytes = 0
        self._lock = threading.Lock()
        self._assignment: frozenset[Partition] = frozenset()
        self._to_commit: dict[Partition, int] = {}
        self._failure: BaseException | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="poller", daemon=True)
        consumer.subscribe(sorted(consumer.subscription()), listener=self._joining)

    def events(self, *, timeout_s: float) -> list[Event]:
        """What has happened since, in order; waits for something to happen.

        Raises what ended the polling thread.
        """
        found = self._drain(timeout_s)
        if not found and self._failure is not None:
            raise self._failure
        with self._lock:
            self._n_bytes -= sum(_size(event) for event in found)
        return found

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        with self._lock:
            self._to_commit.update(offsets)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def _drain(self, timeout_s: float) -> list[Event]:
        found: list[Event] = []
        try:
            found.append(self._events.get(timeout=timeout_s))
            while True:
                found.append(self._events.get_nowait())
        except queue.Empty:
            return found

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._turn()
            self._commit()
        except BaseException as error:  # noqa: BLE001 - `events` raises it in the main thread
            self._failure = error
        finally:
            self._consumer.close(autocommit=False, timeout_ms=5_000)

    def _turn(self) -> None:
        try:
            self._commit()
            self._throttle()
            polled = self._consumer.poll(
                timeout_ms=self._joining.poll_ms(POLL_MS), max_records=MAX_RECORDS
            )
            self._follow_assignment(polled)
            self._note_ends()  # before the records: who has these knows of an end beyond them
            for records in polled.values():
                self._put(Polled(records_of(records)))
        except KafkaError as error:
            if not error.retriable:
                raise
            _logger.warning("polling failed and is tried again: %s", error)
            self._stopping.wait(POLL_MS / 1000)

    def _put(self, event: Event) -> None:
        with self._lock:
            self._n_bytes += _size(event)
        self._events.put(event)

    def _follow_assignment(self, polled: dict[Any, Any]) -> None:
        """Tells what came and went; partitions that came are read from where they are needed."""
        assignment = frozenset(Partition(*tp) for tp in self._consumer.assignment())
        if assignment == self._assignment:
            return
        for partition in sorted(self._assignment - assignment):
            self._put(Revoked(partition))
        for partition in sorted(assignment - self._assignment):
            polled.pop(partition, None)
            self._put(self._begin(partition))
        self._assignment = assignment

    def _begin(self, partition: Partition) -> Assigned:
        at = TopicPartition(*partition)
        beginning = self._asked(self._consumer.beginning_offsets, [at])[at]
        first = self._asked(self._consumer.committed, at)
        if first is None:
            first = beginning
        reading_from = max(self._rewound(at, first) - self._overlap, min(beginning, first))
        self._consumer.seek(at, reading_from)
        return Assigned(partition, first, reading_from)

    def _rewound(self, at: TopicPartition, first: int) -> int:
        since = self._rewind()
        if since is None:
            return first
        times = {at: max(0, round(since * 1000))}
        found = self._asked(self._consumer.offsets_for_times, times)[at]
        return first if found is None else min(first, found.offset)

    def _asked(self, question: Callable[..., Any], about: Any) -> Any:
        """The broker's answer. It is asked again where none comes: giving up here would lose the
        records that were polled with the news of the assignment.
        """
        while True:
            try:
                return question(about, timeout_ms=ANSWER_MS)
            except KafkaError as error:
                if not error.retriable or self._stopping.is_set():
                    raise
                _logger.warning("an offset is not known yet and is asked for again: %s", error)

    def _throttle(self) -> None:
        """Polling goes on when too much is waiting, but fetches nothing; nor of what is held."""
        with self._lock:
            full = self._n_bytes > self._max_bytes
        assigned, paused = self._consumer.assignment(), self._consumer.paused()
        wanted = {at for at in assigned if full or Partition(*at) in self.held}
        if wanted - paused:
            self._consumer.pause(*(wanted - paused))
        if paused - wanted:
            self._consumer.resume(*(paused - wanted))

    def _note_ends(self) -> None:
        ends = {
            partition: self._consumer.highwater(TopicPartition(*partition))
            for partition in self._assignment
        }
        self.ends = {partition: end for partition, end in ends.items() if end is not None}

    def _commit(self) -> None:
        with self._lock:
            wanted, self._to_commit = self._to_commit, {}
        offsets = {
            TopicPartition(*partition): OffsetAndMetadata(offset, "", -1)
            for partition, offset in wanted.items()
            if partition in self._assignment
        }
        if not offsets:
            return
        try:
            self._consumer.commit(offsets)
        except KafkaError as error:
            _logger.warning("offsets were not committed: %s", error)


def _size(event: Event) -> int:
    return sum(len(record.value) for record in event.records) if isinstance(event, Polled) else 0
