"""Records straight out of the batches that a broker sends.

Where messages are small and many, what kafka-python does for each of them, a dozen calls and an
object, costs more than counting it. Here a batch is read in one loop into nothing but the records
that we want, and headers that come again and again are read once.

The form of a batch: https://kafka.apache.org/documentation/#recordbatch
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from typing import Any

from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.record.memory_records import MemoryRecords

from monitor.kafka.messages import KafkaHeaders
from monitor.kafka.records import Partition, Record

LONGEST_VARINT = 10
"""Bytes: of 64 bits, seven in each."""

LARGEST_KNOWN = 1_024
"""Bytes of headers that are remembered: whoever sends large ones is not to fill our memory."""


def read_in_batches(consumer: Any) -> None:
    """From now on a KafkaConsumer's `poll` returns our own records. It must have no deserializer,
    and read what is not committed too."""
    consumer._fetcher.PartitionRecords = _PartitionRecords  # noqa: SLF001 - there is no public way


class _PartitionRecords(Fetcher.PartitionRecords):  # type: ignore[misc]  # it has no types
    """What one fetch has brought of one partition, as the client's Fetcher takes it from there."""

    def take(self, n: int | None = None) -> list[Record]:
        """At most `n` more records. Raises CorruptRecordError."""
        records: list[Record] = super().take(n)
        if records and self.record_iterator is not None:  # the batch of the last may have more
            self.next_fetch_offset = records[-1].offset + 1
        return records

    def _unpack_records(self, tp: Any, records: MemoryRecords, *_: object) -> Iterator[Record]:
        return chain.from_iterable(self._read(Partition(*tp), records))

    def _read(self, at: Partition, batches: MemoryRecords) -> Iterator[list[Record]]:
        following = self.next_fetch_offset
        for batch in batches:
            if self.check_crcs and not batch.validate_crc():
                raise CorruptRecordError(f"{at}: the batch at {batch.base_offset} fails its check")
            records = records_in(at, batch)
            if batch.magic == 2:
                self.leader_epoch = batch.leader_epoch
                following = batch.next_offset  # its last records may have been compacted away
            elif records:
                following = records[-1].offset + 1
            self.records_read += len(records)
            self.bytes_read += batch.size_in_bytes
            yield records
        self.next_fetch_offset = following
        self.drain()


def records_in(at: Partition, batch: Any) -> list[Record]:
    """Of a batch as kafka-python has it, of whatever version; none of one that controls a
    transaction. A key is left out; a value or header that is null is empty.

    Raises CorruptRecordError.
    """
    if batch.magic < 2:
        return [
            Record(*at, old.offset, (old.timestamp or 0) / 1000, old.value or b"") for old in batch
        ]
    if batch.is_control_batch:
        return []
    iter(batch)  # unpacks it
    payload, begin = bytes(batch._buffer), batch._pos  # noqa: SLF001 - there is no public way
    try:
        return _records(at, batch, payload, begin)
    except IndexError as error:
        raise CorruptRecordError(f"{at}: a record ends too early: {error}") from error


def _records(at: Partition, batch: Any, payload: bytes, begin: int) -> list[Record]:
    """
    record = length, attributes (a byte, unused), milliseconds since the batch's first, offset since
    its first, length of key, key, length of value, value, headers; a length of -1 is null.
    """
    (topic, partition), first, base = at, batch.first_timestamp, batch.base_offset
    appended = batch.max_timestamp / 1000 if batch.timestamp_type else None
    records, pos = [], begin
    for _ in range(batch.records_count):
        length, pos = _varint(payload, pos)
        end = pos + length
        since_first, pos = _varint(payload, pos + 1)
        number, pos = _varint(payload, pos)
        length, pos = _varint(payload, pos)
        length, pos = _varint(payload, pos + length if length > 0 else pos)
        behind = pos + length if length > 0 else pos
        if not behind < end <= len(payload):
            raise CorruptRecordError(f"{at}: record {base + number} has no such length")
        time = (first + since_first) / 1000 if appended is None else appended
        raw = payload[behind:end]
        headers = _known_headers(raw) if len(raw) <= LARGEST_KNOWN else _headers(raw)
        records.append(Record(topic, partition, base + number, time, payload[pos:behind], headers))
        pos = end
    if pos != len(payload):
        raise CorruptRecordError(f"{at}: {len(payload) - pos} bytes are left behind the records")
    return records


@lru_cache(maxsize=1_024)
def _known_headers(raw: bytes) -> KafkaHeaders:
    """Those of one record. Equal ones are the same object."""
    return _headers(raw)


def _headers(raw: bytes) -> KafkaHeaders:
    n, pos = _varint(raw, 0)
    found = []
    for _ in range(n):
        length, pos = _varint(raw, pos)
        name, pos = raw[pos : pos + length].decode("utf-8", errors="replace"), pos + length
        length, pos = _varint(raw, pos)
        value, pos = raw[pos : pos + max(length, 0)], pos + max(length, 0)
        found.append((name, value))
    if pos != len(raw):
        raise CorruptRecordError("the headers of a record do not end where it does")
    return tuple(found)


def _varint(raw: bytes, pos: int) -> tuple[int, int]:
    """The number that begins at `pos`, and what follows it: seven bits a byte, the lowest first,
    the sign in the last bit. https://protobuf.dev/programming-guides/encoding/#varints

    Raises IndexError where it does not end, CorruptRecordError where it is too long.
    """
    byte = raw[pos]
    if byte < 0x80:
        return (byte >> 1) ^ -(byte & 1), pos + 1
    value, shift, begin = byte & 0x7F, 7, pos
    while byte >= 0x80:
        pos += 1
        byte = raw[pos]
        value |= (byte & 0x7F) << shift
        shift += 7
        if pos - begin >= LONGEST_VARINT:
            raise CorruptRecordError("a number is too long")
    return (value >> 1) ^ -(value & 1), pos + 1
