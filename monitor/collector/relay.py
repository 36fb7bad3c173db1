"""One request on its way to the model, and its answer on the way back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

from monitor.collector.heads import Headers, Refusal, chunk, last_chunk
from monitor.collector.request_heads import RequestHead
from monitor.collector.response_heads import ResponseHead

if TYPE_CHECKING:
    from monitor.collector.upstream import Pool, Upstream

MAX_PENDING_BYTES = 64 * 1024


class Client(Protocol):
    """The connection that a request came from.

    is_full: it does not take what is written as fast as it is written. is_paused: nothing is read.
    """

    is_full: bool
    is_paused: bool

    def write(self, data: bytes) -> None: ...

    def update_reading(self) -> None: ...

    def finish(self, *, close: bool) -> None:
        """The answer was written whole; the next request may go on its way."""

    def open_tunnel(self) -> None:
        """What comes from here on is not HTTP any more."""

    def close(self) -> None:
        """Ends the connection when what was written is on its way."""

    def refuse(self, refusal: Refusal) -> None:
        """Answers for the model; the request has no answer yet."""

    def break_off(self) -> None:
        """Cuts the connection: the answer that began cannot be completed."""


@dataclass(slots=True)
class Copy:
    """A body, copied piece by piece for as long as it fits."""

    limit_bytes: int
    pieces: list[bytes]
    size_bytes: int = 0

    def add(self, piece: bytes) -> None:
        self.size_bytes += len(piece)
        if self.size_bytes <= self.limit_bytes:
            self.pieces.append(piece)
        else:
            self.pieces.clear()

    @property
    def is_whole(self) -> bool:
        return self.size_bytes <= self.limit_bytes


Done = Callable[["Relay"], None]
Failed = Callable[["Relay", Refusal], None]


class Relay:
    """Passes the pieces of one request and its answer on as they come.

    Nothing of the request waits for anything but the model server itself; what is copied for the
    capture are references to bytes that are there anyway.
    """

    def __init__(
        self,
        client: Client,
        head: RequestHead,
        pool: "Pool",
        *,
        request_id: bytes,
        keep_alive: bool,
        arrived_at: float,
        copy_limit_bytes: int,
        done: Done,
        failed: Failed,
    ) -> None:
        self.head = head
        self.request_id = request_id
        self.keep_alive = keep_alive
        self.arrived_at = arrived_at
        self.started = perf_counter()
        self.request = Copy(copy_limit_bytes, [])
        self.response = Copy(copy_limit_bytes, [])
        self.answer: ResponseHead | None = None
        self.added_s = 0.0
        self.finished = 0.0
        self.is_read = False
        self.is_sent = False
        self.is_over = False
        self.is_tunnel = False
        self.trailers: Headers = []
        self.answer_trailers: Headers = []
        self._client = client
        self._pool = pool
        self._done = done
        self._failed = failed
        self._upstream: Upstream | None = None
        self._pending: list[bytes] = []
        self._n_pending_bytes = 0
        self._is_upstream_full = False
        self._is_chunked_to_client = False
        self._answered: list[bytes] = []
        self._read_at = 0.0

    # the request's way

    def start(self) -> None:
        self._pool.assign(self)

    def receive(self, piece: bytes) -> None:
        """A piece of the request's body; sent with the next `flush`."""
        self._pending.append(piece)
        self._n_pending_bytes += len(piece)
        self.request.add(piece)

    def end_request(self) -> None:
        """The request was received whole."""
        self.is_read = True
        self._read_at = perf_counter()

    def attach(self, upstream: "Upstream") -> None:
        """The connection over which the request goes, and the answer will come."""
        self._upstream = upstream
        if self._client.is_full:
            upstream.pause_reading()
        self._send((self.head.before, self.request_id, self.head.after))
        if self._client.is_paused:
            self._client.update_reading()

    def flush(self) -> None:
        """Sends on what was received."""
        if self._upstream is not None and not self.is_sent and (self._pending or self.is_read):
            self._send(())

    def _send(self, before: Sequence[bytes]) -> None:
        assert self._upstream is not None
        pieces, self._pending, self._n_pending_bytes = self._pending, [], 0
        if self.head.is_chunked:
            pieces = [chunk(piece) for piece in pieces]
            if self.is_read:
                pieces.append(last_chunk(self.trailers))
        if data := b"".join((*before, *pieces)):
            self._upstream.send(data)
        if self.is_read:
            self.is_sent = True
            self.added_s += perf_counter() - self._read_at

    @property
    def is_holding_back(self) -> bool:
        """Whether the client should wait with the rest of its request."""
        is_undecided = self.head.upgrade is not None and not self.is_tunnel
        return self._is_upstream_full or self._n_pending_bytes > MAX_PENDING_BYTES or is_undecided

    def pause_request(self) -> None:
        self._is_upstream_full = True
        self._client.update_reading()

    def resume_request(self) -> None:
        self._is_upstream_full = False
        self._client.update_reading()

    # the answer's way

    def begin_answer(self, answer: ResponseHead) -> None:
        self.answer = answer
        is_delimited = not answer.has_body or answer.n_body_bytes is not None
        self._is_chunked_to_client = not is_delimited and self.head.is_http_1_1
        if not (is_delimited or self._is_chunked_to_client) or not self.is_read:
            # An HTTP/1.0 client learns the end of a body from the close. And an answer that comes
            # before its request was read leaves bytes of which nobody knows how many will follow.
            self.keep_alive = False
        self._answered.append(
            answer.to_bytes(
                self.request_id, chunked=self._is_chunked_to_client, close=not self.keep_alive
            )
        )

    def pass_answer(self, piece: bytes) -> None:
        """A piece of the answer's body; written with the next `flush_answer`."""
        self.response.add(piece)
        self._answered.append(chunk(piece) if self._is_chunked_to_client else piece)

    def flush_answer(self) -> None:
        """Writes what came of the answer: head and body together, which is one system call."""
        if self._answered and not self.is_over:
            self._client.write(b"".join(self._answered))
            self._answered.clear()

    def end_answer(self, received_at: float) -> None:
        """The answer was received whole, the last of it at `received_at`."""
        if self._is_chunked_to_client:
            self._answered.append(last_chunk(self.answer_trailers))
        self.flush_answer()
        self._upstream = None
        self.is_over = True
        self.finished = perf_counter()
        self.added_s += self.finished - received_at
        self._done(self)
        self._client.finish(close=not self.keep_alive)

    def open_tunnel(self, answer: ResponseHead) -> None:
        """The model speaks the protocol that the client asked for; the two are on their own."""
        self.is_tunnel = True
        self.keep_alive = True
        self.begin_answer(answer)
        self.flush_answer()
        self.finished = perf_counter()
        self._done(self)
        self._client.open_tunnel()

    def tunnel(self, data: bytes) -> None:
        """From the client to the model, as it is."""
        if self._upstream is not None:
            self._upstream.send(data)

    def tunnel_back(self, data: bytes) -> None:
        if not self.is_over:
            self._client.write(data)

    def fail(self, refusal: Refusal) -> None:
        """The model server did not answer, or not to the end."""
        if self.is_over:
            return
        self.is_over = True
        self._drop_upstream()
        if self.is_tunnel:
            self._client.close()
            return
        self.finished = perf_counter()
        self._failed(self, refusal)
        if self.answer is None:
            self._client.refuse(refusal)
        else:
            self._client.break_off()

    def abandon(self) -> None:
        """The client left."""
        self.is_over = True
        self._drop_upstream()

    def _drop_upstream(self) -> None:
        if self._upstream is not None:
            self._upstream.close()
            self._upstream = None

    def pause_answer(self) -> None:
        """The client reads too slowly: so do we."""
        if self._upstream is not None:
            self._upstream.pause_reading()

    def resume_answer(self) -> None:
        if self._upstream is not None:
            self._upstream.resume_reading()
