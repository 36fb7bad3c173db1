import struct

import pytest
from crc32c import crc32c
from hypothesis import given
from hypothesis import strategies as st

from monitor.spool import Record, SpoolVersionError
from monitor.spool.format import (
    find_record,
    frame,
    header,
    is_readable_header,
    parse_name,
    record_at,
    run_of_records,
    segment_name,
    size_of,
)

MARKER = 0x5F2B9C01
EVERY = range(2**64)

payloads = st.lists(st.binary(max_size=50), max_size=20)


def framed(payloads: list[bytes], first: int = 1) -> bytes:
    return b"".join(frame(MARKER, first + i, p) for i, p in enumerate(payloads))


def test_a_record_is_laid_out_as_the_module_says() -> None:
    fields = struct.pack("<IIQ", MARKER, 3, 7)
    expected = fields + struct.pack("<I", crc32c(fields + b"abc")) + b"abc"
    assert frame(MARKER, 7, b"abc") == expected
    assert size_of(Record(7, b"abc")) == len(expected)


def test_the_checksum_is_castagnoli_s() -> None:
    assert crc32c(b"123456789") == 0xE3069283  # the check value of RFC 3720's CRC32C


@given(payloads)
def test_records_are_read_as_they_were_written(payloads: list[bytes]) -> None:
    records = run_of_records(framed(payloads), MARKER, 1)
    assert records == [Record(i, p) for i, p in enumerate(payloads, 1)]


@given(st.binary(max_size=50), st.data())
def test_a_record_with_any_bit_flipped_is_no_record(payload: bytes, data: st.DataObject) -> None:
    raw = bytearray(frame(MARKER, 7, payload))
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    raw[bit // 8] ^= 1 << bit % 8
    assert record_at(bytes(raw), 0, MARKER) is None


@given(st.binary(max_size=50), st.data())
def test_a_record_that_is_cut_is_no_record(payload: bytes, data: st.DataObject) -> None:
    raw = frame(MARKER, 7, payload)
    assert record_at(raw[: data.draw(st.integers(0, len(raw) - 1))], 0, MARKER) is None


@given(st.binary(max_size=100), st.binary(max_size=50))
def test_the_next_record_is_found_behind_anything(junk: bytes, payload: bytes) -> None:
    found = find_record(junk + frame(MARKER, 7, payload), 0, MARKER, EVERY)
    assert found == (len(junk), Record(7, payload))


def test_a_record_out_of_order_is_not_taken() -> None:
    data = framed([b"a", b"b"], first=5)
    assert find_record(data, 0, MARKER, range(6, 7)) == (21, Record(6, b"b"))
    assert find_record(data, 0, MARKER, range(1, 5)) is None
    assert run_of_records(data, MARKER, 4) == []


def test_a_payload_cannot_pass_for_a_record_of_a_segment_with_another_marker() -> None:
    assert find_record(frame(MARKER + 1, 7, b"forged"), 0, MARKER, EVERY) is None


def test_a_name_tells_the_first_record_and_the_marker() -> None:
    assert segment_name(17, MARKER) == "00000000000000000017-5f2b9c01.segment"
    assert parse_name(segment_name(17, MARKER)) == (17, MARKER)
    assert parse_name("cursor") is None
    assert parse_name(segment_name(17, MARKER) + ".bak") is None


def test_a_header_is_readable_damaged_or_of_a_later_version() -> None:
    assert is_readable_header(header())
    assert not is_readable_header(b"")
    assert not is_readable_header(b"x" + header()[1:])
    with pytest.raises(SpoolVersionError, match="version 2"):
        is_readable_header(header(2))


def test_a_damaged_version_does_not_pass_for_a_later_one() -> None:
    raw = bytearray(header())
    raw[8] = 99
    assert not is_readable_header(bytes(raw))
