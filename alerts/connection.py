"""A connection to an address that was checked: bounded in time and in what is read from it."""

import io
import socket
import ssl
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from alerts.guard import Target

MAX_ANSWER_BYTES = 64 * 1024


@cache
def system_trust() -> ssl.SSLContext:
    return ssl.create_default_context()


class Deadline:
    """One moment for the whole exchange: a timeout per read would let a drip go on for ever."""

    def __init__(self, timeout_s: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._at = monotonic() + timeout_s
        self._monotonic = monotonic

    def left_s(self) -> float:
        """Seconds left. Raises TimeoutError if there are none."""
        left = self._at - self._monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


def dialled(target: Target, deadline: Deadline) -> socket.socket:
    """A connection to the first address that answers; none may use up the others' time."""
    *others, last = target.addresses
    for position, address in enumerate(others):
        share = deadline.left_s() / (len(target.addresses) - position)
        try:
            return socket.create_connection((address, target.port), timeout=share)
        except OSError:
            continue
    return socket.create_connection((last, target.port), timeout=deadline.left_s())


def secured(
    plain: socket.socket, host: str, deadline: Deadline, tls: ssl.SSLContext
) -> ssl.SSLSocket:
    """TLS over a connection, which is closed if it fails; the name of the host is verified."""
    try:
        plain.settimeout(deadline.left_s())
        return tls.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


class Stream:
    """What `http.client` and `smtplib` ask of a socket, with the deadline on every call.

    Closing is left to who opened the socket: `http.client` closes it before reading the body.
    """

    def __init__(
        self,
        connected: socket.socket,
        deadline: Deadline,
        *,
        most_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self._connected = connected
        self._deadline = deadline
        self._most_bytes = most_bytes

    def sendall(self, data: bytes) -> None:
        self._connected.settimeout(self._deadline.left_s())
        self._connected.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._connected, self._deadline, self._most_bytes))

    def close(self) -> None:
        """Does nothing, see above."""


class _Reader(io.RawIOBase):
    """The answer's bytes, up to `most_bytes`; then it seems to end."""

    def __init__(self, connected: socket.socket, deadline: Deadline, most_bytes: int) -> None:
        self._connected = connected
        self._deadline = deadline
        self._left = most_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connected.settimeout(self._deadline.left_s())
        n = self._connected.recv_into(buffer, min(len(buffer), self._left)) if self._left else 0
        self._left -= n
        return n
