"""Connections to the model server, kept open between requests."""

import asyncio
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, cast

import httptools

from monitor.collector.heads import MAX_HEAD_BYTES, MAX_HEADERS, Headers, Refusal
from monitor.collector.known_heads import KnownHeads
from monitor.collector.response_heads import SWITCHING, ResponseHead, read_response
from monitor.flags import Address

if TYPE_CHECKING:
    from monitor.collector.relay import Relay

BAD_ANSWER = Refusal(502, "the model server's answer is not valid HTTP")
NO_ANSWER = Refusal(502, "the model server closed the connection without an answer")
UNREACHABLE = Refusal(502, "the model server cannot be reached")
CONNECT_TIMEOUT = Refusal(504, "the model server did not accept a connection in time")


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """connect_timeout_s: for a new connection.

    idle_s: shorter than the keep-alive of common model servers (uvicorn's is 5 s), because a
        request on a connection that the server is just closing is lost, and a POST must not
        be sent twice.
    """

    connect_timeout_s: float = 1.0
    idle_s: float = 4.0
    n_idle: int = 128


class Pool:
    """The open connections to one model server. A request takes the one used last."""

    def __init__(self, address: Address, limits: PoolLimits) -> None:
        self._address = address
        self._limits = limits
        self._idle: list[Upstream] = []
        self._connecting: set[asyncio.Task[None]] = set()
        self.known: KnownHeads[ResponseHead] = KnownHeads()

    def assign(self, relay: "Relay") -> None:
        """Gives the relay a connection, at once or as soon as one is made; or fails it."""
        while self._idle:
            upstream = self._idle.pop()
            if upstream.is_usable:
                upstream.serve(relay)
                return
        task = asyncio.get_running_loop().create_task(self._connect(relay))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, relay: "Relay") -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._limits.connect_timeout_s):
                await loop.create_connection(
                    lambda: Upstream(self, relay), self._address.host, self._address.port
                )
        except TimeoutError:
            relay.fail(CONNECT_TIMEOUT)
        except OSError:
            relay.fail(UNREACHABLE)

    def release(self, upstream: "Upstream", now: float) -> None:
        """Takes back a connection whose answer is complete."""
        upstream.idle_since = now
        if len(self._idle) < self._limits.n_idle:
            self._idle.append(upstream)
        else:
            upstream.close()

    def sweep(self, now: float) -> None:
        """Closes connections that were idle too long."""
        fresh = [u for u in self._idle if now - u.idle_since < self._limits.idle_s]
        for upstream in self._idle[: len(self._idle) - len(fresh)]:
            upstream.close()
        self._idle = fresh

    def close(self) -> None:
        """Ends what is idle and what is being connected; what serves a relay ends with it."""
        for task in self._connecting:
            task.cancel()
        for upstream in self._idle:
            upstream.close()
        self._idle.clear()


