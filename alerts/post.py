"""One HTTP exchange with an address that was checked: bounded in time and in what it reads.

No redirect is followed, no proxy variable is read, and TLS verifies the name in the URL.
"""

import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from typing import Any, cast

from alerts.connection import (
    MAX_ANSWER_BYTES,
    Deadline,
    Stream,
    dialled,
    secured,
    system_trust,
)
from alerts.guard import WEB, Target


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes = b""


def post(
    target: Target,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout_s: float,
    tls: ssl.SSLContext | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    method: str = "POST",
    most_bytes: int = MAX_ANSWER_BYTES,
) -> Answer:
    """The answer, all within `timeout_s` of the call, and of its body at most so many bytes.

    tls: whom to trust; by default whom the system trusts.
    Raises OSError (of which TimeoutError is one) and http.client.HTTPException.
    """
    deadline = Deadline(timeout_s, monotonic)
    connection = HTTPConnection(target.host, target.port)
    connection.default_port = WEB[target.scheme].default_port
    with _connected(target, deadline, tls or system_trust()) as connected:
        connection.sock = cast("Any", Stream(connected, deadline, most_bytes=most_bytes))
        connection.request(method, target.path, body or None, {**headers, "connection": "close"})
        return _read(connection.getresponse(), most_bytes)


def _read(response: HTTPResponse, most_bytes: int) -> Answer:
    """The body is read to its end so that a well-behaved endpoint sees no reset."""
    body = b""
    with response, suppress(IncompleteRead):
        body = response.read(most_bytes)
    return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, body)


def _connected(target: Target, deadline: Deadline, tls: ssl.SSLContext) -> socket.socket:
    plain = dialled(target, deadline)
    return plain if target.scheme == "http" else secured(plain, target.host, deadline, tls)
