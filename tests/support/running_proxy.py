"""A proxy on an event loop of its own, within the test's process."""

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count, starmap

from monitor.collector.capture import CaptureLimits
from monitor.collector.exchanges import unpack
from monitor.collector.grpc.proxy import GrpcLimits, GrpcProxy
from monitor.collector.listening import bound
from monitor.collector.loops import loop_factory
from monitor.collector.proxy import Proxy, ProxyLimits
from monitor.collector.registry import ALWAYS_KEPT
from monitor.collector.tally import Tally
from monitor.collector.wanted import Wanted
from monitor.decoders import DECODERS, Exchange
from monitor.flags import Address
from tests.support.http_model import read_message

NewLoop = Callable[[], asyncio.AbstractEventLoop]

NOON = 1_700_000_000.0


class Captured:
    """Keeps what the proxy captures, without a limit."""

    def __init__(self, limits: CaptureLimits) -> None:
        self.limits = limits
        self.tally = Tally()
        paths = [decoder.path.pattern for decoder in DECODERS]
        self.wanted = Wanted(paths, [name.decode() for name in ALWAYS_KEPT])
        self.exchanges: list[Exchange] = []

    def put(self, pieces: Sequence[bytes], n_bytes: int) -> None:
        self.tally.n_captured += 1
        self.exchanges += starmap(Exchange, unpack(b"".join(pieces)))


@dataclass
class RunningProxy:
    """stop: ends it, giving what is on its way so many seconds."""

    address: Address
    captured: Captured
    stop: Callable[[float], None]

    def count(self, name: str, label: str = "") -> int:
        return self.captured.tally.totals()[name, label]

    def connect(self, timeout_s: float = 60.0) -> socket.socket:
        return socket.create_connection((self.address.host, self.address.port), timeout_s)

    def exchange(self, request: bytes) -> bytes:
        """One request on a connection of its own, and its answer."""
        with self.connect() as connection:
            connection.sendall(request)
            return read_message(connection)


def run(
    upstream: Address,
    limits: ProxyLimits | None = None,
    capture_limits: CaptureLimits | None = None,
) -> RunningProxy:
    numbers = count()
    return _run(
        Captured(capture_limits or CaptureLimits()),
        lambda captured: Proxy(
            upstream,
            captured,
            clock=lambda: NOON,
            new_id=lambda: b"id-%d" % next(numbers),
            limits=limits or ProxyLimits(),
        ),
    )


def run_grpc(
    upstream: Address,
    limits: GrpcLimits | None = None,
    capture_limits: CaptureLimits | None = None,
    *,
    kind: type[GrpcProxy] = GrpcProxy,
    new_loop: NewLoop | None = None,
) -> RunningProxy:
    """On the loop that a collector has, unless told otherwise."""
    numbers = count()
    return _run(
        Captured(capture_limits or CaptureLimits()),
        lambda captured: kind(
            upstream,
            captured,
            clock=lambda: NOON,
            new_id=lambda: b"id-%d" % next(numbers),
            limits=limits or GrpcLimits(),
        ),
        new_loop or loop_factory() or asyncio.new_event_loop,
    )


def _run(
    captured: Captured,
    make: Callable[[Captured], Proxy | GrpcProxy],
    new_loop: NewLoop = asyncio.new_event_loop,
) -> RunningProxy:
    loop = new_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    proxy = make(captured)
    listening = bound(Address("127.0.0.1", 0))
    address = Address("127.0.0.1", listening.getsockname()[1])
    asyncio.run_coroutine_threadsafe(proxy.start(listening), loop).result(60)

    def stop(grace_s: float) -> None:
        if not thread.is_alive():
            return
        asyncio.run_coroutine_threadsafe(proxy.stop(grace_s), loop).result(grace_s + 60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()

    return RunningProxy(address, captured, stop)
