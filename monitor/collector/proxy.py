"""The reverse proxy in front of a model server.

HTTP/1.1 with keep-alive, streamed both ways. An offer of h2c is ignored, as it may be; other
upgrades are refused with 501. Trailers end here. Nothing is ever sent twice: a request that the
model server did not answer is a 502, and whether to send it again is the client's decision.
Answers of the proxy's own carry the header `X-Driftmeter-Error`.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from monitor.collector.capture import Capture, Dropped
from monitor.collector.downstream import Deadlines, Downstream
from monitor.collector.heads import Refusal, RequestHead, kept
from monitor.collector.relay import Relay
from monitor.collector.telemetry import Telemetry
from monitor.collector.upstream import Pool, PoolLimits
from monitor.decoders import Exchange, claim
from monitor.flags import Address

SWEEP_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyLimits:
    connections: int = 10_000
    deadlines: Deadlines = field(default_factory=Deadlines)
    pool: PoolLimits = field(default_factory=PoolLimits)


class Proxy:
    """Relays requests to `upstream` and captures those that a decoder can read.

    kept_headers: names of headers, in lower case, that are captured with the bodies; asked for
        each exchange, since monitors come and go.
    clock: seconds since 1970. new_id: an id for a request that has none.
    """

    def __init__(
        self,
        upstream: Address,
        capture: Capture,
        telemetry: Telemetry,
        *,
        kept_headers: Callable[[], frozenset[bytes]],
        clock: Callable[[], float],
        new_id: Callable[[], str],
        limits: ProxyLimits,
    ) -> None:
        self.deadlines = limits.deadlines
        self.is_draining = False
        self.new_id = new_id
        self._limits = limits
        self._capture = capture
        self._telemetry = telemetry
        self._kept_headers = kept_headers
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
        self._telemetry.count_request(refusal.status)

    def relay(self, client: Downstream, head: RequestHead) -> Relay:
        if self.is_draining:
            head.keep_alive = False
        wanted = head.method == b"POST" and claim(head.target) is not None
        return Relay(
            client,
            head,
            self._pool,
            arrived_at=self._clock(),
            copy_limit_bytes=self._capture.limits.body_bytes if wanted else 0,
            done=self._done,
        )

    def _done(self, relay: Relay) -> None:
        """The answer is on its way to the client; what follows can no longer delay it."""
        answer = relay.answer
        assert answer is not None
        self._telemetry.count_request(answer.status)
        self._telemetry.added_latency.observe(relay.added_s)
        if not relay.request.limit_bytes:
            return
        if not (relay.request.is_whole and relay.response.is_whole):
            self._telemetry.count_dropped(Dropped.TOO_LARGE)
            return
        names = self._kept_headers()
        exchange = Exchange(
            path=relay.head.target,
            request_id=relay.head.request_id,
            arrived_at=relay.arrived_at,
            latency_s=relay.finished - relay.started,
            status=answer.status,
            request_headers=kept(relay.head.headers, names),
            response_headers=kept(answer.headers, names),
            request=relay.request.pieces,
            response=relay.response.pieces,
        )
        size = relay.request.size_bytes + relay.response.size_bytes
        if self._capture.put(exchange, size):
            self._telemetry.captured.inc()
