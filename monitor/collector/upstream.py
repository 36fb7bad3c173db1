"""Connections to the model server, kept open between requests."""

import asyncio
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, cast

import httptools

from monitor.collector.heads import MAX_HEAD_BYTES, Headers, Refusal, read_response
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
        self._parser = httptools.HttpResponseParser(self)
        self._phrase = b""
        self._headers: Headers = []
        self._n_head_bytes = 0
        self._is_headed = False
        self._is_framed = False
        self._keep_alive = False
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
        self._relay = None
        if self._transport is not None:
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
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self._is_complete:
                self._fail(BAD_ANSWER)  # what was read before is not passed on: it may be wrong
                return
            self._is_dirty = True
        if self._is_complete:
            self._finish(received_at)
        elif self._is_headed:
            relay.flush_answer()
        else:
            self._n_head_bytes += len(data)
            if self._n_head_bytes > MAX_HEAD_BYTES:
                self._fail(BAD_ANSWER)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if self._relay is None:
            return
        if self._is_headed and not self._is_framed:
            self._is_dirty = True
            self._finish(perf_counter())  # the connection's end is the body's
        else:
            self._fail(BAD_ANSWER if self._is_headed else NO_ANSWER)

    def pause_writing(self) -> None:
        if self._relay is not None:
            self._relay.pause_request()

    def resume_writing(self) -> None:
        if self._relay is not None:
            self._relay.resume_request()

    def _finish(self, received_at: float) -> None:
        relay, self._relay = self._relay, None
        assert relay is not None
        if self._keep_alive and relay.is_sent and not self._is_dirty:
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
        if not self._is_headed:  # later ones are trailers, which end here
            self._headers.append((name, value))
            self._n_head_bytes += len(name) + len(value)

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self._is_complete or self._relay is None or 100 <= status < 200:
            return
        head = read_response(
            status,
            self._parser.get_http_version(),
            self._headers,
            to_head_request=self._relay.head.method == b"HEAD",
        )
        if head is None or self._n_head_bytes > MAX_HEAD_BYTES:
            self._fail(BAD_ANSWER)
            return
        self._is_headed = True
        self._is_framed = head.is_framed
        self._keep_alive = head.keep_alive
        self._is_complete = not head.has_body
        self._relay.begin_answer(head, self._phrase)

    def on_body(self, data: bytes) -> None:
        if self._is_complete or self._relay is None:
            self._is_dirty = True
        else:
            self._relay.pass_answer(data)

    def on_message_complete(self) -> None:
        if self._is_headed:
            self._is_complete = True
        else:
            self._headers = []  # of an interim answer, such as 103
