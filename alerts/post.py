"""One HTTP POST to an address that was checked: bounded in time and in what it reads.

No redirect is followed, no proxy variable is read, and TLS verifies the name in the URL.
"""

import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from typing import Any, cast

from alerts.guard import PORTS, Target

MAX_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]


def post(
    target: Target,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout_s: float,
    tls: ssl.SSLContext | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> Answer:
    """The status and headers of the answer, all within `timeout_s` of the call.

    tls: whom to trust; by default whom the system trusts.
    Raises OSError (of which TimeoutError is one) and http.client.HTTPException.
    """
    deadline = _Deadline(monotonic() + timeout_s, monotonic)
    connection = HTTPConnection(target.host, target.port)
    connection.default_port = PORTS[target.scheme]
    with _connected(target, deadline, tls or system_trust()) as connected:
        connection.sock = cast("Any", _Stream(connected, deadline))
        connection.request("POST", target.path, body, {**headers, "connection": "close"})
        return _read(connection.getresponse())


@cache
def system_trust() -> ssl.SSLContext:
    return ssl.create_default_context()


def _read(response: HTTPResponse) -> Answer:
    """The status decides; the body is read so that a well-behaved endpoint sees no reset."""
    with response, suppress(IncompleteRead):
        response.read(MAX_ANSWER_BYTES)
    return Answer(response.status, {k.lower(): v for k, v in response.headers.items()})


@dataclass(frozen=True, slots=True)
class _Deadline:
    """One moment for the whole exchange: a timeout per read would let a drip go on for ever."""

    at: float
    monotonic: Callable[[], float]

    def left_s(self) -> float:
        left = self.at - self.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


def _connected(target: Target, deadline: _Deadline, tls: ssl.SSLContext) -> socket.socket:
    plain = _dialled(target, deadline)
    if target.scheme == "http":
        return plain
    try:
        plain.settimeout(deadline.left_s())
        return tls.wrap_socket(plain, server_hostname=target.host)
    except BaseException:
        plain.close()
        raise


def _dialled(target: Target, deadline: _Deadline) -> socket.socket:
    """A connection to the first address that answers; none may use up the others' time."""
    *others, last = target.addresses
    for position, address in enumerate(others):
        share = deadline.left_s() / (len(target.addresses) - position)
        try:
            return socket.create_connection((address, target.port), timeout=share)
        except OSError:
            continue
    return socket.create_connection((last, target.port), timeout=deadline.left_s())


class _Stream:
    """What `http.client` asks of a socket, with the deadline on every call.

    Closing is left to who opened the socket: `http.client` closes it before reading the body.
    """

    def __init__(self, connected: socket.socket, deadline: _Deadline) -> None:
        self._connected = connected
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._connected.settimeout(self._deadline.left_s())
        self._connected.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._connected, self._deadline))

    def close(self) -> None:
        """Does nothing, see above."""


class _Reader(io.RawIOBase):
    """The answer's bytes, up to `MAX_ANSWER_BYTES`; then it seems to end."""

    def __init__(self, connected: socket.socket, deadline: _Deadline) -> None:
        self._connected = connected
        self._deadline = deadline
        self._left = MAX_ANSWER_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connected.settimeout(self._deadline.left_s())
        n = self._connected.recv_into(buffer, min(len(buffer), self._left)) if self._left else 0
        self._left -= n
        return n
