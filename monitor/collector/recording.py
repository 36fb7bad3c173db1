"""The process that reads, stores and publishes what was captured or is pushed."""

import argparse
import asyncio
import gc
import logging
import os
import re
import secrets
import socket
import sys
import time
from collections import Counter
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any, cast

from prometheus_client import CollectorRegistry

from monitor import flags, logs, tracing
from monitor.collector.capture import Capture, CaptureLimits
from monitor.collector.envelope import Envelope
from monitor.collector.frames import Counts, Frames, Kind, counts_from_bytes, counts_to_bytes, frame
from monitor.collector.ingest import Application, Ingest
from monitor.collector.intake import Intake
from monitor.collector.listening import bound
from monitor.collector.loops import loop_factory, on_signals
from monitor.collector.pairing import PairingLimits
from monitor.collector.publisher import Publisher
from monitor.collector.push import Push
from monitor.collector.recorder import Recorder
from monitor.collector.registry import Registry
from monitor.collector.sink import Sink
from monitor.collector.telemetry import Telemetry
from monitor.collector.tokens import Tokens
from monitor.collector.wanted import Wanted
from monitor.decoders import DECODERS
from monitor.spool import RealDisk, Spool, SpoolError

log = logging.getLogger(__name__)

FLUSH_S = 5.0
NICENESS = 5
"""Where the processor is short, the model and the proxy come first; once there is something to do,
since what is still starting holds nobody up."""
SWITCH_INTERVAL_S = 0.0005
"""Python's default of 5 ms is how long the event loop would wait for the threads beside it."""


class _Link(asyncio.Protocol):
    """The recorder's end of the connection to the proxy's process.

    is_orderly: whether the proxy has said that there is nothing more.
    """

    def __init__(self, recording: "Recording", ended: asyncio.Event) -> None:
        self._recording = recording
        self._ended = ended
        self.is_orderly = False
        self._frames = Frames()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        for kind, number, payload in self._frames.feed(data):
            if kind == Kind.BATCH:
                self._recording.recorder.hand_in(number, payload, self._settled)
            elif kind == Kind.COUNTS:
                self._recording.proxy_counted(counts_from_bytes(payload), number)
            elif kind == Kind.END:
                self.is_orderly = True
                self._ended.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._ended.set()

    def want(self, wanted: Wanted) -> None:
        """May be called by any thread, as may `_settled`."""
        self._say(frame(Kind.WANTED, 0, [wanted.to_bytes()]))

    def _settled(self, number: int, outcome: Counts) -> None:
        self._say(frame(Kind.SETTLED, number, [counts_to_bytes(outcome)]))

    def _say(self, data: bytes) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody is there to be told
            self._loop.call_soon_threadsafe(self._write, data)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


def run_alone(args: argparse.Namespace) -> None:
    """Takes pushes and events until SIGTERM or Ctrl-C, then finishes what was begun."""
    _run(_alone(args))


def run_beside(
    args: argparse.Namespace, link: socket.socket, ingest: socket.socket, collector_id: str
) -> None:
    """Takes captures too, until the proxy has no more or is gone."""
    os.nice(NICENESS)
    _run(_beside(args, link, ingest, collector_id))


def _run(main: Coroutine[Any, Any, None]) -> None:
    logs.configure()
    tracing.configure("collect")
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.freeze()  # what is imported stays: collections need not look at it again
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(main)
    tracing.shutdown()


async def _alone(args: argparse.Namespace) -> None:
    stop = on_signals()
    with bound(args.ingest) as ingest:
        recording = Recording(args, ingest, secrets.token_hex(8))
        recording.start()
        await stop.wait()
        log.info("stopping")
        await recording.stop(FLUSH_S)


async def _beside(
    args: argparse.Namespace, link: socket.socket, ingest: socket.socket, collector_id: str
) -> None:
    recording = Recording(args, ingest, collector_id)
    recording.start()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_connection(lambda: _Link(recording, ended), sock=link)
    recording.registry.watch(lambda: protocol.want(recording.wanted()))
    protocol.want(recording.wanted())
    await ended.wait()
    # A proxy that was killed may begin again at once, and then wants the spool for itself.
    await recording.stop(FLUSH_S if protocol.is_orderly else 0.0)


