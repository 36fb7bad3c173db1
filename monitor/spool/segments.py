"""The segments of a spool, as the thread that writes and the one that reads share them."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from monitor.spool.format import HEADER_BYTES, segment_name


@dataclass(slots=True, kw_only=True)
class Segment:
    """One file of the log.

    first: the sequence number of its first record.
    size: bytes that are known to be on the disk; it ends with a record.
    """

    first: int
    marker: int
    size: int = HEADER_BYTES
    is_damaged: bool = False

    @property
    def name(self) -> str:
        return segment_name(self.first, self.marker)


class Stretch(NamedTuple):
    """What there is to read of a segment at one moment: bytes up to `size`, records before `end`.

    What else may follow in the file was never acknowledged.
    """

    segment: Segment
    size: int
    end: int


class Segments:
    """All segments, oldest first.

    following: the sequence number to come.
    size_bytes: of all of them together.
    """

    def __init__(self, segments: Sequence[Segment], following: int) -> None:
        self._lock = threading.Lock()
        self._segments = list(segments)
        self.following = following
        self.size_bytes = sum(segment.size for segment in segments)

    @property
    def first(self) -> int:
        """The oldest sequence number that may still be here."""
        with self._lock:
            return self._segments[0].first if self._segments else self.following

    def tail(self, n: int) -> int:
        """Where the last n segments begin."""
        with self._lock:
            return self._segments[-n:][0].first if self._segments else self.following

    def add(self, segment: Segment) -> None:
        with self._lock:
            self._segments.append(segment)
            self.size_bytes += segment.size

    def remove(self, segment: Segment) -> None:
        with self._lock:
            self._segments.remove(segment)
            self.size_bytes -= segment.size

    def grow(self, segment: Segment, n_bytes: int, n_records: int) -> None:
        """The segment, which is the last, has so much more that can be read."""
        with self._lock:
            segment.size += n_bytes
            self.size_bytes += n_bytes
            self.following += n_records

    def stretch(self, sequence: int) -> Stretch | None:
        """Where the record is, or the first after it that there is; None if there is none."""
        with self._lock:
            for i, segment in enumerate(self._segments):
                end = self._end(i)
                if sequence < end:
                    return Stretch(segment, segment.size, end)
        return None

    def before(self, sequence: int) -> list[Segment]:
        """The segments of which nothing at or after `sequence` is needed; never the last."""
        with self._lock:
            last = len(self._segments) - 1
            return [
                s for i, s in enumerate(self._segments) if i < last and self._end(i) <= sequence
            ]

    def _end(self, i: int) -> int:
        is_last = i == len(self._segments) - 1
        return self.following if is_last else self._segments[i + 1].first
