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

from monitor.kafka.connecting import refresh
from monitor.kafka.joining import Joining
from monitor.kafka.records import Partition, Record

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
    """A partition is ours now. Its rows count from `first`; reading begins at `reading_from`.

    log: which one is behind its name. is_anew: whether it was another one before.
    """

    partition: Partition
    first: int
    reading_from: int
    log: str = ""
    is_anew: bool = False


@dataclass(frozen=True, slots=True)
class Revoked:
    """A partition is no longer ours. is_gone: nor anybody's, for its log is there no more."""

    partition: Partition
    is_gone: bool = False


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
    owner, which counts it under the same names. With an offset the log that it is of is committed:
    in another log under the same name it means nothing, and that one is read from its beginning.

    ends: the offset behind the last message of every partition, as far as has been heard.
    held: partitions that are ours and are not to be read on.
    """

    def __init__(
        self,
        consumer: Any,
        topics: Sequence[str],
        rewind: Rewind,
        *,
        max_bytes: int = MAX_BYTES,
        overlap: int = 0,
        log_of: Callable[[str], str] = lambda _: "",
    ) -> None:
        """consumer: a KafkaConsumer that reads in batches (`monitor.kafka.record_batches`).
        overlap: reading begins so many messages before what is wanted, where there are any.
        log_of: which log is behind a topic's name now; empty where it is not known."""
        self.ends: Mapping[Partition, int] = {}
        self.held: Collection[Partition] = frozenset()
        self._overlap = overlap
        self._joining = Joining(consumer)
        self._consumer = consumer
        self._rewind = rewind
        self._max_bytes = max_bytes
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._n_bytes = 0
        self._lock = threading.Lock()
        self._log_of = log_of
        self._logs: Mapping[Partition, str] = {}
        self._known_logs: dict[Partition, str] = {}
        self._told: dict[Partition, str] = {}
        self._to_commit: dict[Partition, tuple[int, str]] = {}
        self._failure: BaseException | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="poller", daemon=True)
        consumer.subscribe(topics, listener=self._joining)

    def events(self, *, timeout_s: float) -> list[Event]:
        """What has happened since, in order; waits for something to happen.

        Raises what ended the polling thread.
        """
        found = self._drain(timeout_s)
        if not found and self._failure is not None:
            raise self._failure
        with self._lock:
            self._n_bytes -= sum(_size(event) for event in found)
        self._told |= {e.partition: e.log for e in found if isinstance(e, Assigned)}
        return found

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        told = {at: (offset, self._told.get(at, "")) for at, offset in offsets.items()}
        with self._lock:
            self._to_commit.update(told)

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
                self._put(Polled(records))
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
        taken = self._joining.taken_away()
        assigned = sorted(Partition(*tp) for tp in self._consumer.assignment())
        if taken or set(assigned) - self._logs.keys():
            self._asked(refresh, self._consumer)  # lest a log be counted under another one's name
        logs = {at: self._log(at) for at in assigned}
        if logs == self._logs and not taken:
            return
        gone = {at for at, log in self._logs.items() if at in taken or logs.get(at) != log}
        for partition in sorted(gone):
            is_anew = logs.get(partition, self._logs[partition]) != self._logs[partition]
            self._put(Revoked(partition, is_gone=is_anew))
        for partition in assigned:
            if partition in gone or partition not in self._logs:
                polled.pop(partition, None)
                self._put(self._begin(partition, logs[partition]))
        self._logs = logs

    def _log(self, at: Partition) -> str:
        """What was not known at the beginning stays so: a name must not change by being heard."""
        known = self._logs.get(at)
        return "" if known == "" else self._log_of(at.topic) or known or ""

    def _begin(self, partition: Partition, log: str) -> Assigned:
        at = TopicPartition(*partition)
        is_anew = self._known_logs.setdefault(partition, log) != log
        self._known_logs[partition] = log
        beginning = self._asked(self._consumer.beginning_offsets, [at])[at]
        committed = None if is_anew else self._asked(self._committed, at)
        if committed is not None and committed.metadata and log not in ("", committed.metadata):
            committed, is_anew = None, True
        first = beginning if committed is None else committed.offset
        reading_from = max(self._rewound(at, first) - self._overlap, min(beginning, first))
        self._consumer.seek(at, reading_from)
        return Assigned(partition, first, reading_from, log, is_anew)

    def _committed(self, at: TopicPartition, *, timeout_ms: int) -> OffsetAndMetadata | None:
        found: OffsetAndMetadata | None = self._consumer.committed(
            at, metadata=True, timeout_ms=timeout_ms
        )
        return found

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
            for partition in self._logs
        }
        self.ends = {partition: end for partition, end in ends.items() if end is not None}

    def _commit(self) -> None:
        with self._lock:
            wanted, self._to_commit = self._to_commit, {}
        offsets = {
            TopicPartition(*partition): OffsetAndMetadata(offset, log, -1)
            for partition, (offset, log) in wanted.items()
            if self._logs.get(partition) == log
        }
        if not offsets:
            return
        try:
            self._consumer.commit(offsets)
        except KafkaError as error:
            _logger.warning("offsets were not committed: %s", error)


def _size(event: Event) -> int:
    return sum(len(record.value) for record in event.records) if isinstance(event, Polled) else 0
