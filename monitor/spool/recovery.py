"""What a spool's folder holds when a process begins."""

import logging
from dataclasses import dataclass

from monitor.spool.disk import Disk, File
from monitor.spool.format import (
    HEADER_BYTES,
    SUFFIX,
    find_record,
    is_readable_header,
    parse_name,
    size_of,
)
from monitor.spool.segments import Segment, Segments

log = logging.getLogger(__name__)

DAMAGED = ".damaged"
MAX_DAMAGED = 4
"""So many damaged segments are kept for whoever wants to look into them."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What is there, before anything is touched: segments by age, the empty ones apart."""

    segments: list[Segment]
    empty: list[str]


def survey(disk: Disk) -> Survey:
    """Looks at every segment's header and size. Raises SpoolVersionError, OSError."""
    found = Survey([], [])
    for name in sorted(disk.names()):
        if (parsed := parse_name(name)) is None:
            continue
        file = disk.open(name)
        try:
            segment = _look_at(file, *parsed)
        finally:
            file.close()
        if segment is None:
            found.empty.append(name)
        else:
            found.segments.append(segment)
    return found


def _look_at(file: File, first: int, marker: int) -> Segment | None:
    size = file.size()
    is_readable = is_readable_header(file.read(HEADER_BYTES, 0))
    if size <= HEADER_BYTES:
        return None
    return Segment(first=first, marker=marker, size=size, is_damaged=not is_readable)


def recover(disk: Disk, found: Survey, delivered: int) -> tuple[Segments, int]:
    """The segments that can be read, and how many bytes were torn off the end of the last one.

    Only the last is read: the others were complete when the next one was begun.
    """
    for name in found.empty:
        disk.unlink(name)
    segments, following, n_torn_bytes = list(found.segments), delivered + 1, 0
    if segments:
        last = segments[-1]
        size = last.size
        following = max(following, _mend(disk, last))
        n_torn_bytes = size - last.size
        if last.size == HEADER_BYTES:
            set_aside(disk, segments.pop())
    disk.sync()
    return Segments(segments, following), n_torn_bytes


def _mend(disk: Disk, segment: Segment) -> int:
    """Cuts off what follows the last good record; returns the sequence number after it."""
    file = disk.open(segment.name)
    try:
        end, following = _end_of_records(file.read(segment.size, 0), segment)
        if end < segment.size:
            log.warning("%s: the last %d bytes were torn", segment.name, segment.size - end)
            segment.size = end
            if end > HEADER_BYTES:
                file.truncate(end)
        # A record is not delivered before it is on the disk: a process that died may have left it
        # in memory only.
        file.sync()
    finally:
        file.close()
    return following


def _end_of_records(data: bytes, segment: Segment) -> tuple[int, int]:
    """Where the last good record ends, however much before it is damaged, and what follows it."""
    end, following = HEADER_BYTES, segment.first
    while found := find_record(data, end, segment.marker, range(following, 2**64)):
        place, record = found
        end, following = place + size_of(record), record.sequence + 1
    return end, following


def set_aside(disk: Disk, segment: Segment) -> None:
    """Renames a damaged segment, and lets go of the oldest that were set aside before."""
    disk.rename(segment.name, segment.name.removesuffix(SUFFIX) + DAMAGED)
    kept = sorted(name for name in disk.names() if name.endswith(DAMAGED))
    for name in kept[:-MAX_DAMAGED]:
        disk.unlink(name)
