"""Captured exchanges as bytes, on their way from the proxy's process to the recorder's.

An exchange is a head, the path, the request's id, the headers that were kept of request and
answer (lines of `name:value`), and both bodies. Numbers are little-endian.
"""

import struct
from collections.abc import Iterator, Sequence

Headers = Sequence[tuple[bytes, bytes]]

Fields = tuple[str, str, float, float, int, Headers, Headers, Sequence[bytes], Sequence[bytes]]
"""What `monitor.decoders.Exchange` begins with; the proxy does without the decoders."""

_HEAD = struct.Struct("<ddHHHHHII")


def pack(
    path: bytes,
    request_id: bytes,
    arrived_at: float,
    latency_s: float,
    status: int,
    asked: bytes,
    answered: bytes,
    request: Sequence[bytes],
    response: Sequence[bytes],
) -> list[bytes]:
    """The pieces of one exchange, bodies as they came: nothing of them is copied here.

    asked, answered: the headers that are kept of request and answer, as `heads.kept` writes them.
    """
    head = _HEAD.pack(
        arrived_at,
        latency_s,
        status,
        len(path),
        len(request_id),
        len(asked),
        len(answered),
        sum(map(len, request)),
        sum(map(len, response)),
    )
    return [head, path, request_id, asked, answered, *request, *response]


def unpack(data: bytes) -> Iterator[Fields]:
    """The exchanges in the bytes of a batch, as they were packed one after the other."""
    offset = 0
    while offset < len(data):
        arrived_at, latency_s, status, *lengths = _HEAD.unpack_from(data, offset)
        offset += _HEAD.size
        parts = []
        for length in lengths:
            parts.append(data[offset : offset + length])
            offset += length
        path, request_id, asked, answered, request, response = parts
        yield (
            path.decode("ascii"),
            request_id.decode("ascii"),
            arrived_at,
            latency_s,
            status,
            _pairs(asked),
            _pairs(answered),
            [request],
            [response],
        )


def _pairs(lines: bytes) -> Headers:
    if not lines:
        return []
    split = (line.partition(b":") for line in lines.split(b"\n"))
    return [(name, value) for name, _, value in split]
