"""One connection between a gRPC client and the model, and the reader that follows it."""

import asyncio
import logging
import socket
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Protocol, cast

from monitor.collector.grpc.calls import CANCELLED, UNAVAILABLE, Calls, Watcher
from monitor.collector.grpc.conversation import Conversation
from monitor.collector.grpc.frames import Unread, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

MAX_EARLY_BYTES = 64 * 1024
GOAWAY = b"\0\0\x08\x07\0\0\0\0\0\x7f\xff\xff\xff\0\0\0\0"
"""Calls that have begun are finished; new ones belong on another connection (RFC 9113, 6.8)."""


class Host(Watcher, Protocol):
    """What a connection needs of the proxy that it belongs to.

    patience_s: after which a client that does not read is given up, and an end whose other is gone.
    """

    patience_s: float

    def opened(self, relay: "Relay") -> bool:
        """Whether there may be one more."""

    async def connect(self, model: "End") -> None:
        """Raises OSError or TimeoutError."""

    def closed(self, relay: "Relay") -> None: ...

    def unread(self, reason: Unread) -> None:
        """A connection goes on without being read."""


class End(asyncio.Protocol):
    """One end of a relayed connection: what comes in here goes out at the other, as it is.

    What there is to write before this end is connected waits, and its sender with it.
    """

    def __init__(self, relay: "Relay") -> None:
        self._relay = relay
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []
        self._n_early_bytes = 0
        self._is_paused = False
        self.other = self
        self.has_ended = False
        self.is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self.other.is_lost:
            self._transport.abort()
            return
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.other.resume()  # before the writing, which may pause it again
        if self._early:
            self._transport.write(b"".join(self._early))
            self._early.clear()
        if self.other.has_ended:
            self._transport.write_eof()
        self._relay.connected(self)

    def data_received(self, data: bytes) -> None:
        self.other.write(data)
        self._relay.heard(self, data)

    def eof_received(self) -> bool:
        """What the other side has to say may still pass."""
        self.has_ended = True
        if self.other.has_ended:
            self.close()
            self.other.close()
        else:
            self.other.write_eof()
        return True

    def pause_writing(self) -> None:
        self.other.pause()
        self._relay.waits_for(self)

    def resume_writing(self) -> None:
        self.other.resume()
        self._relay.goes_on_with(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.has_ended = self.is_lost = True
        if exc is None:
            self.other.close()
        else:
            self.other.abort()
        self._relay.lost(self)

    # what is asked of this end

    @property
    def is_gone(self) -> bool:
        """Whether it will not be heard of any more, unless it is being connected."""
        return self._transport is None or self.is_lost

    @property
    def _open(self) -> asyncio.Transport | None:
        transport = self._transport
        return None if transport is None or transport.is_closing() else transport

    def write(self, data: bytes) -> None:
        if transport := self._open:
            transport.write(data)
        elif self._transport is None:
            self._early.append(data)
            self._n_early_bytes += len(data)
            if self._n_early_bytes > MAX_EARLY_BYTES:
                self.other.pause()

    def write_eof(self) -> None:
        if transport := self._open:
            transport.write_eof()

    def pause(self) -> None:
        if (transport := self._open) and not self._is_paused:
            self._is_paused = True
            transport.pause_reading()

    def resume(self) -> None:
        if (transport := self._open) and self._is_paused:
            self._is_paused = False
            transport.resume_reading()

    def close(self) -> None:
        """Ends this end when what was written is on its way."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class Relay:
    """Joins a client with the model, and reads along behind: nothing waits for the reading."""

    def __init__(self, host: Host) -> None:
        self.client, self.model = End(self), End(self)
        self.client.other, self.model.other = self.model, self.client
        self._host = host
        self._calls = Calls(host)
        self._conversation: Conversation | None = Conversation(self._calls)
        self._loop = asyncio.get_running_loop()
        self._connecting: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._heard: list[Callable[[], None]] = []
        self._is_draining = False

    def connected(self, end: End) -> None:
        if end is not self.client:
            return
        if self._host.opened(self):
            self._connecting = self._loop.create_task(self._connect())
        else:
            self.client.abort()

    async def _connect(self) -> None:
        try:
            await self._host.connect(self.model)
        except (OSError, TimeoutError):
            self.client.abort()  # which is how a client learns that there is nobody

    def waits_for(self, end: End) -> None:
        """An end takes nothing more for now. The model may have its reasons."""
        if end is self.client:
            self._give_up_later()

    def goes_on_with(self, end: End) -> None:
        if end is self.client and not end.other.is_lost:
            self._never_mind()

    def _give_up_later(self) -> None:
        self._never_mind()
        self._deadline = self._loop.call_later(self._host.patience_s, self.break_off)

    def _never_mind(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def lost(self, end: End) -> None:
        """One end is gone; the other may send what it has, for a while."""
        status = CANCELLED if end is self.client else UNAVAILABLE
        self._heard.append(partial(self._calls.break_off_all, status, perf_counter()))
        self._read()
        if not end.other.is_gone:
            self._give_up_later()
            return
        self._never_mind()
        if self._connecting is not None and not self._connecting.done():
            self._connecting.cancel()
            self._connecting.add_done_callback(lambda _: self._host.closed(self))
        else:
            self._host.closed(self)

    def break_off(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
        self.client.abort()
        self.model.abort()

    def drain(self) -> None:
        """Tells the client to go elsewhere with its next call."""
        self._is_draining = True
        self._read()

    # reading along

    def heard(self, end: End, data: bytes) -> None:
        """Remembers what passed, to be read when it has been written."""
        if self._conversation is None:
            return
        if not self._heard:
            self._loop.call_soon(self._read)
        is_client = end is self.client
        hear = self._conversation.hear_client if is_client else self._conversation.hear_model
        self._heard.append(partial(hear, data, perf_counter()))

    def _read(self) -> None:
        heard, self._heard = self._heard, []
        if self._conversation is None:
            return
        try:
            for hear in heard:
                hear()
            if self._is_draining and self._conversation.may_be_spoken_in:
                self._is_draining = False
                self.client.write(GOAWAY)
        except UnreadableError as error:
            self._stop_reading(error.reason)
        except Exception:  # a fault of ours costs what this connection says, never the connection
            log.exception("a gRPC connection is not read any more")
            self._stop_reading(Unread.FAULT)

    def _stop_reading(self, reason: Unread) -> None:
        self._conversation = None
        self._calls.forget()
        self._host.unread(reason)
