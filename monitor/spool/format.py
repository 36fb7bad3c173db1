"""The bytes of a segment, version 1.

A segment's name is its first record's sequence number and its marker, four random bytes:
`00000000000000000017-5f2b9c01.segment`.

header  b"DMSPOOL\\0" | version u32 | CRC32C u32 of the two
record  marker u32 | length u32 | sequence u64 | CRC32C u32 of these and the payload | payload

Numbers are little-endian. Every record begins with the marker, so that reading can find its way
past damage; nobody who writes payloads knows it, so none can pretend to be a record. The header's
form stays as it is in every version to come.
"""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from crc32c import crc32c

from monitor.spool.errors import SpoolVersionError

MAGIC = b"DMSPOOL\0"
VERSION = 1
SUFFIX = ".segment"

_HEADER = struct.Struct("<8sI")
_RECORD = struct.Struct("<IIQ")
_CRC = struct.Struct("<I")
_NAME = re.compile(r"(\d{20})-([0-9a-f]{8})\.segment")

HEADER_BYTES = _HEADER.size + _CRC.size
RECORD_BYTES = _RECORD.size + _CRC.size
"""Of a record, beside its payload."""


class Record(NamedTuple):
    """sequence: 1 for the first that was ever spooled into a folder; it only grows."""

    sequence: int
    payload: bytes


def segment_name(first: int, marker: int) -> str:
    return f"{first:020d}-{marker:08x}{SUFFIX}"


def parse_name(name: str) -> tuple[int, int] | None:
    """First sequence number and marker; None for a file that is not a segment."""
    match = _NAME.fullmatch(name)
    return None if match is None else (int(match[1]), int(match[2], 16))


def header(version: int = VERSION) -> bytes:
    fields = _HEADER.pack(MAGIC, version)
    return fields + _CRC.pack(crc32c(fields))


def is_readable_header(raw: bytes) -> bool:
    """False if it is damaged. Raises SpoolVersionError for a later version."""
    fields, crc = raw[: _HEADER.size], raw[_HEADER.size : HEADER_BYTES]
    if fields[: len(MAGIC)] != MAGIC or crc != _CRC.pack(crc32c(fields)):
        return False
    _, version = _HEADER.unpack(fields)
    if version > VERSION:
        raise SpoolVersionError(f"version {version}; this Driftmeter reads up to {VERSION}")
    return True


def frame(marker: int, sequence: int, payload: bytes) -> bytes:
    fields = _RECORD.pack(marker, len(payload), sequence)
    return b"".join((fields, _CRC.pack(crc32c(payload, crc32c(fields))), payload))


def record_at(data: bytes, offset: int, marker: int) -> Record | None:
    """The record that begins at the offset, if it is whole and undamaged."""
    start = offset + RECORD_BYTES
    if start > len(data):
        return None
    found, length, sequence = _RECORD.unpack_from(data, offset)
    if found != marker or start + length > len(data):
        return None
    payload = data[start : start + length]
    crc = crc32c(payload, crc32c(data[offset : offset + _RECORD.size]))
    return Record(sequence, payload) if data[start - _CRC.size : start] == _CRC.pack(crc) else None


def size_of(record: Record) -> int:
    return RECORD_BYTES + len(record.payload)


def run_of_records(data: bytes, marker: int, first: int) -> list[Record]:
    """The records at the beginning of the data, up to the first that is not what it should be."""
    records: list[Record] = []
    offset = 0
    while (record := record_at(data, offset, marker)) and record.sequence == first + len(records):
        records.append(record)
        offset += size_of(record)
    return records


def find_record(data: bytes, offset: int, marker: int, among: range) -> tuple[int, Record] | None:
    """The next undamaged record at or after the offset, and where it begins.

    among: the sequence numbers that it may have.
    """
    for place in _places(data, offset, _CRC.pack(marker)):
        record = record_at(data, place, marker)
        if record is not None and record.sequence in among:
            return place, record
    return None


def _places(data: bytes, offset: int, marker: bytes) -> Iterator[int]:
    place = data.find(marker, offset)
    while place >= 0:
        yield place
        place = data.find(marker, place + 1)
