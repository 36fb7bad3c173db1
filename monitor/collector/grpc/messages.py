"""gRPC's messages within an HTTP/2 stream, and what a model's calls say of themselves.

A message is compressed u8 | length u32 | so many bytes, big-endian.
https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

import struct
import zlib

_PREFIX = struct.Struct(">?I")
PREFIX_BYTES = _PREFIX.size

HTTP_STATUS = (200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401)
"""By the number of gRPC's status, the one of HTTP that means the same.
https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
"""

_LENGTH_DELIMITED = 2
_ID_FIELD = 3
_LOOKED_AT_BYTES = 1024


def http_status(grpc_status: bytes) -> int:
    """What nobody has defined is UNKNOWN, as clients take it."""
    number = int(grpc_status) if grpc_status.isdigit() and len(grpc_status) < 3 else 2
    return HTTP_STATUS[number] if number < len(HTTP_STATUS) else 500


def unframed(raw: bytes) -> tuple[bytes, bool]:
    """The one message in the bytes of a stream, and whether it is compressed.

    Where they are not one whole message, the bytes as they are.
    """
    if len(raw) >= PREFIX_BYTES:
        is_compressed, length = _PREFIX.unpack_from(raw)
        if length == len(raw) - PREFIX_BYTES:
            return raw[PREFIX_BYTES:], is_compressed
    return raw, False


def inference_id(message: bytes, *, is_compressed: bool) -> bytes:
    """The `id` of a ModelInferRequest or ModelInferResponse; empty if there is none.

    It is looked for among the fields before it, the model's name and version, and not beyond.
    """
    head = _unpacked(message) if is_compressed else message[:_LOOKED_AT_BYTES]
    at = 0
    while at + 2 <= len(head):
        number, kind, size = head[at] >> 3, head[at] & 7, head[at + 1]
        if number > _ID_FIELD or kind != _LENGTH_DELIMITED or size > 0x7F:
            break
        at += 2 + size
        if number == _ID_FIELD:
            return head[at - size : at]
    return b""


def _unpacked(message: bytes) -> bytes:
    """The beginning of a message that was compressed by gzip or deflate."""
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(message, _LOOKED_AT_BYTES)
    except zlib.error:
        return b""
