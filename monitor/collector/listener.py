"""The ingest address's listener: it answers probes at once, the rest as soon as that is loaded."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from monitor.collector.access import Scope
from monitor.collector.listener_limits import LimitedProtocol
from monitor.collector.replies import reply

Send = Callable[[Any], Awaitable[None]]
Receive = Callable[[], Awaitable[Any]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_CONNECTIONS = 512
GRACE_S = 5


class Entrance:
    """The ASGI application of the listener. What comes before `open` waits, but for probes.

    is_ready: whether pushes can be stored.
    """

    def __init__(self, is_ready: Callable[[], bool]) -> None:
        self._is_ready = is_ready
        self._opened: asyncio.Future[Application] = asyncio.get_running_loop().create_future()

    def open(self, application: Application) -> None:
        self._opened.set_result(application)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        path = scope["path"]
        if path == "/healthz" or (path == "/readyz" and self._is_ready()):
            await reply(send, 200, b"ok\n", "text/plain")
        elif path == "/readyz":
            await reply(send, 503, b"the spool's disk fails\n", "text/plain")
        else:
            application = await asyncio.shield(self._opened)
            await application(scope, receive, send)


class _Server(uvicorn.Server):
    """uvicorn within a program that has signal handlers of its own."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Listener:
    """Listens on a socket that others have bound: callers who come early wait in line.

    encryption: what TLS needs; None for plain HTTP.
    """

    def __init__(
        self,
        application: Application,
        listening: socket.socket,
        encryption: ssl.SSLContext | None = None,
    ) -> None:
        self._socket = listening
        configuration = uvicorn.Config(
            application,
            http=LimitedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=GRACE_S,
            proxy_headers=False,
        )
        configuration.load()
        configuration.ssl = encryption
        self._server = _Server(configuration)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._server.serve([self._socket]))

    async def stop(self) -> None:
        """Accepts nothing more and finishes what was begun."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
