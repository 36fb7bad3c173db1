"""The reverse proxy in front of a model server.

HTTP/1.1 with keep-alive, streamed both ways, trailers too. An offer of h2c is ignored, as it may
be; other upgrades become tunnels if the model agrees. Nothing is ever sent twice: a request that
the model server did not answer is a 502, and whether to send it again is the client's decision.
Answers of the proxy's own carry the header `X-Driftmeter-Error`.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from monitor.collector.capture import CaptureLimits, Dropped
from monitor.collector.deadlines import Deadlines
from monitor.collector.downstream import Downstream
from monitor.collector.exchanges import pack
from monitor.collector.heads import Refusal
from monitor.collector.known_heads import KnownHeads
from monitor.collector.relay import Relay
from monitor.collector.request_heads import RequestHead
from monitor.collector.tally import Tally
from monitor.collector.upstream import Pool, PoolLimits
from monitor.collector.wanted import Wanted
from monitor.flags import Address

SWEEP_S = 0.5
BAD_GATEWAY = 502


class Captures(Protocol):
    """Where exchanges go that were seen. wanted: it may change at any time."""

    limits: CaptureLimits
    tally: Tally
    wanted: Wanted

    def put(self, pieces: Sequence[bytes], n_bytes: int) -> None:
        """Takes one packed exchange, or drops it and counts that; never waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyLimits:
    connections: int = 10_000
    deadlines: Deadlines = field(default_factory=Deadlines)
    pool: PoolLimits = field(default_factory=PoolLimits)


class Proxy:
    """Relays requests to `upstream` and captures those that are wanted.

    clock: seconds since 1970. new_id: an id for a request that has none.
    """

    def __init__(
        self,
        upstream: Address,
        captures: Captures,
        *,
        clock: Callable[[], float],
        new_id: Callable[[], bytes],
        limits: ProxyLimits,
    ) -> None:
        self.deadlines = limits.deadlines
        self.is_draining = False
        self.known: KnownHeads[RequestHead] = KnownHeads()
        self._new_id = new_id
        self._limits = limits
        self._captures = captures
        self._tally = captures.tally
        self._clock = clock
        self._pool = Pool(upstream, limits.pool)
        self._connections: set[Downstream] = set()
        self._is_quiet = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Downstream(self), sock=listening, backlog=1024
        )
        self._sweeper = loop.create_task(self._sweep())

    async def stop(self, grace_s: float) -> None:
        """Accepts nothing more, finishes what is on its way, cuts what takes longer than that."""
        self.is_draining = True
        assert self._server is not None
        assert self._sweeper is not None
        self._server.close()
        for connection in list(self._connections):
            connection.drain()
        if self._connections:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_quiet.wait(), grace_s)
        for connection in list(self._connections):
            connection.break_off()
        if self._connections:
            await self._is_quiet.wait()
        self._sweeper.cancel()
        with suppress(asyncio.CancelledError):
            await self._sweeper
        self._pool.close()
        await asyncio.sleep(0)  # transports are closed in the loop's next turn

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            now = loop.time()
            for connection in list(self._connections):
                connection.sweep(now)
            self._pool.sweep(now)

    # what connections need

    def opened(self, connection: Downstream) -> bool:
        self._connections.add(connection)
        return len(self._connections) <= self._limits.connections

    def closed(self, connection: Downstream) -> None:
        self._connections.discard(connection)
        if self.is_draining and not self._connections:
            self._is_quiet.set()

    def refused(self, refusal: Refusal) -> None:
        self._tally.request(refusal.status)

    def relay(self, client: Downstream, head: RequestHead) -> Relay:
        is_wanted = head.method == b"POST" and self._captures.wanted.has_path(head.target)
        return Relay(
            client,
            head,
            self._pool,
            request_id=head.given_id or self._new_id(),
            keep_alive=head.keep_alive and not self.is_draining,
            arrived_at=self._clock(),
            copy_limit_bytes=self._captures.limits.body_bytes if is_wanted else 0,
            done=self._done,
            failed=self._failed,
        )

    def _done(self, relay: Relay) -> None:
        """The answer is on its way to the client; what follows can no longer delay it."""
        answer = relay.answer
        assert answer is not None
        self._tally.request(answer.status)
        self._tally.added(relay.added_s)
        self._capture(relay, answer.status)

    def _failed(self, relay: Relay, refusal: Refusal) -> None:
        """A request that the model server left without an answer is an exchange too; one that its
        client did not say to the end is none."""
        if refusal.status >= BAD_GATEWAY:
            self._capture(relay, refusal.status)

    def _capture(self, relay: Relay, status: int) -> None:
        request, response = relay.request, relay.response
        if not request.limit_bytes:
            return
        if not (request.is_whole and response.is_whole):
            self._tally.drop(Dropped.TOO_LARGE)
            return
        names, answer = self._captures.wanted.headers, relay.answer
        pieces = pack(
            relay.head.target,
            relay.request_id,
            relay.arrived_at,
            relay.finished - relay.started,
            status,
            relay.head.kept(names),
            b"" if answer is None else answer.kept(names),
            request.pieces,
            response.pieces,
        )
        self._captures.put(pieces, request.size_bytes + response.size_bytes)
