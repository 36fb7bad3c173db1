"""Whether an Arrow stream is compressed, told without unpacking any of it.

A few kilobytes may unpack to gigabytes, and pyarrow has no bound for that. So the streams of
strangers must not be compressed; Kafka compresses messages by itself, within bounds.
https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format
"""

import struct
from collections.abc import Iterator

import pyarrow as pa

# Slots of the tables in format/Message.fbs.
_MESSAGE_HEADER = 2
_DICTIONARY_DATA = 1
_BATCH_COMPRESSION = 3


def is_compressed(raw: bytes) -> bool:
    """Raises ArrowInvalid or struct.error where the stream's messages cannot be read."""
    return any(_has_compression(message) for message in _messages(raw))


def _messages(raw: bytes) -> Iterator[pa.ipc.Message]:
    reader = pa.ipc.MessageReader.open_stream(pa.BufferReader(raw))
    while True:
        try:
            yield reader.read_next_message()
        except StopIteration:
            return


def _has_compression(message: pa.ipc.Message) -> bool:
    metadata = message.metadata.to_pybytes()
    root = struct.unpack_from("<I", metadata, 0)[0]
    batch = _follow(metadata, root, _MESSAGE_HEADER)
    if message.type == "dictionary" and batch is not None:
        batch = _follow(metadata, batch, _DICTIONARY_DATA)
    if message.type not in ("record batch", "dictionary") or batch is None:
        return False
    return _slot(metadata, batch, _BATCH_COMPRESSION) is not None


def _slot(buffer: bytes, table: int, slot: int) -> int | None:
    """Where a field of a flatbuffer's table is, None if it is absent."""
    vtable = table - struct.unpack_from("<i", buffer, table)[0]
    size = struct.unpack_from("<H", buffer, vtable)[0]
    if 4 + 2 * slot >= size:
        return None
    offset = struct.unpack_from("<H", buffer, vtable + 4 + 2 * slot)[0]
    return table + offset if offset else None


def _follow(buffer: bytes, table: int, slot: int) -> int | None:
    """Where the table begins that a field points to."""
    field = _slot(buffer, table, slot)
    return None if field is None else field + struct.unpack_from("<I", buffer, field)[0]
