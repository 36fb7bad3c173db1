"""Reading the log in order, past whatever is damaged."""

import errno
import logging
from collections.abc import Sequence

from monitor.spool.disk import Disk, File
from monitor.spool.format import HEADER_BYTES, Record, find_record, run_of_records, size_of
from monitor.spool.segments import Segment, Segments, Stretch

log = logging.getLogger(__name__)

BLOCK_BYTES = 4096


class Reader:
    """Gives out records one after the other; for one thread.

    n_lost: records that were acknowledged and cannot be read any more.
    """

    def __init__(self, disk: Disk, segments: Segments, first: int) -> None:
        self.n_lost = 0
        self._disk = disk
        self._segments = segments
        self._next = first
        self._counted = first
        self._file: File | None = None
        self._segment: Segment | None = None
        self._offset = HEADER_BYTES

    @property
    def position(self) -> int:
        """The sequence number up to which there is nothing left to read."""
        return self._next - 1

    def read(self, after: int, max_bytes: int) -> list[Record]:
        """The records that follow, of about `max_bytes`, but one at least if there is one.

        Going on from the last record that was read costs nothing extra. Raises OSError.
        """
        if after + 1 != self._next:
            self._rewind(after + 1)
        found: list[Record] = []
        while not found and (stretch := self._segments.stretch(self._next)):
            self._enter(stretch.segment)
            found = [r for r in self._read_on(stretch, max_bytes) if r.sequence > after]
        return found

    def _rewind(self, sequence: int) -> None:
        self.close()
        stretch = self._segments.stretch(sequence)
        self._next = sequence if stretch is None else min(sequence, stretch.segment.first)

    def _enter(self, segment: Segment) -> None:
        if segment is self._segment:
            return
        self.close()
        self._lose(segment.first, "a segment is missing")
        self._offset = HEADER_BYTES
        try:
            self._file = self._disk.open(segment.name)
        except FileNotFoundError:
            log.warning("%s is gone", segment.name)
        self._segment = segment

    def _read_on(self, stretch: Stretch, max_bytes: int) -> Sequence[Record]:
        segment, size, end = stretch
        data = self._bytes(min(max_bytes, size - self._offset))
        records = run_of_records(data, segment.marker, self._next)
        if records:
            self._pass(records)
            return records
        # The next record is larger than that, or damaged.
        data = self._bytes(size - self._offset)
        found = find_record(data, 0, segment.marker, range(self._next, end))
        if found is None:
            self._offset = size
            self._lose(end, segment.name)
            return []
        place, record = found
        self._offset += place
        self._lose(record.sequence, segment.name)
        self._pass([record])
        return [record]

    def _pass(self, records: Sequence[Record]) -> None:
        self._offset += sum(map(size_of, records))
        self._next = records[-1].sequence + 1

    def _lose(self, upto: int, where: str) -> None:
        """Goes on with `upto`; what lies between is lost, and counted if it is not yet."""
        if self._segment is not None and upto > self._next:
            self._segment.is_damaged = True
        n = upto - max(self._next, self._counted)
        if n > 0:
            self.n_lost += n
            log.warning("%d records cannot be read (%s)", n, where)
        self._next = upto
        self._counted = max(self._counted, upto)

    def _bytes(self, n: int) -> bytes:
        if self._file is None:
            return b""
        try:
            return self._file.read(n, self._offset)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
        return b"".join(self._block(self._file, i, n) for i in range(0, n, BLOCK_BYTES))

    def _block(self, file: File, i: int, n: int) -> bytes:
        """Zeros for a block that the disk cannot give back."""
        size = min(BLOCK_BYTES, n - i)
        try:
            return file.read(size, self._offset + i)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return bytes(size)

    def close(self) -> None:
        file, self._file, self._segment = self._file, None, None
        if file is not None:
            file.close()