class Recording:
    """The parts of this process, put together."""

    def __init__(self, args: argparse.Namespace, ingest: socket.socket, collector_id: str) -> None:
        broker = flags.broker(args)
        client_id, topics = f"driftmeter-{collector_id}", broker.topics
        self._args = args
        self.telemetry = Telemetry(CollectorRegistry())
        self._spool = Spool(RealDisk(args.spool), limit_bytes=args.spool_limit)
        self.registry = Registry(broker, client_id=client_id)
        self._capture = Capture(CaptureLimits(), self.telemetry.count_dropped)
        intake = Intake(
            self._spool,
            collector_id=collector_id,
            clock=time.time,
            stored=messages_by_batch(self._spool, collector_id),
        )
        self.recorder = Recorder(self._capture, self.registry, intake, self.telemetry, topics)
        self._publisher = Publisher(
            self._spool, broker, self.telemetry, client_id=client_id, clock=time.time
        )
        push = Push(self.registry, intake, self.telemetry, topics, clock=time.time)
        self._sink = Sink(self._capture, self.telemetry, PairingLimits(), clock=time.time)
        tokens = Tokens(args.ingest_token_file) if args.ingest_token_file else None
        application = Application(push, self._sink, self.telemetry, self._is_ready, tokens)
        self._ingest = Ingest(application, ingest)
        self._n_proxy_bytes = 0
        self._show()

    def _show(self) -> None:
        show = self.telemetry
        show.queue_bytes.set_function(lambda: self._capture.size_bytes + self._n_proxy_bytes)
        show.spool_bytes.set_function(lambda: self._spool.size_bytes)
        show.spool_limit_bytes.set(self._args.spool_limit)
        show.spool_age.set_function(lambda: self._publisher.age_s)
        show.spool_torn_bytes.inc(self._spool.n_torn_bytes)

    def _is_ready(self) -> bool:
        """Whether there is something to be had here.

        A dead broker changes nothing: rows wait on the disk. A disk that fails ends the pushes,
        but a collector with a model behind it still has that to serve. Asking tries the disk
        again, since nobody else may while it is not ready.
        """
        if not self._spool.is_failing:
            return True
        with suppress(SpoolError):
            self._spool.append([])
        return bool(self._args.upstream)

    def proxy_counted(self, counts: Counts, n_queue_bytes: int) -> None:
        self.telemetry.add(counts)
        self._n_proxy_bytes = n_queue_bytes

    def wanted(self) -> Wanted:
        monitors = self.registry.monitors
        mapped = [re.escape(path) for path in monitors.by_path]
        return Wanted(
            paths=[*(decoder.path.pattern for decoder in DECODERS), *mapped],
            headers=sorted(name.decode() for name in monitors.kept_headers),
            is_ready=self.registry.is_loaded,
        )

    def start(self) -> None:
        self.registry.start()
        self.recorder.start()
        self._publisher.start()
        self._sink.start()
        self._ingest.start()
        address = self._args.ingest
        log.info("rows are pushed to http://%s/v1/predictions and /v1/labels", address)

    async def stop(self, publish_s: float) -> None:
        """Spools what is here, and publishes for so long; the rest is for the next process."""
        await self._ingest.stop()
        await self._sink.stop()
        await asyncio.get_running_loop().run_in_executor(None, self._flush, publish_s)

    def _flush(self, publish_s: float) -> None:
        deadline = time.monotonic() + FLUSH_S
        self.recorder.stop(FLUSH_S)
        with suppress(SpoolError, TimeoutError):  # what was not stored has been counted
            self._spool.append([]).result(max(deadline - time.monotonic(), 0.0))
        if self._publisher.stop(min(max(deadline - time.monotonic(), 0.0), publish_s)):
            self._spool.close()
        self.registry.stop(max(deadline - time.monotonic(), 0.0))


def messages_by_batch(spool: Spool, collector_id: str) -> Mapping[int, int]:
    """How many messages of each batch were stored last by this collector's recorder before."""
    counts: Counter[int] = Counter()
    for record in spool.tail():
        with suppress(ValueError):  # what is not an envelope is the publisher's to say
            envelope = Envelope.from_bytes(record.payload)
            if envelope.collector == collector_id and envelope.batch is not None:
                counts[envelope.batch] += 1
    return counts
