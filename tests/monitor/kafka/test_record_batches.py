"""Batches read by our loop and by kafka-python's own code, which is the oracle."""

import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.memory_records import MemoryRecords, MemoryRecordsBuilder
from kafka.record.util import calc_crc32c
from kafka.structs import TopicPartition

from monitor.kafka.record_batches import read_in_batches, records_in
from monitor.kafka.records import Partition, records_of

AT = TopicPartition("rows", 3)
PLAIN, GZIP = 0, 1
CONTROL = 0x20
APPENDED = 0x08

Written = tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]

contents = st.none() | st.binary(max_size=300)
names = st.text(max_size=5)
written = st.tuples(
    st.integers(0, 2**42), contents, contents, st.lists(st.tuples(names, contents), max_size=3)
)


def batch_of(
    messages: Sequence[Written], *, first: int = 0, magic: int = 2, codec: int = PLAIN
) -> bytes:
    builder = MemoryRecordsBuilder(magic, codec, 1 << 20)
    for time, key, value, headers in messages:
        builder.append(time, key, value, headers)
    builder.close()
    raw = bytearray(builder.buffer())
    if magic == 2:
        struct.pack_into(">q", raw, 0, first)  # a broker does
    return bytes(raw)


def with_attributes(raw: bytes, attributes: int) -> bytes:
    changed = bytearray(raw)
    struct.pack_into(">h", changed, DefaultRecordBatch.ATTRIBUTES_OFFSET, attributes)
    check = calc_crc32c(memoryview(changed)[DefaultRecordBatch.ATTRIBUTES_OFFSET :])
    struct.pack_into(">I", changed, DefaultRecordBatch.CRC_OFFSET, check)
    return bytes(changed)


class Consumer:
    """As much of one as the reading of batches is put into."""

    def __init__(self) -> None:
        self._fetcher = type("Fetching", (), {"PartitionRecords": Fetcher.PartitionRecords})()

    def fetched(self, raw: bytes, fetch_offset: int) -> Any:
        return self._fetcher.PartitionRecords(fetch_offset, AT, MemoryRecords(raw))


def ours(raw: bytes, fetch_offset: int = 0) -> Any:
    consumer = Consumer()
    read_in_batches(consumer)
    return consumer.fetched(raw, fetch_offset)


def theirs(raw: bytes, fetch_offset: int = 0) -> Any:
    return Consumer().fetched(raw, fetch_offset)


@given(
    st.lists(st.lists(written, min_size=1, max_size=5), min_size=1, max_size=4),
    st.integers(0, 12),
    st.lists(st.integers(1, 7), min_size=1, max_size=30),
    st.sampled_from([PLAIN, GZIP]),
)
def test_records_and_places_are_those_of_the_client_however_they_are_taken(
    batches: list[list[Written]], fetch_offset: int, takes: list[int], codec: int
) -> None:
    firsts = [sum(map(len, batches[:i])) + i for i in range(len(batches))]  # one is compacted away
    raw = b"".join(batch_of(b, first=n, codec=codec) for b, n in zip(batches, firsts, strict=True))
    one, other = ours(raw, fetch_offset), theirs(raw, fetch_offset)
    for n in takes:
        if not other:
            break
        expected = records_of(other.take(n))
        found = [record._replace(headers=list(record.headers)) for record in one.take(n)]
        assert found == expected
        assert (one.next_fetch_offset, bool(one)) == (other.next_fetch_offset, bool(other))


def test_headers_that_come_again_are_the_same_object() -> None:
    row: Written = (0, None, b"{}", [("monitor", b"seats"), ("collector", None)])
    first, second = ours(batch_of([row, row])).take()
    assert first.headers == (("monitor", b"seats"), ("collector", b""))
    assert first.headers is second.headers


def test_a_header_name_that_is_no_text_stops_nobody() -> None:
    raw = batch_of([(0, None, b"{}", [("abc", b"1")])])
    (record,) = ours(with_attributes(raw.replace(b"abc", b"\xff\xfec"), 0)).take()
    assert record.headers == (("\N{REPLACEMENT CHARACTER}" * 2 + "c", b"1"),)


def test_the_brokers_time_is_taken_where_it_says_so() -> None:
    raw = with_attributes(batch_of([(1_000, None, b"a", []), (5_000, None, b"b", [])]), APPENDED)
    assert [record.time for record in ours(raw).take()] == [5.0, 5.0]


def test_markers_of_transactions_are_passed_over() -> None:
    marker = with_attributes(batch_of([(0, b"\0\0\0\1", b"", [])]), CONTROL)
    raw = marker + batch_of([(0, None, b"a", [])], first=1)
    reading = ours(raw)
    assert [record.value for record in reading.take()] == [b"a"]
    assert reading.next_fetch_offset == 2
    alone = ours(marker)
    assert alone.take() == []
    assert alone.next_fetch_offset == 1


def test_messages_of_the_old_form_are_read() -> None:
    raw = batch_of([(2_000, b"k", b"a", []), (3_000, None, None, [])], magic=1)
    reading = ours(raw)
    assert [(r.offset, r.time, r.value) for r in reading.take()] == [(0, 2.0, b"a"), (1, 3.0, b"")]


def test_a_batch_that_was_changed_on_its_way_is_refused() -> None:
    raw = bytearray(batch_of([(0, None, b"abc", [])]))
    raw[-2] ^= 1
    with pytest.raises(CorruptRecordError, match="fails its check"):
        ours(bytes(raw)).take()


def test_what_was_read_before_a_broken_batch_is_not_lost() -> None:
    good, broken = batch_of([(0, None, b"a", [])]), bytearray(batch_of([(0, None, b"b", [])]))
    broken[-2] ^= 1
    reading = ours(good + bytes(broken))
    assert [record.value for record in reading.take()] == [b"a"]
    assert reading.next_fetch_offset == 1
    with pytest.raises(CorruptRecordError):
        reading.take()


@given(st.lists(written, min_size=1, max_size=3), st.data())
def test_a_batch_of_any_bytes_is_read_or_refused(
    messages: list[Written], data: st.DataObject
) -> None:
    raw = bytearray(batch_of(messages))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(DefaultRecordBatch.HEADER_STRUCT.size, len(raw) - 1))
        raw[at] = data.draw(st.integers(0, 255))
    batch = DefaultRecordBatch(bytes(raw))
    with suppress(CorruptRecordError):
        assert len(records_in(Partition(*AT), batch)) == batch.records_count
