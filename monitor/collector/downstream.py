"""Connections from clients: requests are taken off one after the other and relayed."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

import httptools

from monitor.collector.heads import (
    MAX_HEAD_BYTES,
    Headers,
    Refusal,
    RequestHead,
    read_request,
)
from monitor.collector.relay import Relay

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
BAD_REQUEST = Refusal(400, "the request is not valid HTTP/1.1")
HEAD_TOO_LARGE = Refusal(431, "the request's head is too large")
HEAD_TIMEOUT = Refusal(408, "the request's head did not arrive in time")
BODY_TIMEOUT = Refusal(408, "the request's body did not arrive in time")
ANSWER_TIMEOUT = Refusal(504, "the model server did not answer in time")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds after which somebody is given up.

    head: from a request's first byte to the end of its head. body: in so long, a client that may
        send must send `body_bytes`. answer: the model server's silence. write: a client that does
        not read. idle: between two requests. linger: after an error, for the client to read it.
    """

    head: float = 10.0
    body: float = 10.0
    body_bytes: int = 10 * 1024
    answer: float = 300.0
    write: float = 60.0
    idle: float = 75.0
    linger: float = 1.0


class Host(Protocol):
    """What a connection needs of the proxy that it belongs to."""

    deadlines: Deadlines
    is_draining: bool
    new_id: Callable[[], str]

    def relay(self, client: "Downstream", head: RequestHead) -> Relay: ...

    def opened(self, connection: "Downstream") -> bool: ...

    def closed(self, connection: "Downstream") -> None: ...

    def refused(self, refusal: Refusal) -> None: ...


