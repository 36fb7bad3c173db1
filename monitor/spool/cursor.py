"""How far the spool has been delivered, on disk.

Two slots are written in turn, each in a block of its own, so that a torn write leaves the other.
The file has its full size from the beginning: a full disk cannot stop the cursor.

slot    b"DMCURSOR" | version u32 | generation u64 | sequence u64 | CRC32C u32 of these
"""

import struct
from typing import Self

from crc32c import crc32c

from monitor.spool.disk import Disk, File, write_all
from monitor.spool.errors import SpoolVersionError

NAME = "cursor"
MAGIC = b"DMCURSOR"
VERSION = 1
BLOCK_BYTES = 4096

_SLOT = struct.Struct("<8sIQQ")
_CRC = struct.Struct("<I")
SLOT_BYTES = _SLOT.size + _CRC.size


def slot(generation: int, sequence: int, version: int = VERSION) -> bytes:
    fields = _SLOT.pack(MAGIC, version, generation, sequence)
    return fields + _CRC.pack(crc32c(fields))


def parse_slot(raw: bytes) -> tuple[int, int] | None:
    """Generation and sequence; None if it is damaged. Raises SpoolVersionError."""
    fields, crc = raw[: _SLOT.size], raw[_SLOT.size : SLOT_BYTES]
    if len(raw) < SLOT_BYTES or crc != _CRC.pack(crc32c(fields)):
        return None
    magic, version, generation, sequence = _SLOT.unpack(fields)
    if magic != MAGIC:
        return None
    if version > VERSION:
        raise SpoolVersionError(f"cursor of version {version}; this Driftmeter reads {VERSION}")
    return generation, sequence


class Cursor:
    """sequence: of the last record that was delivered; 0 if none was, or if nobody knows."""

    def __init__(self, file: File, generation: int, sequence: int) -> None:
        self._file = file
        self._generation = generation
        self.sequence = sequence

    @classmethod
    def open(cls, disk: Disk) -> Self:
        """Reads the cursor without changing it, or makes a new one.

        Raises SpoolVersionError, OSError.
        """
        if NAME not in disk.names():
            return cls(_create(disk), 0, 0)
        file = disk.open(NAME)
        slots = [parse_slot(file.read(SLOT_BYTES, i * BLOCK_BYTES)) for i in (0, 1)]
        generation, sequence = max(filter(None, slots), default=(0, 0))
        return cls(file, generation, sequence)

    def move(self, sequence: int) -> None:
        """When it returns, the place is known after a loss of power. Raises OSError.

        After a failure the same slot is written again: the other is the last good one.
        """
        generation = self._generation + 1
        write_all(self._file, slot(generation, sequence), generation % 2 * BLOCK_BYTES)
        self._file.sync()
        self._generation, self.sequence = generation, sequence

    def close(self) -> None:
        self._file.close()


def _create(disk: Disk) -> File:
    file = disk.create(NAME)
    write_all(file, slot(0, 0).ljust(2 * BLOCK_BYTES, b"\0"), 0)
    file.sync()
    disk.sync()
    return file
