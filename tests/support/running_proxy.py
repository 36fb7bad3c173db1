"""A proxy on an event loop of its own, within the test's process."""

import asyncio
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from prometheus_client import CollectorRegistry

from monitor.collector.capture import Capture, CaptureLimits
from monitor.collector.ingest import bound
from monitor.collector.proxy import Proxy, ProxyLimits
from monitor.collector.registry import ALWAYS_KEPT
from monitor.collector.telemetry import Telemetry
from monitor.flags import Address
from tests.support.http_model import read_message

NOON = 1_700_000_000.0


@dataclass
class RunningProxy:
    """stop: ends it, giving what is on its way so many seconds."""

    address: Address
    capture: Capture
    registry: CollectorRegistry
    stop: Callable[[float], None]

    def count(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"driftmeter_collector_{name}", labels) or 0.0

    def connect(self, timeout_s: float = 10.0) -> socket.socket:
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
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    registry = CollectorRegistry()
    telemetry = Telemetry(registry)
    capture = Capture(capture_limits or CaptureLimits(), telemetry.count_dropped)
    numbers = count()
    proxy = Proxy(
        upstream,
        capture,
        telemetry,
        kept_headers=lambda: ALWAYS_KEPT,
        clock=lambda: NOON,
        new_id=lambda: f"id-{next(numbers)}",
        limits=limits or ProxyLimits(),
    )
    listening = bound(Address("127.0.0.1", 0))
    address = Address("127.0.0.1", listening.getsockname()[1])
    asyncio.run_coroutine_threadsafe(proxy.start(listening), loop).result(10)

    def stop(grace_s: float) -> None:
        if not thread.is_alive():
            return
        asyncio.run_coroutine_threadsafe(proxy.stop(grace_s), loop).result(grace_s + 10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()

    return RunningProxy(address, capture, registry, stop)