class Downstream(asyncio.Protocol):
    """One client's connection.

    Requests that are pipelined wait in a queue; while there is one, nothing more is read, so the
    queue holds no more than one read. An error waits its turn behind earlier answers too.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._queue: deque[Relay | Refusal] = deque()
        self._active: Relay | None = None
        self._reading: Relay | None = None
        self._url = b""
        self._headers: Headers = []
        self._n_head_bytes = 0
        self._n_silent_bytes = 0
        self._n_body_bytes = 0
        self._is_synthetic = False
        self._is_stopped = False
        self._is_paused = False
        self.is_full = False
        self._in_head = False
        self._since = 0.0
        self._body_mark = 0

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._now = asyncio.get_running_loop().time
        self._touch()
        if not self._host.opened(self):
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._is_stopped:
            return
        if not self._in_head and self._reading is None:
            self._touch()
        self._n_silent_bytes += len(data)
        self._feed(data)
        if self._n_silent_bytes > MAX_HEAD_BYTES and not self._is_stopped:
            self._stop(HEAD_TOO_LARGE if self._reading is None else BAD_REQUEST)
        self._advance()

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            if not self._is_stopped:
                self._stop(BAD_REQUEST)

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Goes on with HTTP/1.1 after a request that offered h2c.

        The parser takes such a request to end with its head. A new one is told of the body by a
        head of ours, and then reads on.
        """
        self._parser = httptools.HttpRequestParser(self)
        relay = self._reading
        if relay is not None:
            length = relay.head.content_length
            framing = (
                b"Transfer-Encoding: chunked" if length is None else (b"Content-Length: " + length)
            )
            self._is_synthetic = True
            self._parser.feed_data(b"POST / HTTP/1.1\r\n" + framing + b"\r\n\r\n")
            self._is_synthetic = False
        if rest and not self._is_stopped:
            self._feed(rest)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._is_stopped = True
        self._host.closed(self)
        if self._active is not None:
            self._active.abandon()
            self._active = None
        self._queue.clear()

    def pause_writing(self) -> None:
        self.is_full = True
        self._touch()
        if self._active is not None:
            self._active.pause_answer()

    def resume_writing(self) -> None:
        self.is_full = False
        self._touch()
        if self._active is not None:
            self._active.resume_answer()

    # httptools' callbacks

    def on_message_begin(self) -> None:
        if self._is_synthetic:
            return
        self._in_head = True
        self._url = b""
        self._headers = []
        self._n_head_bytes = 0

    def on_url(self, url: bytes) -> None:
        if not self._is_synthetic:
            self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head and not self._is_synthetic:  # a later one is a trailer, which ends here
            self._headers.append((name, value))
            self._n_head_bytes += len(name) + len(value)

    def on_headers_complete(self) -> None:
        if self._is_stopped or self._is_synthetic:
            return
        self._in_head = False
        self._n_silent_bytes = 0
        if self._n_head_bytes + len(self._url) > MAX_HEAD_BYTES:
            self._stop(HEAD_TOO_LARGE)
            return
        head = read_request(
            self._parser.get_method(),
            self._url,
            self._parser.get_http_version(),
            self._headers,
            self._host.new_id,
        )
        if isinstance(head, Refusal):
            self._stop(head)
        else:
            self._accept(head)

    def _accept(self, head: RequestHead) -> None:
        relay = self._host.relay(self, head)
        self._queue.append(relay)
        if not head.has_body:
            relay.end_request()
            return
        self._reading = relay
        self._n_body_bytes = self._body_mark = 0
        self._touch()

    def on_body(self, body: bytes) -> None:
        self._n_silent_bytes = 0
        if self._reading is not None:
            self._n_body_bytes += len(body)
            self._reading.receive(body)

    def on_message_complete(self) -> None:
        self._n_silent_bytes = 0
        self._in_head = False
        if self._is_synthetic or self._parser.should_upgrade():
            return
        if self._reading is not None:
            self._reading.end_request()
            self._reading = None
            self._touch()

    # what goes on

    def _stop(self, refusal: Refusal) -> None:
        """Reads no further; the refusal is the last answer."""
        self._is_stopped = True
        relay, self._reading = self._reading, None
        if relay is None:
            self._queue.append(refusal)
        elif relay is self._active:
            relay.fail(refusal)
        else:
            self._queue.remove(relay)
            self._queue.append(refusal)

    def _advance(self) -> None:
        """Starts what is next in the queue, and sends on what was received."""
        while self._active is None and self._queue:
            following = self._queue.popleft()
            if isinstance(following, Refusal):
                self.refuse(following)
                return
            self._active = following
            following.start()
            if following.head.expects_continue and following is self._reading:
                self.write(CONTINUE)
        if self._active is not None:
            self._active.flush()
        self.update_reading()

    def update_reading(self) -> None:
        """Reads on, or pauses while the client is ahead of the model server."""
        if self._transport is None or self._transport.is_closing():
            return
        ahead = bool(self._queue) or (self._active is not None and self._active.is_holding_back)
        if ahead and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
        elif self._is_paused and not ahead:
            self._is_paused = False
            self._touch()
            self._transport.resume_reading()

    def write(self, data: bytes) -> None:
        self._touch()
        if self._transport is not None:
            self._transport.write(data)

    def finish(self, *, close: bool) -> None:
        self._active = None
        self._touch()
        if not close:
            self._advance()
        elif self._reading is not None:
            self._linger()
        elif self._transport is not None:
            self._transport.close()

    def refuse(self, refusal: Refusal) -> None:
        self._host.refused(refusal)
        relay, self._active = self._active, None
        close = self._is_stopped or relay is None or self._reading is relay
        if relay is not None and not relay.head.keep_alive:
            close = True
        self.write(refusal.to_bytes(close=close))
        if close:
            self._linger()
        else:
            self._touch()
            self._advance()

    def _linger(self) -> None:
        """Ends the connection so that the client can read the answer.

        Closing with unread bytes in the socket would reset it and destroy the answer on the way;
        so they are read and thrown away for a moment.
        """
        self._is_stopped = True
        self._reading = None
        self._queue.clear()
        self._touch()
        if self._transport is not None and not self._transport.is_closing():
            if self._transport.can_write_eof():
                self._transport.write_eof()
            self.update_reading()

    def break_off(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # deadlines

    def _touch(self) -> None:
        self._since = self._now()

    def drain(self) -> None:
        """Takes no further request; the one that is on its way is finished."""
        if self._active is not None:
            if self._active.answer is None:
                self._active.head.keep_alive = False
        elif not self._queue and self._transport is not None:
            self._transport.close()

    def sweep(self, now: float) -> None:
        """Gives up what has taken too long; called twice a second."""
        waited = now - self._since
        if self.is_full:
            if waited > self._host.deadlines.write:
                self.break_off()
        elif self._reading is not None and not self._is_paused:
            self._sweep_body(waited)
        elif self._active is not None:
            if waited > self._host.deadlines.answer:
                self._active.fail(ANSWER_TIMEOUT)
        else:
            self._sweep_idle(waited)

    def _sweep_idle(self, waited: float) -> None:
        deadlines = self._host.deadlines
        if self._is_stopped:
            if waited > deadlines.linger:
                self.break_off()
        elif self._in_head or self._n_silent_bytes:
            if waited > deadlines.head:
                self._stop(HEAD_TIMEOUT)
                self._advance()
        elif waited > deadlines.idle:
            self.drain()

    def _sweep_body(self, waited: float) -> None:
        if waited <= self._host.deadlines.body:
            return
        if self._n_body_bytes - self._body_mark < self._host.deadlines.body_bytes:
            self._stop(BODY_TIMEOUT)
            self._advance()
        else:
            self._body_mark = self._n_body_bytes
            self._touch()
