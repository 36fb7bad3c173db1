"""A real HTTP endpoint on loopback that answers as it is told and keeps what it got."""

import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Answer = Callable[[str, socket.socket], None]
"""Answers the request for a path, by writing to its connection."""


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    peer: str


@dataclass
class Endpoint:
    port: int
    requests: list[Request] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def listening(
    answer: Answer, tls: ssl.SSLContext | None = None, *, port: int = 0
) -> Iterator[Endpoint]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            endpoint.requests.append(
                Request(self.command, self.path, headers, body, self.client_address[0])
            )
            answer(self.path, self.connection)
            self.close_connection = True

        do_GET = do_PATCH = do_POST  # noqa: N815  their names there

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name there
            pass

    class Server(ThreadingHTTPServer):
        def finish_request(self, request: Any, client_address: Any) -> None:
            with suppress(OSError):  # the client hung up, as some tests want it to
                if tls is None:
                    super().finish_request(request, client_address)
                    return
                with tls.wrap_socket(request, server_side=True) as secured:
                    super().finish_request(secured, client_address)

    with Server(("127.0.0.1", port), Handler) as server:
        endpoint = Endpoint(server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield endpoint
        finally:
            endpoint.ended.set()
            server.shutdown()
            thread.join()


def status(code: int, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {code} Told", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def by_path(path: str, connection: socket.socket) -> None:
    """Answers /503, and whatever is below it, with the status 503."""
    connection.sendall(status(int(path.split("/")[1])))


def reset(_path: str, connection: socket.socket) -> None:
    """Ends the connection by RST instead of an answer."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def saying(answer: bytes) -> Answer:
    return lambda _path, connection: connection.sendall(answer)


def dripping(first: bytes = b"") -> Answer:
    """Sends `first` at once and then a byte now and then, until the other side hangs up."""

    def answer(_path: str, connection: socket.socket) -> None:
        connection.sendall(first)
        pause = threading.Event()
        while not pause.wait(0.02):
            connection.sendall(b"x")

    return answer


def flooding(first: bytes, limit: int = 100_000_000) -> tuple[Answer, list[int]]:
    """Sends `first` and then up to `limit` bytes; the list tells how many got out."""
    sent: list[int] = []

    def answer(_path: str, connection: socket.socket) -> None:
        connection.sendall(first)
        total, block = 0, b"x" * 65_536
        try:
            while total < limit:
                total += connection.send(block)
        finally:
            sent.append(total)

    return answer, sent


def certificate(openssl: Path, folder: Path, name: str, *, days: int = 1) -> tuple[Path, Path]:
    """A self-signed certificate for a DNS name, and its key; days < 0 has expired."""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    shape = f"-x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days {days}"
    names = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(
        [str(openssl), "req", *shape.split(), *names, *files], check=True, capture_output=True
    )
    return certificate, key
