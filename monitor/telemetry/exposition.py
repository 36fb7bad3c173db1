"""/metrics, /healthz and /readyz for the roles that have no HTTP server of their own."""

import logging
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Self

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from monitor.flags import Address

MAX_CONNECTIONS = 8
DEADLINE_S = 10.0
"""How long one connection may last, from its first byte to its last."""

Ready = Callable[[], str | None]
"""None if the process is ready, else why it is not."""

_BUSY = b"HTTP/1.0 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
_logger = logging.getLogger(__name__)


def serve(
    address: Address,
    registry: CollectorRegistry,
    ready: Ready,
    *,
    deadline_s: float = DEADLINE_S,
) -> "Exposition":
    """Answers from threads of its own until closed; use it in a `with`.

    `ready` and the registry's collectors are called from those threads.
    Raises OSError, naming the address, if it cannot be listened on.
    """
    try:
        server = _Server(address, registry, ready, deadline_s)
    except OSError as error:
        raise OSError(error.errno, f"cannot listen on {address}: {error.strerror}") from error
    return Exposition(server, replace(address, port=server.server_address[1]))


class Exposition:
    """A running server; `address` has the port that it really has."""

    def __init__(self, server: "_Server", address: Address) -> None:
        self.address = address
        self._server = server
        self._thread = threading.Thread(
            target=server.serve_forever,
            kwargs={"poll_interval": 0.1},
            name="exposition",
            daemon=True,
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """A thread a connection; at most `MAX_CONNECTIONS`, each with an absolute deadline."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(
        self, address: Address, registry: CollectorRegistry, ready: Ready, deadline_s: float
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        self.registry = registry
        self.ready = ready
        self._deadline_s = deadline_s
        self._since: dict[socket.socket, float] = {}
        super().__init__((address.host, address.port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if len(self._since) >= MAX_CONNECTIONS:
            self._refuse(request)
            return
        self._since[request] = time.monotonic()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._since.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Cuts off who is too slow: a per-read timeout alone lets one byte a second live on."""
        oldest = time.monotonic() - self._deadline_s
        for request, since in list(self._since.items()):
            if since < oldest:
                _hang_up(request)

    def finish_request(self, request: Any, client_address: Any) -> None:
        try:
            super().finish_request(request, client_address)
        except OSError:
            _logger.debug("a connection broke off", exc_info=True)
        except Exception:  # whatever a collector raises is that scrape's trouble and no more
            _logger.exception("a request to the metrics endpoint failed")

    def _refuse(self, request: socket.socket) -> None:
        request.setblocking(False)
        try:
            request.send(_BUSY)
        except OSError:
            _logger.debug("a refused connection was gone already")
        self.shutdown_request(request)


def _hang_up(request: socket.socket) -> None:
    try:
        request.shutdown(socket.SHUT_RDWR)
    except OSError:
        _logger.debug("a slow connection was gone already")


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "driftmeter"
    sys_version = ""
    timeout = 5.0

    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/metrics":
                encode, content_type = choose_encoder(self.headers.get("Accept", ""))
                self._answer(200, encode(self.server.registry), content_type)
            case "/healthz":
                self._answer(200, b"ok\n")
            case "/readyz":
                reason = self.server.ready()
                self._answer(503 if reason else 200, f"{reason or 'ok'}\n".encode())
            case _:
                self._answer(404, b"there are /metrics, /healthz and /readyz\n")

    def _answer(self, status: int, body: bytes, content_type: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name there
        _logger.debug(format, *args)
