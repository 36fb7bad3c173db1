"""The ingest listener: pushed rows, logged events, /metrics, /healthz and /readyz."""

import asyncio
import socket
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    MutableMapping,
    Sequence,
)
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import orjson
import uvicorn
from prometheus_client.exposition import choose_encoder

from monitor.batches import MAX_BYTES
from monitor.collector.cloudevents import Event, EventError, parse
from monitor.collector.listener_limits import LimitedProtocol
from monitor.collector.push import RETRY_AFTER_S, Answer, Kind, Push, Refused
from monitor.collector.sink import Sink
from monitor.collector.telemetry import Telemetry
from monitor.collector.tokens import ALL, NOBODY, Monitors, Tokens
from monitor.decoders.exchange import Headers
from monitor.messages import JSON

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

N_THREADS = 16
MAX_CONNECTIONS = 512
PUSHES: dict[str, Kind] = {"/v1/predictions": "predictions", "/v1/labels": "labels"}
EVENTS = "/v1/events"
MAX_HELD_BYTES = 64 * 1024 * 1024
"""Of all the bodies together that are being received or wait for the disk."""

BUSY = Answer(503, {"error": "too much is being pushed"}, [("Retry-After", str(RETRY_AFTER_S))])
UNKNOWN = Answer(
    401,
    {"error": "this address needs a header 'Authorization: Bearer TOKEN', and a token for this"},
    [("WWW-Authenticate", "Bearer")],
)
TOO_LARGE = Answer(413, {"error": f"a body may have {MAX_BYTES} bytes"})


class Application:
    """The raw ASGI application behind the listener.

    tokens: who may push; None for everybody.
    """

    def __init__(
        self,
        push: Push,
        sink: Sink,
        telemetry: Telemetry,
        is_ready: Callable[[], bool],
        tokens: Tokens | None,
    ) -> None:
        self._push = push
        self._sink = sink
        self._telemetry = telemetry
        self._is_ready = is_ready
        self._tokens = tokens
        self._n_held_bytes = 0
        self._threads = ThreadPoolExecutor(N_THREADS, thread_name_prefix="push")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        path, method = scope["path"], scope["method"]
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        if kind := PUSHES.get(path):
            may_push = self._may_push(headers)
            pushed = partial(self._pushed, kind, headers.get("traceparent"), may_push)
            await _tell(send, await self._posted(method, receive, pushed, may_push))
        elif path == EVENTS:
            may_push = ALL if self._may_push(headers) is ALL else NOBODY
            logged = partial(self._logged, scope["headers"])
            await _tell(send, await self._posted(method, receive, logged, may_push))
        elif path == "/metrics":
            encode, content_type = choose_encoder(headers.get("accept", ""))
            await _answer(send, 200, encode(self._telemetry.registry), content_type)
        elif path == "/healthz" or (path == "/readyz" and self._is_ready()):
            await _answer(send, 200, b"ok\n", "text/plain")
        elif path == "/readyz":
            await _answer(send, 503, b"the spool's disk fails\n", "text/plain")
        else:
            await _answer(send, 404, b'{"error":"there is nothing here"}', JSON)

    def _may_push(self, headers: Mapping[str, str]) -> Monitors:
        if self._tokens is None:
            return ALL
        return self._tokens.monitors(headers.get("authorization", "").encode("latin-1"))

    async def _posted(
        self,
        method: str,
        receive: Receive,
        accept: Callable[[bytes], Awaitable[Answer]],
        may_push: Monitors,
    ) -> Answer:
        """What `accept` makes of the body, unless there is no room for it or it may not come."""
        if method != "POST":
            return Answer(405, {"error": "this takes POST only"}, [("Allow", "POST")])
        if may_push is NOBODY:
            return UNKNOWN
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
            return await accept(b"".join(pieces))
        finally:
            self._n_held_bytes -= n_bytes

    async def _pushed(
        self, kind: Kind, traceparent: str | None, may_push: Monitors, body: bytes
    ) -> Answer:
        answered = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._push.accept, kind, body, traceparent, may_push
        )
        return await asyncio.wrap_future(answered)

    async def _logged(self, headers: Headers, body: bytes) -> Answer:
        """200, since KServe's agent takes any other answer for a failure."""
        loop = asyncio.get_running_loop()
        try:
            events = await loop.run_in_executor(self._threads, parse, headers, body)
        except EventError as error:
            return Answer(400, {"error": str(error)})
        good = [event for event in events if isinstance(event, Event)]
        self._sink.take(good, now=loop.time())
        verdicts = [
            {"event": i, "reason": str(event)}
            for i, event in enumerate(events)
            if isinstance(event, EventError)
        ]
        is_all_bad = verdicts and not good
        return Answer(400 if is_all_bad else 200, {"accepted": len(good), "rejected": verdicts})

    def close(self) -> None:
        self._threads.shutdown(wait=False)


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    """The pieces of a request's body as they come."""
    more = True
    while more:
        message = await receive()
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def _tell(send: Send, answer: Answer) -> None:
    await _answer(send, answer.status, orjson.dumps(answer.body), JSON, answer.headers)


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


class _Server(uvicorn.Server):
    """uvicorn within a program that has signal handlers of its own."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Ingest:
    """The listener, on a socket that others have bound: callers who come early wait in line."""

    def __init__(self, application: Application, listening: socket.socket) -> None:
        self._socket = listening
        self._application = application
        self._server = _Server(
            uvicorn.Config(
                application,
                http=LimitedProtocol,
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
