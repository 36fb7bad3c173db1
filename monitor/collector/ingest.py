"""The ingest listener: pushed predictions and labels, /metrics, /healthz and /readyz."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import orjson
import uvicorn
from prometheus_client.exposition import choose_encoder

from monitor.batches import MAX_BYTES
from monitor.collector.push import RETRY_AFTER_S, Answer, Kind, Push, Refused
from monitor.collector.telemetry import Telemetry
from monitor.flags import Address
from monitor.messages import JSON

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

N_THREADS = 16
MAX_CONNECTIONS = 512
PUSHES: dict[str, Kind] = {"/v1/predictions": "predictions", "/v1/labels": "labels"}
MAX_HELD_BYTES = 64 * 1024 * 1024
"""Of all the bodies together that are being received or wait for the disk."""

BUSY = Answer(503, {"error": "too much is being pushed"}, [("Retry-After", str(RETRY_AFTER_S))])
TOO_LARGE = Answer(413, {"error": f"a body may have {MAX_BYTES} bytes"})


class Application:
    """The raw ASGI application behind the listener."""

    def __init__(self, push: Push, telemetry: Telemetry, is_ready: Callable[[], bool]) -> None:
        self._push = push
        self._telemetry = telemetry
        self._is_ready = is_ready
        self._n_held_bytes = 0
        self._threads = ThreadPoolExecutor(N_THREADS, thread_name_prefix="push")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        path, method = scope["path"], scope["method"]
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        if kind := PUSHES.get(path):
            answer = await self._pushed(kind, method, headers, receive)
            await _answer(send, answer.status, orjson.dumps(answer.body), JSON, answer.headers)
        elif path == "/metrics":
            encode, content_type = choose_encoder(headers.get("accept", ""))
            await _answer(send, 200, encode(self._telemetry.registry), content_type)
        elif path == "/healthz" or (path == "/readyz" and self._is_ready()):
            await _answer(send, 200, b"ok\n", "text/plain")
        elif path == "/readyz":
            await _answer(send, 503, b"the spool's disk fails\n", "text/plain")
        else:
            await _answer(send, 404, b'{"error":"there is nothing here"}', JSON)

    async def _pushed(
        self, kind: Kind, method: str, headers: dict[str, str], receive: Receive
    ) -> Answer:
        if method != "POST":
            return Answer(405, {"error": "rows are pushed by POST"}, [("Allow", "POST")])
        pieces: list[bytes] = []
        n_bytes = 0
        try:
            async for piece in _body(receive):
                pieces.append(piece)
                n_bytes += len(piece)
                self._n_held_bytes += len(piece)
                if n_bytes > MAX_BYTES:
                    return TOO_LARGE
                if self._n_held_bytes > MAX_HELD_BYTES:
                    self._telemetry.refused.labels(Refused.TOO_BUSY).inc()
                    return BUSY
            answered = await asyncio.get_running_loop().run_in_executor(
                self._threads, self._push.accept, kind, b"".join(pieces), headers.get("traceparent")
            )
            return await asyncio.wrap_future(answered)
        finally:
            self._n_held_bytes -= n_bytes

    def close(self) -> None:
        self._threads.shutdown(wait=False)


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    """The pieces of a request's body as they come."""
    more = True
    while more:
        message = await receive()
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def _answer(
    send: Send,
    status: int,
    body: bytes,
    content_type: str,
    headers: Sequence[tuple[str, str]] = (),
) -> None:
    described = [("Content-Type", content_type), ("Content-Length", str(len(body))), *headers]
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(name.lower().encode(), value.encode()) for name, value in described],
        }
    )
    await send({"type": "http.response.body", "body": body})


def bound(listen: Address) -> socket.socket:
    """A socket that listens. Raises OSError, naming the address."""
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    try:
        return socket.create_server((listen.host, listen.port), family=family, backlog=1024)
    except OSError as error:
        raise OSError(error.errno, f"cannot listen on {listen}: {error.strerror}") from error


class _Server(uvicorn.Server):
    """uvicorn within a program that has signal handlers of its own."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Ingest:
    """The listener. Its socket is bound at once, so that nobody is refused who comes early."""

    def __init__(self, application: Application, listen: Address) -> None:
        self._socket = bound(listen)
        self.address = Address(listen.host, self._socket.getsockname()[1])
        self._application = application
        self._server = _Server(
            uvicorn.Config(
                application,
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                limit_concurrency=MAX_CONNECTIONS,
                timeout_graceful_shutdown=5,
            )
        )
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._server.serve([self._socket]))

    async def stop(self) -> None:
        """Accepts nothing more and finishes what was begun."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        self._application.close()
