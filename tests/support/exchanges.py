"""Requests and answers for decoders, and what was read as rows."""

import orjson

from monitor.decoders import Decoded, Exchange
from monitor.decoders.exchange import Headers


def exchange(
    request: object,
    response: object,
    request_headers: Headers = (),
    response_headers: Headers = (),
    *,
    path: str = "/",
) -> Exchange:
    """Bodies are bytes, or become JSON."""
    asked, answered = [_body(request)], [_body(response)]
    return Exchange(path, "id", 0.0, 0.1, 200, request_headers, response_headers, asked, answered)


def _body(value: object) -> bytes:
    return value if isinstance(value, bytes) else orjson.dumps(value)


def rows(decoded: Decoded) -> list[dict[str, object]]:
    return [{name: values[i] for name, values in decoded.columns.items()} for i in range(decoded.n)]
