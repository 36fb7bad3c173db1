"""A model server of bytes: it answers what a test tells it to, well-formed or not."""

import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from monitor.flags import Address

Answer = Callable[[bytes], Iterable[bytes]]
"""From the bytes of a request to the pieces of an answer."""


def ok(body: bytes, *headers: bytes) -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (lines, len(body), body)


@dataclass
class HttpModel:
    """Serves on loopback from threads of its own; keeps the bytes of every request.

    closes: whether a connection ends after its first answer. keeps: False for a test in which too
        many requests come.
    """

    answer: Answer
    closes: bool = False
    keeps: bool = True
    requests: list[bytes] = field(default_factory=list)
    n_connections: int = 0

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = Address("127.0.0.1", self._socket.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:  # closed
                return
            self.n_connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            while request := read_message(connection):
                if self.keeps:
                    self.requests.append(request)
                try:
                    for piece in self.answer(request):
                        connection.sendall(piece)
                except OSError:  # the proxy left
                    return
                if self.closes:
                    return

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def read_message(connection: socket.socket) -> bytes:
    """One HTTP message as it came; what came of it, where the connection ends before."""
    data = b""
    while not _is_whole(data):
        try:
            piece = connection.recv(65536)
        except ConnectionError:
            return data
        if not piece:
            return data
        data += piece
    return data


def _is_whole(data: bytes) -> bool:
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return False
    fields = head.lower()
    if b"transfer-encoding: chunked" in fields:
        return body.endswith(b"0\r\n\r\n")
    _, found, rest = fields.partition(b"content-length: ")
    return len(body) >= int(rest.split(b"\r\n")[0]) if found else True


def unchunked(message: bytes) -> bytes:
    """The body of a chunked message."""
    body, rest = b"", message.partition(b"\r\n\r\n")[2]
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return body
