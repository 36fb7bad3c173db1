"""Protocol Buffers on the wire, read without their schema: numbered fields, one after another.

https://protobuf.dev/programming-guides/encoding/
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from monitor.decoders.exchange import DecodeError, Reason

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
_FIXED = {FIXED64: 8, FIXED32: 4}
_LARGEST_VARINT = 10  # bytes


class WireField(NamedTuple):
    """value: of a VARINT a number without sign, of the other kinds the bytes."""

    number: int
    kind: int
    value: int | bytes


def fields(message: bytes) -> Iterator[WireField]:
    """The fields of a message in their order. Raises DecodeError where the bytes are none."""
    at, end = 0, len(message)
    while at < end:
        tag = message[at]
        if tag < 0x80:
            at += 1
        else:
            tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise _broken("field 0")
        if kind == VARINT:
            value, at = _varint(message, at)
            yield WireField(number, kind, value)
            continue
        size, at = _varint(message, at) if kind == LENGTH else (_FIXED.get(kind, -1), at)
        stop = at + size
        if size < 0 or stop > end:
            raise _broken(f"field {number} of kind {kind} at byte {at} of {end}")
        yield WireField(number, kind, message[at:stop])
        at = stop


def varints(field: WireField) -> list[int]:
    """The numbers of a repeated field: one, or many packed. Raises DecodeError."""
    if isinstance(field.value, int):
        return [field.value]
    if field.kind != LENGTH:
        raise _broken(f"field {field.number} holds no whole numbers")
    numbers, at = [], 0
    while at < len(field.value):
        number, at = _varint(field.value, at)
        numbers.append(number)
    return numbers


def signed(number: int) -> int:
    """A varint as int32 and int64 have it: two's complement in 64 bits."""
    return number - (1 << 64) if number >> 63 else number


def reals(field: WireField, size: int) -> list[float]:
    """The floats (size 4) or doubles (size 8) of a repeated field. Raises DecodeError."""
    alone = FIXED32 if size == 4 else FIXED64
    if field.kind not in (alone, LENGTH) or isinstance(field.value, int):
        raise _broken(f"field {field.number} holds no numbers of {size} bytes")
    if len(field.value) % size:
        raise _broken(f"field {field.number} has {len(field.value)} bytes")
    return list(
        struct.unpack(f"<{len(field.value) // size}{'f' if size == 4 else 'd'}", field.value)
    )


def octets(field: WireField) -> bytes:
    """The bytes of a string, bytes or message field. Raises DecodeError."""
    if field.kind != LENGTH or isinstance(field.value, int):
        raise _broken(f"field {field.number} is no string of bytes")
    return field.value


def text(field: WireField) -> str:
    """Raises DecodeError."""
    try:
        return octets(field).decode()
    except UnicodeDecodeError as error:
        raise _broken(f"field {field.number} is not UTF-8") from error


def varint(number: int) -> bytes:
    """A number that is not negative as it is written: seven bits a byte, the lowest first."""
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where the next thing begins."""
    if at < len(raw) and raw[at] < 0x80:
        return raw[at], at + 1
    number = 0
    for i, byte in enumerate(raw[at : at + _LARGEST_VARINT]):
        number |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return number & ((1 << 64) - 1), at + i + 1
    raise _broken(f"a number without end at byte {at}")


def _broken(detail: str) -> DecodeError:
    return DecodeError(Reason.NOT_PROTOBUF, detail)
