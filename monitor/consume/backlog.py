"""Records of one partition that were read and not carried over yet, cut into blocks."""

from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from itertools import islice, takewhile

from monitor.kafka.records import Partition, Record

MAX_BLOCK = 5_000

Arrived = tuple[str, int | None, int]
"""A message of ours: its topic, its partition and its number."""

IsDue = Callable[[Record, float], bool]
"""Of a record and when it was read."""


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of a partition that is carried over as a whole, from `start` up to `end`.

    is_again: whether it was begun before. delivered: those of its messages that are in the log
        already.
    """

    partition: Partition
    start: int
    end: int
    records: Sequence[Record]
    is_again: bool = False
    delivered: Collection[Arrived] = ()


@dataclass(slots=True)
class Backlog:
    """next: the offset from which nothing was carried over.

    again: the end of a block that was begun before, and the messages of it that are in the log:
        it is made again as it was, so that what is missing of it can be told from what is not.
    """

    partition: Partition
    next: int
    again: tuple[int, Collection[Arrived]] | None = None
    size_bytes: int = 0
    _records: deque[tuple[Record, float]] = field(default_factory=deque)

    def add(self, record: Record, *, elapsed: float) -> None:
        self._records.append((record, elapsed))
        self.size_bytes += len(record.value)

    def block(self, is_due: IsDue) -> Block | None:
        """The records at the head that are due; None where there is nothing to be done yet.

        What is not due holds up what is behind it.
        """
        if self.again is not None:
            return self._same_again(is_due, *self.again)
        due = takewhile(lambda read: is_due(*read), self._records)
        records = [record for record, _ in islice(due, MAX_BLOCK)]
        if not records:
            return None
        return Block(self.partition, self.next, records[-1].offset, records)

    def _same_again(self, is_due: IsDue, end: int, delivered: Collection[Arrived]) -> Block | None:
        if not self._records or self._records[-1][0].offset < end:
            return None
        reads = list(takewhile(lambda read: read[0].offset <= end, self._records))
        if not all(is_due(*read) for read in reads):
            return None
        records = [record for record, _ in reads]
        return Block(self.partition, self.next, end, records, True, delivered)

    def settle(self, block: Block) -> None:
        """The block is in the log."""
        for _ in block.records:
            record, _ = self._records.popleft()
            self.size_bytes -= len(record.value)
        self.next, self.again = block.end + 1, None
