"""Which record was being read when the process died: one that kills it twice is not read again.

The mark is written before a record's bytes are touched and wiped afterwards. It is not synced: it
is to survive the process, which it does in the page cache, and not the machine.
"""

import fcntl
import os
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Self

import orjson

from monitor.kafka.records import Partition, Record

MARK_BYTES = 512
MAX_DEATHS = 2
"""So often may the process die over one record that it reads alone."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Records of one partition, by their offsets, both ends included."""

    topic: str
    partition: int
    first: int
    last: int

    @classmethod
    def of(cls, first: Record, last: Record) -> Self:
        return cls(first.topic, first.partition, first.offset, last.offset)

    def holds(self, record: Record) -> bool:
        return (
            self.first <= record.offset <= self.last
            and self.partition == record.partition
            and self.topic == record.topic
        )


class Attempts:
    """The deaths that earlier processes of this folder died, and the mark of this one.

    Replicas that share a folder take a place of their own in it, which is free again when they
    end; so a process that is started again finds what the one before it has left.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._mark, self._path = _place(folder)
        self._deaths: dict[Span, int] = {}
        self._careful: set[Span] = set()
        self._is_marked = False
        self._take_over()

    def is_suspect(self, record: Record) -> bool:
        """Whether the process has died over this record, or over some with this one among them:
        then it is to be read, and counted, alone."""
        return any(span.holds(record) for span in self._careful)

    def is_condemned(self, record: Record) -> bool:
        """Whether reading it has ended the process as often as it may."""
        return self._deaths.get(Span.of(record, record), 0) >= MAX_DEATHS

    @property
    def has_suspects(self) -> bool:
        return bool(self._careful)

    def reading(self, first: Record, last: Record) -> None:
        """Says what is read next; `done` says that it has gone well."""
        self._write(orjson.dumps(Span.of(first, last)))
        self._is_marked = True

    def done(self) -> None:
        if self._is_marked:
            self._write(b"")
            self._is_marked = False

    def settle(self, committed: Mapping[Partition, int]) -> None:
        """Forgets deaths over records that will not be read again."""
        if not self._careful:
            return
        over = {
            span
            for span in self._careful
            if committed.get(Partition(span.topic, span.partition), 0) > span.last
        }
        if over:
            self._careful -= over
            self._deaths = {s: n for s, n in self._deaths.items() if s not in over}
            self._keep()

    def close(self) -> None:
        self.done()
        os.close(self._mark)

    def _take_over(self) -> None:
        """Adds what the mark of a process that died says to what is known."""
        if self._path.exists():
            known = orjson.loads(self._path.read_bytes())
            self._deaths = {Span(*span): n for *span, n in known["deaths"]}
            self._careful = {Span(*span) for span in known["careful"]}
        left = os.pread(self._mark, MARK_BYTES, 0).rstrip(b"\0 ")
        if not left:
            return
        span = Span(**orjson.loads(left))
        self._careful.add(span)
        if span.first == span.last:
            self._deaths[span] = self._deaths.get(span, 0) + 1
        self._keep()
        self._write(b"")

    def _keep(self) -> None:
        known = {
            "deaths": [(*_numbers(span), n) for span, n in sorted(self._deaths.items())],
            "careful": [_numbers(span) for span in sorted(self._careful)],
        }
        new = self._path.with_suffix(".new")
        new.write_bytes(orjson.dumps(known))
        new.replace(self._path)

    def _write(self, text: bytes) -> None:
        os.pwrite(self._mark, text.ljust(MARK_BYTES), 0)


def _numbers(span: Span) -> tuple[str, int, int, int]:
    return span.topic, span.partition, span.first, span.last


def _place(folder: Path) -> tuple[int, Path]:
    """An open mark that no other process holds, and the file beside it."""
    for number in count():
        descriptor = os.open(folder / f"attempts-{number}.mark", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        else:
            return descriptor, folder / f"attempts-{number}.json"
    raise AssertionError("there is always another place")
