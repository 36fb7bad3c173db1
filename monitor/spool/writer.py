"""Appending to the log: when `append` returns, what it was given survives a loss of power."""

import errno
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

from monitor.spool.disk import Disk, File, write_all
from monitor.spool.errors import SpoolError, SpoolFailedError, SpoolFullError
from monitor.spool.format import HEADER_BYTES, RECORD_BYTES, frame, header
from monitor.spool.segments import Segment, Segments

log = logging.getLogger(__name__)

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Writer:
    """Writes the last segment, and begins a new one when it is long enough; for one thread.

    A process never appends to a segment of another.

    new_marker: a random number of 32 bits.
    """

    def __init__(
        self,
        disk: Disk,
        segments: Segments,
        *,
        segment_bytes: int,
        new_marker: Callable[[], int],
    ) -> None:
        self._disk = disk
        self._segments = segments
        self._segment_bytes = segment_bytes
        self._new_marker = new_marker
        self._file: File | None = None
        self._segment: Segment | None = None

    def append(self, payloads: Sequence[bytes]) -> int:
        """Stores all or nothing; returns the last sequence number.

        Raises SpoolFullError where the disk is, else SpoolFailedError.
        """
        first, size = self._segments.following, stored_bytes(payloads)
        try:
            file, segment = self._open_for(size)
            framed = (frame(segment.marker, first + i, p) for i, p in enumerate(payloads))
            self._write(file, segment, b"".join(framed))
            self._sync(file, segment)
        except OSError as error:
            raise _refusal(error) from error
        self._segments.grow(segment, size, len(payloads))
        return first + len(payloads) - 1

    def _open_for(self, size: int) -> tuple[File, Segment]:
        file, segment = self._file, self._segment
        if file is not None and segment is not None:
            if segment.size == HEADER_BYTES or segment.size + size <= self._segment_bytes:
                return file, segment
            self.close()
        return self._begin()

    def _begin(self) -> tuple[File, Segment]:
        if self._segment is not None:  # nothing that was acknowledged is in it
            self._disk.unlink(self._segment.name)
            self._segments.remove(self._segment)
            self._segment = None
        segment = Segment(first=self._segments.following, marker=self._new_marker())
        file = self._disk.create(segment.name)
        try:
            write_all(file, header(), 0)
            file.sync()
            self._disk.sync()
        except OSError:
            with suppress(OSError):  # else it is unlinked when a process finds it empty
                file.close()
                self._disk.unlink(segment.name)
            raise
        self._segments.add(segment)
        self._file, self._segment = file, segment
        return file, segment

    def _write(self, file: File, segment: Segment, data: bytes) -> None:
        try:
            write_all(file, data, segment.size)
        except OSError:
            try:
                file.truncate(segment.size)
            except OSError:
                self._abandon(file)
            raise

    def _sync(self, file: File, segment: Segment) -> None:
        try:
            file.sync()
        except OSError as error:
            log.warning("%s is not written to any more: %s", segment.name, error)
            with suppress(OSError):  # else the next process may deliver what was refused here
                file.truncate(segment.size)
            self._abandon(file)
            raise

    def _abandon(self, file: File) -> None:
        """Nothing more is written to this file: nobody knows what of it is on the disk."""
        self._file = None
        if self._segment is not None and self._segment.size > HEADER_BYTES:
            self._segment = None
        with suppress(OSError):  # a disk that fails may say so at the close again
            file.close()

    def close(self) -> None:
        file, self._file, self._segment = self._file, None, None
        if file is not None:
            with suppress(OSError):  # everything that was acknowledged is synced
                file.close()


def stored_bytes(payloads: Sequence[bytes]) -> int:
    """What the payloads take on the disk."""
    return sum(map(len, payloads)) + RECORD_BYTES * len(payloads)


def _refusal(error: OSError) -> SpoolError:
    if error.errno in FULL:
        return SpoolFullError(f"the disk is full: {error}")
    return SpoolFailedError(f"the disk failed: {error}")
