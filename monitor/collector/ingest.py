"""What the ingest address takes and tells: pushed rows, logged events, /metrics and /config."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from prometheus_client.exposition import choose_encoder

from monitor.batches import MAX_BYTES
from monitor.collector.access import Access, Scope
from monitor.collector.answers import RETRY_AFTER_S, Answer, OverQuotaError, Refused
from monitor.collector.cloudevents import Event, EventError, parse
from monitor.collector.logged_rows import LoggedRows
from monitor.collector.push import Body, Kind, Push
from monitor.collector.replies import Send, reply
from monitor.collector.sagemaker_captures import SageMakerCaptures
from monitor.collector.sink import Sink
from monitor.collector.small_pushes import SmallPushes
from monitor.collector.telemetry import Telemetry
from monitor.collector.tokens import ALL, NOBODY, Monitors, namespace_of_all
from monitor.decoders.exchange import Headers
from monitor.kafka.messages import JSON

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

N_THREADS = 16
EVENTS = "/v1/events"
CAPTURES = "/v1/sagemaker-captures"
SMALL_BYTES = 2048
"""A push of so little takes less time than it takes to hand it to a thread and back; those that
come at the same time are taken together."""
MAX_HELD_BYTES = 64 * 1024 * 1024
"""Of all the bodies together that are being received or wait for the disk."""

BUSY = Answer(503, {"error": "too much is being pushed"}, [("Retry-After", str(RETRY_AFTER_S))])
UNKNOWN = Answer(
    401,
    {
        "error": "this address needs a client certificate, or a header 'Authorization: Bearer "
        "TOKEN' and a token for this"
    },
    [("WWW-Authenticate", "Bearer")],
)
INCOMPLETE = Answer(400, {"error": "the body is not complete"})
TOO_LARGE = Answer(413, {"error": f"a body may have {MAX_BYTES} bytes"})


@dataclass(frozen=True, slots=True)
class Caller:
    """What is known of a request before its body comes. named: its headers, in lower case."""

    headers: Headers
    named: Mapping[str, str]
    query: Mapping[str, str]
    may_push: Monitors

    @classmethod
    def of(cls, scope: Scope, access: Access) -> "Caller":
        headers = scope["headers"]
        named = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
        query = parse_qsl(scope["query_string"].decode("latin-1"))
        return cls(headers, named, dict(query), access.monitors(scope, named))


Taker = Callable[[Caller, bytes], Awaitable[Answer]]


class Application:
    """The raw ASGI application behind the listener.

    configuration: what /config shows, to those who may push to all monitors.
    """

    def __init__(
        self,
        push: Push,
        small_pushes: SmallPushes,
        logged: LoggedRows,
        captures: SageMakerCaptures,
        sink: Sink,
        telemetry: Telemetry,
        access: Access,
        configuration: Mapping[str, object],
    ) -> None:
        self._push = push
        self._small_pushes = small_pushes
        self._logged_rows = logged
        self._captures = captures
        self._sink = sink
        self._telemetry = telemetry
        self._access = access
        self._configuration = configuration
        self._n_held_bytes = 0
        self._threads = ThreadPoolExecutor(N_THREADS, thread_name_prefix="push")
        self._takers: Mapping[str, Taker] = {
            "/v1/predictions": partial(self._pushed, "predictions"),
            "/v1/labels": partial(self._pushed, "labels"),
            "/v1/logs": self._logs,
            CAPTURES: self._captured,
            EVENTS: self._events,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        path, caller = scope["path"], Caller.of(scope, self._access)
        if taker := self._takers.get(path):
            answer = await self._posted(scope, receive, caller, taker)
            self._telemetry.pushes.labels(str(answer.status)).inc()
            await _tell(send, answer)
        elif path == "/metrics":
            encode, content_type = choose_encoder(caller.named.get("accept", ""))
            await reply(send, 200, encode(self._telemetry.registry), content_type)
        elif path == "/config":
            is_shown = caller.may_push is ALL
            await _tell(send, Answer(200, self._configuration) if is_shown else UNKNOWN)
        else:
            await reply(send, 404, b'{"error":"there is nothing here"}', JSON)

    async def _posted(self, scope: Scope, receive: Receive, caller: Caller, taker: Taker) -> Answer:
        """What `taker` makes of the body, unless there is no room for it or it may not come."""
        if refusal := self._refusal(scope, caller):
            return refusal
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
            return await taker(caller, b"".join(pieces))
        except _LeftError:
            return INCOMPLETE
        finally:
            self._n_held_bytes -= n_bytes

    def _refusal(self, scope: Scope, caller: Caller) -> Answer | None:
        """Why a body need not come; None where it may."""
        if scope["method"] != "POST":
            return Answer(405, {"error": "this takes POST only"}, [("Allow", "POST")])
        if caller.may_push is NOBODY:
            return UNKNOWN
        namespace = namespace_of_all(caller.may_push)
        if namespace is None or not (wait_s := self._push.metering.wait_s(namespace)):
            return None
        return self._push.refusal(OverQuotaError(namespace, math.ceil(wait_s)))

    async def _pushed(self, kind: Kind, caller: Caller, body: bytes) -> Answer:
        described = Body(
            raw=body,
            content_type=caller.named.get("content-type", JSON),
            monitor=caller.query.get("monitor"),
            model_version=caller.query.get("model_version"),
            key=caller.named.get("idempotency-key"),
            traceparent=caller.named.get("traceparent"),
            may_push=caller.may_push,
        )
        if len(body) <= SMALL_BYTES:
            return await self._small_pushes.accept(kind, described)
        return await self._on_a_thread(self._push.accept, kind, described)

    async def _logs(self, caller: Caller, body: bytes) -> Answer:
        accept, traceparent = self._logged_rows.accept, caller.named.get("traceparent")
        return await self._on_a_thread(accept, caller.headers, body, traceparent, caller.may_push)

    async def _captured(self, caller: Caller, body: bytes) -> Answer:
        accept, model = self._captures.accept, caller.query.get("model")
        return await self._on_a_thread(accept, model, caller.headers, body, caller.may_push)

    async def _on_a_thread(self, accept: Callable[..., Future[Answer]], *args: object) -> Answer:
        loop = asyncio.get_running_loop()
        return await asyncio.wrap_future(await loop.run_in_executor(self._threads, accept, *args))

    async def _events(self, caller: Caller, body: bytes) -> Answer:
        """200, since KServe's agent takes any other answer for a failure."""
        loop = asyncio.get_running_loop()
        try:
            events = await loop.run_in_executor(self._threads, parse, caller.headers, body)
        except EventError as error:
            return Answer(400, {"error": str(error)})
        good = [event for event in events if isinstance(event, Event)]
        self._sink.take(good, now=loop.time(), may_push=caller.may_push)
        verdicts = [
            {"event": i, "reason": str(event)}
            for i, event in enumerate(events)
            if isinstance(event, EventError)
        ]
        is_all_bad = verdicts and not good
        return Answer(400 if is_all_bad else 200, {"accepted": len(good), "rejected": verdicts})

    def close(self) -> None:
        self._threads.shutdown(wait=False)


class _LeftError(Exception):
    """The caller has gone before the body was complete."""


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    """The pieces of a request's body as they come. Raises _LeftError."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _LeftError
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def _tell(send: Send, answer: Answer) -> None:
    await reply(send, answer.status, answer.to_bytes(), answer.content_type, answer.headers)
