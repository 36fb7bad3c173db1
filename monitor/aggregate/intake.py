"""What is known of a record before its bytes are read: whether it is next, new, and harmless."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from monitor.aggregate.attempts import Attempts
from monitor.aggregate.limits import DeadLetterLimit, Spoilage
from monitor.aggregate.reading import UnreadableError, model_version_of, monitor_of
from monitor.aggregate.segments import Segments
from monitor.kafka.messages import Header
from monitor.kafka.records import Record


class Group(NamedTuple):
    """Where records are counted together: one monitor's of one stretch.

    model_version: that made the predictions; empty where nobody says.
    counts: False for those that were counted before and only feed the join.
    alone: the offset of a record that is read and counted by itself; -1 for all others.
    """

    topic: str
    partition: int
    start: int
    counts: bool
    monitor: str
    alone: int = -1
    model_version: str = ""


class Sent:
    """Recognises messages that a collector has sent twice, by its id and its sequence.

    It looks back as far as the beginning of the stretch before, at repeats too: so what it says
    depends on the log alone, wherever reading begins.
    """

    def __init__(self, *, size: int) -> None:
        self._size = size
        self._stretch = -1
        self._before: set[tuple[bytes, bytes]] = set()
        self._here: set[tuple[bytes, bytes]] = set()

    def has_come(self, record: Record) -> bool:
        """Whether a message of the same collector and sequence has come not long ago."""
        told = dict(record.headers)
        collector, sequence = told.get(Header.COLLECTOR), told.get(Header.SEQUENCE)
        if collector is None or sequence is None:
            return False
        stretch = record.offset // self._size
        if stretch != self._stretch:
            self._before = self._here if stretch == self._stretch + 1 else set()
            self._stretch, self._here = stretch, set()
        has_come = (key := (collector, sequence)) in self._here or key in self._before
        self._here.add(key)
        return has_come


class Intake:
    """The records of one partition, in the order of the log.

    stopped: why the partition is not read on; None while it is.
    """

    def __init__(
        self, segments: Segments, *, limit: DeadLetterLimit | None, attempts: Attempts | None
    ) -> None:
        self.segments = segments
        self.stopped: str | None = None
        self._sent = Sent(size=segments.size)
        self._spoilage = None if limit is None else Spoilage(limit)
        self._attempts = attempts

    def takes_together(self, run: Sequence[Record]) -> bool:
        """Whether messages with the same headers all have the fate of the first, as far as it does
        not depend on where they are: they name their monitor, and number neither a repeat nor a
        suspect among them."""
        told = dict(run[0].headers)
        is_numbered = Header.COLLECTOR in told and Header.SEQUENCE in told
        if is_numbered or not told.get(Header.MONITOR) or self._has_suspects:
            return False
        return self.segments.are_next([record.offset for record in run])

    def parts(self, run: Sequence[Record]) -> Iterator[Sequence[Record]]:
        """Messages in a row, cut where a stretch begins, and where counting does."""
        begin = 0
        while begin < len(run):
            offset = run[begin].offset
            end = self.segments.start_of(offset) + self.segments.size
            if offset < self.segments.first:
                end = min(end, self.segments.first)
            yield run[begin : begin + end - offset]
            begin += end - offset

    def is_repeated(self, record: Record) -> bool:
        return self._sent.has_come(record)

    def group(self, record: Record) -> Group:
        """Raises UnreadableError for what names no monitor, and for what must not be read."""
        alone = -1
        if self._attempts is not None and self._has_suspects:
            if self._attempts.is_condemned(record):
                raise UnreadableError(
                    "killed the process", "reading it has ended the process twice"
                )
            alone = record.offset if self._attempts.is_suspect(record) else -1
        return Group(
            record.topic,
            record.partition,
            self.segments.start_of(record.offset),
            self.counts(record),
            monitor_of(record),
            alone,
            model_version_of(record),
        )

    def counts(self, record: Record) -> bool:
        """Whether a record counts; those before the first were counted and committed before."""
        return record.offset >= self.segments.first

    def note(self, run: Sequence[Record], bad: Collection[int]) -> str | None:
        """Takes note of what has been read, in the order of the log, and at which offsets it could
        not be; stops the partition, and says why, where that is too much."""
        if self._spoilage is None or self.stopped:
            return None
        counting = run if self.counts(run[0]) else [one for one in run if self.counts(one)]
        if not bad:
            self._spoilage.good(len(counting))
            return None
        for record in counting:
            if record.offset not in bad:
                self._spoilage.good(1)
            elif reason := self._spoilage.bad():
                self.stopped = reason
        return self.stopped

    @property
    def _has_suspects(self) -> bool:
        return self._attempts is not None and self._attempts.has_suspects
