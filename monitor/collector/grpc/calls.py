"""The calls that are open on one gRPC connection, each held until its answer is complete."""

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Protocol

from monitor.collector.capture import CaptureLimits, Dropped
from monitor.collector.grpc.frames import Unread, UnreadableError
from monitor.collector.grpc.messages import PREFIX_BYTES, http_status
from monitor.collector.heads import Headers

MAX_CALLS = 10_000
CANCELLED, UNAVAILABLE = 499, 503
"""How a call ended that its client, or the model, broke off."""
OVERHEAD_BYTES = 512
"""What a block of headers costs beside the bytes that are kept of it."""


@dataclass(slots=True)
class Side:
    """What one side said: of its headers those worth keeping, and the bytes of its messages."""

    headers: Headers = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    size_bytes: int = 0


@dataclass(slots=True, kw_only=True)
class Call:
    """One call.

    is_wanted: to be captured; until what is said is too large, or there is no room for it.
    started, finished: seconds, on the clock of whoever tells.
    status: as HTTP has it. is_answered: it is the model's own word.
    """

    started: float
    is_wanted: bool
    path: bytes = b""
    finished: float = 0.0
    status: int = 0
    is_answered: bool = False
    request: Side = field(default_factory=Side)
    response: Side = field(default_factory=Side)
    held_bytes: int = 0


@dataclass(slots=True)
class Room:
    """Bytes that all calls of all connections together may hold."""

    limit_bytes: int
    used_bytes: int = 0

    def take(self, n_bytes: int) -> bool:
        if self.used_bytes + n_bytes > self.limit_bytes:
            return False
        self.used_bytes += n_bytes
        return True


class Watcher(Protocol):
    """Who wants to know of calls. headers: names of those that are worth keeping."""

    limits: CaptureLimits
    room: Room

    @property
    def headers(self) -> Set[bytes]: ...

    def wants(self, path: bytes) -> bool: ...

    def lost(self, reason: Dropped) -> None: ...

    def finished(self, call: Call) -> None: ...


class Calls:
    """Follows calls by the streams that they have.

    What belongs to a stream that is not open is ignored: either side may be late to learn of its
    end.
    """

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._open: dict[int, Call] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._open)

    def open(self, stream: int, headers: Headers, now: float) -> None:
        """A request's headers came. Its trailers, which mean nothing in gRPC, may come too."""
        if stream <= self._last:
            return
        if len(self._open) == MAX_CALLS:
            raise UnreadableError(Unread.TOO_MANY_CALLS)
        self._last = stream
        named = dict(headers)
        path = named.get(b":path", b"")
        is_grpc = named.get(b"content-type", b"").startswith(b"application/grpc")
        call = Call(started=now, is_wanted=is_grpc and self._watcher.wants(path))
        self._open[stream] = call
        if call.is_wanted:
            call.path = path
            self._keep(call, call.request, headers)

    def answer(self, stream: int, headers: Headers, now: float, *, ends: bool) -> None:
        """Headers or trailers of a response came."""
        call = self._open.get(stream)
        if call is None:
            return
        named = dict(headers)
        status, grpc_status = named.get(b":status", b""), named.get(b"grpc-status")
        if status.startswith(b"1") and not ends:
            return  # an interim answer
        if call.status and not ends:
            raise UnreadableError(Unread.BAD_FRAME)
        if grpc_status is not None:
            call.status, call.is_answered = http_status(grpc_status), True
        elif not call.status:
            call.status = int(status) if len(status) == 3 and status.isdigit() else UNAVAILABLE
        if call.is_wanted:
            self._keep(call, call.response, headers)
        if ends:
            self.end(stream, now)

    def side(self, stream: int, *, is_request: bool) -> Side | None:
        """Where the bytes of a wanted call's side belong."""
        call = self._open.get(stream)
        if call is None or not call.is_wanted:
            return None
        return call.request if is_request else call.response

    def make_room(self, stream: int, n_bytes: int, *, is_request: bool) -> bool:
        """Whether so many bytes more of a call's side are wanted, and may be held."""
        side = self.side(stream, is_request=is_request)
        if side is None:
            return False
        call = self._open[stream]
        side.size_bytes += n_bytes
        if side.size_bytes > self._watcher.limits.body_bytes + PREFIX_BYTES:
            self._lose(call, Dropped.TOO_LARGE)
        else:
            self._hold(call, n_bytes)
        return call.is_wanted

    def end(self, stream: int, now: float) -> None:
        """The response is complete."""
        call = self._open.pop(stream, None)
        if call is not None:
            call.finished = now
            self._release(call)
            self._watcher.finished(call)

    def break_off(self, stream: int, status: int, now: float) -> None:
        """A side has reset the stream."""
        if stream in self._open:
            call = self._open[stream]
            call.status, call.is_answered = status, False
            self.end(stream, now)

    def break_off_all(self, status: int, now: float) -> None:
        """A side is gone."""
        for stream in list(self._open):
            self.break_off(stream, status, now)

    def forget(self) -> None:
        """Nothing more will be known of those that are open."""
        for call in self._open.values():
            self._release(call)
        self._open.clear()

    def _keep(self, call: Call, side: Side, headers: Headers) -> None:
        kept = [pair for pair in headers if pair[0] in self._watcher.headers]
        self._hold(call, OVERHEAD_BYTES + sum(len(name) + len(value) for name, value in kept))
        if call.is_wanted:
            side.headers += kept

    def _hold(self, call: Call, n_bytes: int) -> None:
        if self._watcher.room.take(n_bytes):
            call.held_bytes += n_bytes
        else:
            self._lose(call, Dropped.QUEUE_FULL)

    def _lose(self, call: Call, reason: Dropped) -> None:
        call.is_wanted = False
        self._release(call)
        call.request, call.response = Side(), Side()
        self._watcher.lost(reason)

    def _release(self, call: Call) -> None:
        self._watcher.room.used_bytes -= call.held_bytes
        call.held_bytes = 0
