"""The logger sink: what KServe's and Seldon Core's payload loggers send, as captured exchanges."""

import asyncio
import math
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from urllib.parse import quote

from monitor.collector.capture import Capture, Dropped
from monitor.collector.cloudevents import Event
from monitor.collector.pairing import Pair, Pairing, PairingLimits, side
from monitor.collector.telemetry import Telemetry
from monitor.collector.tokens import ALL, Monitors
from monitor.decoders import Exchange
from monitor.decoders.exchange import ORPHANED, Headers

SWEEP_S = 1.0
SNIFFED_BYTES = 16 * 1024
GZIP_MAGIC = b"\x1f\x8b"

# The protocols that Seldon Core names, by the path that its models have.
_PATHS = {
    "tensorflow": "/v1/models/{model}:predict",
    "v2": "/v2/models/{model}/infer",
    "seldon": "/seldon/{namespace}/{model}/api/v1.0/predictions",
    "grpc": "/inference.GRPCInferenceService/ModelInfer",
}


class Sink:
    """Pairs logged events and captures the exchanges that they make; on the event loop only.

    What waits here is in memory, and lost with the process: most of it would be before it came,
    since the loggers hold their queues in memory too and send nothing twice.
    """

    def __init__(
        self,
        capture: Capture,
        telemetry: Telemetry,
        limits: PairingLimits,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._capture = capture
        self._telemetry = telemetry
        self._pairing = Pairing(limits)
        self._clock = clock
        self._sweeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep())

    async def stop(self) -> None:
        """Hands on what still waits for its other side."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeper
        self._hand_on(self._pairing.close())

    def take(self, events: Sequence[Event], *, now: float, may_push: Monitors = ALL) -> None:
        """now: seconds of a clock that never goes back. may_push: the monitors that the caller may
        push to; what turns out to be another's is nobody's.
        """
        for event in events:
            event_side = side(event)
            if event_side is None:
                continue
            if len(event.data) > self._capture.limits.body_bytes:
                self._telemetry.count_dropped(Dropped.TOO_LARGE)
                continue
            self._hand_on(self._pairing.add(event, event_side, now=now, may_push=may_push))
        self._hand_on(self._pairing.expired(now=now))

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            self.take([], now=loop.time())

    def _hand_on(self, pairs: Sequence[Pair]) -> None:
        for pair in pairs:
            made = exchange(pair, arrived_at=self._clock())
            if self._capture.put(made, made.size_bytes):
                self._telemetry.captured.inc()


def exchange(pair: Pair, *, arrived_at: float) -> Exchange:
    """The exchange that was logged; loggers log no answers but those of status 200.

    arrived_at: where the events do not say it.
    """
    sides = [event for event in (pair.request, pair.response) if event is not None]
    known = sides[0]
    return Exchange(
        path=_path(sides),
        request_id=known.attributes.get("requestid", known.id),
        arrived_at=arrived_at if known.time is None else known.time,
        latency_s=_latency_s(pair),
        status=200 if len(sides) == 2 else ORPHANED,
        request_headers=_headers(pair.request),
        response_headers=_headers(pair.response),
        request=_body(pair.request),
        response=_body(pair.response),
        may_push=pair.may_push,
    )


def _latency_s(pair: Pair) -> float:
    """NaN where it is not known."""
    match pair:
        case Pair(Event(time=float(asked)), Event(time=float(answered))):
            return max(answered - asked, 0.0)
    return math.nan


def _body(event: Event | None) -> Sequence[bytes]:
    return [] if event is None else [event.data]


def _headers(event: Event | None) -> Headers:
    """KServe logs a compressed body as it came, without the header that says so."""
    is_packed = event is not None and event.data.startswith(GZIP_MAGIC)
    return [(b"content-encoding", b"gzip")] if is_packed else []


def _path(sides: Sequence[Event]) -> str:
    """The path that the request had, as far as it matters: loggers leave it out."""
    attributes = sides[0].attributes
    protocol = attributes.get("protocol") or _sniffed(sides)
    return _PATHS.get(protocol, _PATHS["tensorflow"]).format(
        model=quote(attributes.get("inferenceservicename", ""), safe=""),
        namespace=quote(attributes.get("namespace", ""), safe="") or "default",
    )


def _sniffed(sides: Sequence[Event]) -> str:
    """KServe does not name the protocol; a tensor of V2 names its datatype, which V1 does not.

    Calls of gRPC are logged as the frames that they are.
    """
    if any(_is_grpc(event.data) for event in sides):
        return "grpc"
    is_v2 = any(b'"datatype"' in _beginning(event.data) for event in sides)
    return "v2" if is_v2 else "tensorflow"


def _is_grpc(data: bytes) -> bool:
    """Whether this is one message behind its frame: a flag, and the length of what follows."""
    return data[:1] in (b"\0", b"\1") and int.from_bytes(data[1:5]) == len(data) - 5


def _beginning(data: bytes) -> bytes:
    if not data.startswith(GZIP_MAGIC):
        return data[:SNIFFED_BYTES]
    with suppress(zlib.error):  # the decoder says what is wrong with it
        return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS).decompress(data, SNIFFED_BYTES)
    return b""
