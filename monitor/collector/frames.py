"""What the proxy's process and the recorder's say to each other, over a pair of sockets.

A frame is kind u8 | number u64 | length u32 | so many bytes, little-endian.

from the proxy
    BATCH    captured exchanges (`monitor.collector.exchanges`); the number is the batch's
    COUNTS   what the proxy has counted since the last such frame
    END      there is nothing more
from the recorder
    WANTED   what is to be captured, and whether the recorder is ready for batches
    SETTLED  what became of a batch, exchange by exchange, as counts
"""

import json
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

_HEAD = struct.Struct("<BQI")

Counts = Counter[tuple[str, str]]
"""By a counter's name and its label, which may be empty."""


class Kind(IntEnum):
    BATCH = 1
    COUNTS = 2
    END = 3
    WANTED = 4
    SETTLED = 5


class Frame(NamedTuple):
    kind: int
    number: int
    payload: bytes


def frame(kind: Kind, number: int, pieces: Sequence[bytes]) -> bytes:
    return b"".join((_HEAD.pack(kind, number, sum(map(len, pieces))), *pieces))


class Frames:
    """Puts frames together from the pieces in which they arrive."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, piece: bytes) -> Iterator[Frame]:
        """The frames that the piece completes."""
        self._data += piece
        while len(self._data) >= _HEAD.size:
            kind, number, length = _HEAD.unpack_from(self._data)
            end = _HEAD.size + length
            if len(self._data) < end:
                return
            payload = bytes(memoryview(self._data)[_HEAD.size : end])
            del self._data[:end]
            yield Frame(kind, number, payload)


def counts_to_bytes(counts: Counts) -> bytes:
    return json.dumps([[name, label, n] for (name, label), n in counts.items()]).encode()


def counts_from_bytes(raw: bytes) -> Counts:
    return Counter({(name, label): n for name, label, n in json.loads(raw)})
