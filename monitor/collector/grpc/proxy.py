"""The gRPC listener in front of a model: the Open Inference Protocol over HTTP/2 in clear text.

Each connection of a client has one of its own to the model, and what comes on one goes out on the
other, byte by byte. A reader follows behind; whatever it makes of what it reads, the bytes have
passed. The proxy says one thing of its own: when it is to stop, that a client's next calls belong
elsewhere.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter

from monitor.collector.capture import Dropped
from monitor.collector.exchanges import pack
from monitor.collector.grpc.calls import UNAVAILABLE, Call, Room, Side
from monitor.collector.grpc.frames import Unread
from monitor.collector.grpc.messages import inference_id, unframed
from monitor.collector.grpc.relay import End, Relay
from monitor.collector.heads import kept
from monitor.collector.proxy import Captures
from monitor.collector.request_heads import REQUEST_ID
from monitor.flags import Address

MAX_PATH_BYTES = 1024
_OWN_HEADERS = frozenset({b"x-request-id", b"grpc-encoding"})


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcLimits:
    """connect_timeout_s: for a connection to the model.

    patience_s: after which a client that does not read is given up, and what is left of a
        connection of which one end is gone.
    open_calls_bytes: what may be held of all calls together until their answers are complete.
    """

    connections: int = 10_000
    connect_timeout_s: float = 1.0
    patience_s: float = 60.0
    open_calls_bytes: int = 8 * 1024 * 1024


class GrpcProxy:
    """Relays connections to `upstream` and captures the calls on them that are wanted.

    clock: seconds since 1970. new_id: an id for a call that has none.
    """

    def __init__(
        self,
        upstream: Address,
        captures: Captures,
        *,
        clock: Callable[[], float],
        new_id: Callable[[], bytes],
        limits: GrpcLimits,
    ) -> None:
        self.limits = captures.limits
        self.room = Room(limits.open_calls_bytes)
        self.patience_s = limits.patience_s
        self._upstream = upstream
        self._captures = captures
        self._tally = captures.tally
        self._clock = clock
        self._new_id = new_id
        self._limits = limits
        self._relays: set[Relay] = set()
        self._is_quiet = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def start(self, listening: socket.socket) -> None:
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Relay(self).client, sock=listening, backlog=1024
        )

    async def stop(self, grace_s: float) -> None:
        """Accepts nothing more, sends clients away, cuts those that stay longer than that."""
        assert self._server is not None
        self._server.close()
        for relay in list(self._relays):
            relay.drain()
        await self._quiet(grace_s)
        for relay in list(self._relays):
            relay.break_off()
        await self._quiet(None)
        await asyncio.sleep(0)  # transports are closed in the loop's next turn

    async def _quiet(self, timeout_s: float | None) -> None:
        if self._relays:
            self._is_quiet.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_quiet.wait(), timeout_s)

    # what connections need

    def opened(self, relay: Relay) -> bool:
        self._relays.add(relay)
        return len(self._relays) <= self._limits.connections

    async def connect(self, model: End) -> None:
        async with asyncio.timeout(self._limits.connect_timeout_s):
            await asyncio.get_running_loop().create_connection(
                lambda: model, self._upstream.host, self._upstream.port
            )

    def closed(self, relay: Relay) -> None:
        self._relays.discard(relay)
        if not self._relays:
            self._is_quiet.set()

    def unread(self, reason: Unread) -> None:
        self._tally.unread(reason)

    # what calls need

    @property
    def headers(self) -> frozenset[bytes]:
        return self._captures.wanted.headers | _OWN_HEADERS

    def wants(self, path: bytes) -> bool:
        is_plain = path.isascii() and len(path) <= MAX_PATH_BYTES
        return is_plain and self._captures.wanted.has_path(path)

    def lost(self, reason: Dropped) -> None:
        self._tally.drop(reason)

    def finished(self, call: Call) -> None:
        self._tally.request(call.status)
        if call.is_wanted and (call.is_answered or call.status == UNAVAILABLE):
            self._capture(call)

    def _capture(self, call: Call) -> None:
        names = self._captures.wanted.headers
        request, asked, asked_id = _said(call.request, names)
        response, answered, answered_id = _said(call.response, names)
        given = dict(call.request.headers).get(b"x-request-id", b"")
        ids = (id_ for id_ in (given, asked_id, answered_id) if REQUEST_ID.fullmatch(id_))
        latency_s = call.finished - call.started
        pieces = pack(
            call.path,
            next(ids, None) or self._new_id(),
            self._clock() - (perf_counter() - call.started),
            latency_s,
            call.status,
            asked,
            answered,
            [request],
            [response],
        )
        self._captures.put(pieces, len(request) + len(response))


def _said(side: Side, names: frozenset[bytes]) -> tuple[bytes, bytes, bytes]:
    """The message of one side, the headers to keep with it as lines, and the id within it.

    How gRPC says that a message is compressed, HTTP says of a body: decoders know that.
    """
    message, is_compressed = unframed(b"".join(side.pieces))
    headers = [pair for pair in side.headers if b"\n" not in pair[1]]
    if is_compressed:
        encoding = dict(headers).get(b"grpc-encoding", b"identity")
        headers.insert(0, (b"content-encoding", encoding))
    return message, kept(headers, names), inference_id(message, is_compressed=is_compressed)