class Upstream(asyncio.Protocol):
    """One connection to the model server; serves one relay at a time."""

    def __init__(self, pool: Pool, relay: "Relay") -> None:
        self._pool = pool
        self._relay: Relay | None = relay
        self._transport: asyncio.Transport | None = None
        self._is_paused = False
        self.idle_since = 0.0
        self._reset()

    def _reset(self) -> None:
        """Forgets the last answer. A parser serves one answer only: it cannot be told that an
        answer to HEAD has no body, and would take the next answer for it."""
        self._parser: httptools.HttpResponseParser | None = None
        self._first = b""
        self._phrase = b""
        self._headers: Headers = []
        self._n_head_bytes = 0
        self._n_left = 0
        self._head: ResponseHead | None = None
        self._is_complete = False
        self._is_dirty = False

    @property
    def is_usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def serve(self, relay: "Relay") -> None:
        """Binds the connection to a relay, which sends its request at once."""
        self._reset()
        self._relay = relay
        relay.attach(self)

    def send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        """Cuts the connection; a tunnel's, when what was written is on its way."""
        relay, self._relay = self._relay, None
        if self._transport is None:
            return
        if relay is not None and relay.is_tunnel:
            self._transport.close()
        else:
            self._transport.abort()

    def pause_reading(self) -> None:
        if self._transport is not None and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._transport is not None and self._is_paused and not self._transport.is_closing():
            self._is_paused = False
            self._transport.resume_reading()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._relay is None or self._relay.is_over:
            self.close()
        else:
            self.serve(self._relay)

    def data_received(self, data: bytes) -> None:
        relay = self._relay
        if relay is None:
            self.close()  # an answer that nobody asked for
            return
        received_at = perf_counter()
        if relay.is_tunnel:
            relay.tunnel_back(data)
        elif self._n_left:
            self._count(relay, data)
        elif self._parser is not None or not self._recognise(relay, data):
            self._parse(relay, data)
        if self._relay is not relay or relay.is_tunnel:
            return  # it has failed meanwhile, or is not ours any more
        if self._is_complete:
            self._finish(received_at)
        elif self._head is not None:
            relay.flush_answer()

    def _recognise(self, relay: "Relay", data: bytes) -> bool:
        """Takes an answer whose head came before; its body is counted, not parsed."""
        found = None if relay.head.method == b"HEAD" else self._pool.known.find(data)
        if found is None:
            return False
        self._head, end = found
        self._n_left = self._head.n_body_bytes or 0
        relay.begin_answer(self._head)
        self._count(relay, data[end:])
        return True

    def _count(self, relay: "Relay", data: bytes) -> None:
        """Takes what belongs to the body of an answer that was recognised."""
        if len(data) > self._n_left:
            self._is_dirty = True
            data = data[: self._n_left]
        self._n_left -= len(data)
        if data:
            relay.pass_answer(data)
        self._is_complete = not self._n_left

    def _parse(self, relay: "Relay", data: bytes) -> None:
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
            self._first = data
        else:
            self._first = b""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as switched:
            if relay.is_tunnel:
                relay.tunnel_back(data[switched.args[0] :])
            else:
                self._fail(BAD_ANSWER)
        except httptools.HttpParserError:
            if not self._is_complete:
                self._fail(BAD_ANSWER)  # what was read before is not passed on: it may be wrong
            self._is_dirty = True
        if self._head is None and self._relay is not None:
            self._n_head_bytes += len(data)
            if self._n_head_bytes > MAX_HEAD_BYTES:
                self._fail(BAD_ANSWER)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if self._relay is None:
            return
        if self._head is not None and not self._head.is_framed:
            self._is_dirty = True
            self._finish(perf_counter())  # the connection's end is the body's
        else:
            self._fail(NO_ANSWER if self._head is None else BAD_ANSWER)

    def pause_writing(self) -> None:
        if self._relay is not None:
            self._relay.pause_request()

    def resume_writing(self) -> None:
        if self._relay is not None:
            self._relay.resume_request()

    def _finish(self, received_at: float) -> None:
        relay, self._relay = self._relay, None
        assert relay is not None
        assert self._head is not None
        if self._head.keep_alive and relay.is_sent and not self._is_dirty:
            self.resume_reading()
            self._pool.release(self, asyncio.get_running_loop().time())
        else:
            self.close()
        relay.end_answer(received_at)

    def _fail(self, refusal: Refusal) -> None:
        relay = self._relay
        self.close()
        if relay is not None:
            relay.fail(refusal)

    # httptools' callbacks

    def on_message_begin(self) -> None:
        if self._is_complete:
            self._is_dirty = True

    def on_status(self, phrase: bytes) -> None:
        self._phrase = phrase

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head is None:
            self._headers.append((name, value))
            self._n_head_bytes += len(name) + len(value)
        elif self._relay is not None and not self._is_complete:
            self._trailer(self._relay, name, value)

    def _trailer(self, relay: "Relay", name: bytes, value: bytes) -> None:
        relay.answer_trailers.append((name, value))
        self._n_head_bytes += len(name) + len(value)
        if self._n_head_bytes > MAX_HEAD_BYTES or len(relay.answer_trailers) > MAX_HEADERS:
            self._fail(BAD_ANSWER)

    def on_headers_complete(self) -> None:
        relay, parser = self._relay, self._parser
        assert parser is not None
        status = parser.get_status_code()
        is_tunnel = status == SWITCHING and relay is not None and bool(relay.head.upgrade)
        if self._is_complete or relay is None or (100 <= status < 200 and not is_tunnel):
            return
        version = parser.get_http_version()
        is_head = relay.head.method == b"HEAD"
        head = read_response(status, self._phrase, version, self._headers, to_head_request=is_head)
        if head is None or self._n_head_bytes > MAX_HEAD_BYTES:
            self._fail(BAD_ANSWER)
            return
        self._head = head
        if is_tunnel:
            relay.open_tunnel(head)
            return
        self._is_complete = not head.has_body
        if head.n_body_bytes is not None and not is_head and self._first:
            self._pool.known.add(self._first, head, len(self._headers))
        self._first = b""
        relay.begin_answer(head)

    def on_body(self, data: bytes) -> None:
        if self._is_complete or self._relay is None:
            self._is_dirty = True
        else:
            self._relay.pass_answer(data)

    def on_message_complete(self) -> None:
        if self._head is not None:
            self._is_complete = True
        else:
            self._headers = []  # of an interim answer, such as 103
            self._first = b""
