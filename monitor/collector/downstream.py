"""Connections from clients: requests are taken off one after the other and relayed."""

import asyncio
from collections import deque
from typing import cast

import httptools

from monitor.collector.deadlines import ANSWER_TIMEOUT, BODY_TIMEOUT, HEAD_TIMEOUT
from monitor.collector.heads import MAX_HEAD_BYTES, MAX_HEADERS, Headers, Refusal
from monitor.collector.host import Host
from monitor.collector.relay import Relay
from monitor.collector.request_heads import RequestHead, read_request

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
BAD_REQUEST = Refusal(400, "the request is not valid HTTP/1.1")
HEAD_TOO_LARGE = Refusal(431, "the request's head is too large")
TOO_EARLY = Refusal(400, "bytes came before the upgrade was accepted")


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
        self._first = b""
        self._url = b""
        self._headers: Headers = []
        self._n_head_bytes = 0
        self._n_left = 0
        self._n_silent_bytes = 0
        self._n_body_bytes = 0
        self._is_synthetic = False
        self._is_stopped = False
        self.is_paused = False
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
        if self._active is not None and self._active.is_tunnel:
            self._touch()
            self._active.tunnel(data)
            return
        if self._n_left:
            data = self._count(data)
        elif self._is_between_requests():
            self._touch()
            data = self._recognise(data)
        if data:
            self._parse(data)
        self._advance()

    def _is_between_requests(self) -> bool:
        return not (self._in_head or self._n_silent_bytes or self._reading)

    def _recognise(self, data: bytes) -> bytes:
        """Takes a request whose head came before; its body is counted, not parsed.

        Returns what is left to be parsed.
        """
        self._first = data
        found = self._host.known.find(data)
        if found is None:
            return data
        self._first = b""
        head, end = found
        self._accept(head)
        self._n_left = head.n_body_bytes or 0
        return self._count(data[end:]) if self._n_left else data[end:]

    def _count(self, data: bytes) -> bytes:
        """Takes what belongs to the body of a request that was recognised; returns the rest."""
        piece, rest = data[: self._n_left], data[self._n_left :]
        self._n_left -= len(piece)
        self.on_body(piece)
        if not self._n_left:
            self._end_body()
        return rest

    def _parse(self, data: bytes) -> None:
        self._n_silent_bytes += len(data)
        self._feed(data)
        self._first = b""
        if self._n_silent_bytes > MAX_HEAD_BYTES and not self._is_stopped:
            self._stop(HEAD_TOO_LARGE if self._reading is None else BAD_REQUEST)

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._after_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            if not self._is_stopped:
                self._stop(BAD_REQUEST)

    def _after_upgrade(self, rest: bytes) -> None:
        """Goes on after a request that asked for another protocol, with a new parser.

        The old one takes such a request to end with its head. Of a body, which may follow an
        offer of h2c, the new parser is told by a head of ours.
        """
        self._parser = httptools.HttpRequestParser(self)
        self._n_silent_bytes = 0
        last = self._queue[-1] if self._queue else None
        if rest and isinstance(last, Relay) and last.head.upgrade:
            self._queue.pop()
            self._stop(TOO_EARLY)
        relay = self._reading
        if relay is not None:
            n_bytes = relay.head.n_body_bytes
            chunked = b"Transfer-Encoding: chunked"
            framing = chunked if n_bytes is None else b"Content-Length: %d" % n_bytes
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
        if self._is_synthetic:
            return
        self._n_head_bytes += len(name) + len(value)
        if self._in_head:
            self._headers.append((name, value))
        elif self._reading is not None:
            self._trailer(self._reading, name, value)

    def _trailer(self, relay: Relay, name: bytes, value: bytes) -> None:
        relay.trailers.append((name, value))
        if self._n_head_bytes > MAX_HEAD_BYTES or len(relay.trailers) > MAX_HEADERS:
            self._stop(HEAD_TOO_LARGE)

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
        )
        if isinstance(head, Refusal):
            self._stop(head)
            return
        if self._first and head.is_repeatable:
            self._host.known.add(self._first, head, len(self._headers))
        self._first = b""  # what follows in the same data does not begin where it does
        self._accept(head)

    def _accept(self, head: RequestHead) -> None:
        relay = self._host.relay(self, head)
        self._queue.append(relay)
        if head.has_body:
            self._reading = relay
            self._n_body_bytes = self._body_mark = 0
        else:
            relay.end_request()

    def on_body(self, body: bytes) -> None:
        self._n_silent_bytes = 0
        if self._reading is not None:
            self._n_body_bytes += len(body)
            self._reading.receive(body)

    def on_message_complete(self) -> None:
        self._n_silent_bytes = 0
        self._in_head = False
        if not (self._is_synthetic or self._parser.should_upgrade()):
            self._end_body()

    def _end_body(self) -> None:
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
        active = self._active
        if active is not None:
            active.flush()
        if self.is_paused or self._queue or (active is not None and active.is_holding_back):
            self.update_reading()

    def update_reading(self) -> None:
        """Reads on, or pauses while the client is ahead of the model server."""
        if self._transport is None or self._transport.is_closing():
            return
        ahead = bool(self._queue) or (self._active is not None and self._active.is_holding_back)
        if ahead and not self.is_paused:
            self.is_paused = True
            self._transport.pause_reading()
        elif self.is_paused and not ahead:
            self.is_paused = False
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

    def open_tunnel(self) -> None:
        self._touch()
        self.update_reading()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def refuse(self, refusal: Refusal) -> None:
        self._host.refused(refusal)
        relay, self._active = self._active, None
        close = self._is_stopped or relay is None or self._reading is relay
        if relay is not None and not relay.keep_alive:
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
                self._active.keep_alive = False
        elif not self._queue and self._transport is not None:
            self._transport.close()

    def sweep(self, now: float) -> None:
        """Gives up what has taken too long; called twice a second."""
        waited = now - self._since
        if self.is_full:
            if waited > self._host.deadlines.write:
                self.break_off()
        elif self._reading is not None and not self.is_paused:
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
