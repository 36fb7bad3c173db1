"""Bodies as JSON: unpacked within bounds, then parsed."""

import json
import zlib
from collections.abc import Mapping, Sequence

import orjson

from monitor.decoders.exchange import DecodeError, Headers, Reason, header

MAX_BODY_BYTES = 16 * 1024 * 1024


def json_object(
    pieces: Sequence[bytes], headers: Headers, *, with_nan: bool = False
) -> Mapping[str, object]:
    """The JSON object in a body. Raises DecodeError.

    with_nan: whether the format has the bare words NaN, Infinity and -Infinity for numbers.
    """
    body = json_value(whole(pieces, headers), with_nan=with_nan)
    if not isinstance(body, dict):
        raise DecodeError(Reason.WRONG_SHAPE, "the body is JSON, but no object")
    return body


def json_value(raw: bytes, *, with_nan: bool = False) -> object:
    """The JSON value in an unpacked body. Raises DecodeError."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if with_nan and (b"NaN" in raw or b"Infinity" in raw):
            return _with_nan(raw)
        raise DecodeError(Reason.NOT_JSON, str(error)) from error


def _with_nan(raw: bytes) -> object:
    try:
        value = json.loads(raw.decode())
        if b"\\u" in raw:  # Python lets half a surrogate pair pass, which nobody could write down
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise DecodeError(Reason.NOT_JSON, str(error)) from error
    return value


def whole(pieces: Sequence[bytes], headers: Headers) -> bytes:
    """A body in one piece and unpacked. Raises DecodeError."""
    raw = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    encoding = header(headers, b"content-encoding")
    if encoding is not None and encoding.lower() != b"identity":
        return _unpacked(raw, encoding.lower())
    return raw


def _unpacked(raw: bytes, encoding: bytes) -> bytes:
    """The bytes that were packed, refused beyond MAX_BODY_BYTES before they fill the memory."""
    if encoding not in (b"gzip", b"x-gzip", b"deflate"):
        raise DecodeError(Reason.UNKNOWN_ENCODING, encoding.decode("ascii", "replace"))
    unpacker = zlib.decompressobj(wbits=32 + zlib.MAX_WBITS)  # which of the two, it sees
    try:
        body = unpacker.decompress(raw, MAX_BODY_BYTES)
    except zlib.error as error:
        raise DecodeError(Reason.BAD_GZIP, str(error)) from error
    if unpacker.unconsumed_tail:
        raise DecodeError(Reason.TOO_LARGE, f"more than {MAX_BODY_BYTES} bytes when unpacked")
    if not unpacker.eof or unpacker.unused_data:
        raise DecodeError(Reason.BAD_GZIP, "not one whole gzip member")
    return body
