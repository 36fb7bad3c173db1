"""Bodies as JSON: unpacked within bounds, then parsed."""

import zlib
from collections.abc import Sequence

import orjson

from monitor.decoders.exchange import DecodeError, Headers, Reason, header

MAX_BODY_BYTES = 16 * 1024 * 1024


def json_object(pieces: Sequence[bytes], headers: Headers) -> dict[str, object]:
    """The JSON object in a body. Raises DecodeError."""
    raw = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    encoding = header(headers, b"content-encoding")
    if encoding is not None and encoding.lower() != b"identity":
        raw = _unpacked(raw, encoding.lower())
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise DecodeError(Reason.NOT_JSON, str(error)) from error
    if not isinstance(body, dict):
        raise DecodeError(Reason.WRONG_SHAPE, "the body is JSON, but no object")
    return body


def _unpacked(raw: bytes, encoding: bytes) -> bytes:
    """The bytes that were gzipped, refused beyond MAX_BODY_BYTES before they fill the memory."""
    if encoding not in (b"gzip", b"x-gzip"):
        raise DecodeError(Reason.UNKNOWN_ENCODING, encoding.decode("ascii", "replace"))
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        body = unpacker.decompress(raw, MAX_BODY_BYTES)
    except zlib.error as error:
        raise DecodeError(Reason.BAD_GZIP, str(error)) from error
    if unpacker.unconsumed_tail:
        raise DecodeError(Reason.TOO_LARGE, f"more than {MAX_BODY_BYTES} bytes when unpacked")
    if not unpacker.eof or unpacker.unused_data:
        raise DecodeError(Reason.BAD_GZIP, "not one whole gzip member")
    return body
