"""The process that reads, stores and publishes what was captured or is pushed.

Its address answers before all of it is loaded: what decodes and publishes takes half a second to
import, and who asks meanwhile whether it is ready wants to know of the spool.
"""

import argparse
import asyncio
import gc
import logging
import os
import secrets
import socket
import ssl
import sys
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from monitor.collector.access import Access
from monitor.collector.encryption import CertificateFiles, Encryption
from monitor.collector.frames import Counts, Frames, Kind, counts_from_bytes, counts_to_bytes, frame
from monitor.collector.listener import Entrance, Listener
from monitor.collector.listening import bound
from monitor.collector.loops import loop_factory, on_signals
from monitor.collector.resident import unmap_libraries
from monitor.collector.tokens import Tokens
from monitor.collector.wanted import Wanted
from monitor.spool import RealDisk, Spool, SpoolError
from monitor.telemetry import logs

if TYPE_CHECKING:
    from monitor.collector.pipeline import Pipeline

log = logging.getLogger(__name__)

FLUSH_S = 5.0
NICENESS = 5
"""Where the processor is short, the model and the proxy come first; once there is something to do,
since what is still starting holds nobody up."""
GC_THRESHOLD = 20_000
"""A body of 20 kB makes some hundred lists, which hold no cycles: Python's default of 700 would
look for some with every other one."""
SWITCH_INTERVAL_S = 0.0005
"""Python's default of 5 ms is how long the event loop would wait for the threads beside it."""


class _Link(asyncio.Protocol):
    """The recorder's end of the connection to the proxy's process.

    is_orderly: whether the proxy has said that there is nothing more.
    """

    def __init__(self, pipeline: "Pipeline", ended: asyncio.Event) -> None:
        self._pipeline = pipeline
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
                self._pipeline.recorder.hand_in(number, payload, self._settled)
            elif kind == Kind.COUNTS:
                self._pipeline.proxy_counted(counts_from_bytes(payload), number)
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
    _run(_beside(args, link, ingest, collector_id))


def _run(main: Coroutine[Any, Any, None]) -> None:
    logs.configure()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(main)


async def _alone(args: argparse.Namespace) -> None:
    stop = on_signals()
    with bound(args.ingest) as ingest:
        recording = Recording(args, ingest)
        await recording.start(secrets.token_hex(8))
        await stop.wait()
        log.info("stopping")
        await recording.stop(FLUSH_S)


async def _beside(
    args: argparse.Namespace, link: socket.socket, ingest: socket.socket, collector_id: str
) -> None:
    recording = Recording(args, ingest)
    pipeline = await recording.start(collector_id, niceness=NICENESS)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_connection(lambda: _Link(pipeline, ended), sock=link)
    pipeline.registry.watch(lambda: protocol.want(pipeline.wanted()))
    protocol.want(pipeline.wanted())
    await ended.wait()
    # A proxy that was killed may begin again at once, and then wants the spool for itself.
    await recording.stop(FLUSH_S if protocol.is_orderly else 0.0)


class Recording:
    """The spool and the address at once; then, loaded beside them, what stands between them."""

    def __init__(self, args: argparse.Namespace, ingest: socket.socket) -> None:
        self._args = args
        self._access = Access(
            tokens=Tokens(args.ingest_token_file) if args.ingest_token_file else None,
            needs_certificate=args.ingest_client_ca is not None,
        )
        self._spool = Spool(RealDisk(args.spool), limit_bytes=args.spool_limit)
        self._entrance = Entrance(self._is_ready)
        self._listener = Listener(self._entrance, ingest, _encryption(args))
        self._pipeline: Pipeline | None = None

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
        return bool(self._args.upstream or self._args.grpc_upstream)

    async def start(self, collector_id: str, *, niceness: int = 0) -> "Pipeline":
        """Returns once everything runs; the address answers before. niceness: of the pipeline."""
        self._listener.start()
        load = asyncio.get_running_loop().run_in_executor(None, self._load, collector_id)
        self._pipeline = pipeline = await load
        gc.freeze()  # what is imported stays: collections need not look at it again
        gc.set_threshold(GC_THRESHOLD)
        unmap_libraries()
        os.nice(niceness)  # threads that are started later inherit it
        pipeline.start()
        self._entrance.open(pipeline.application)
        scheme = "http" if self._args.ingest_certificate is None else "https"
        address = self._args.ingest
        log.info("rows are pushed to %s://%s/v1/predictions and /v1/labels", scheme, address)
        return pipeline

    def _load(self, collector_id: str) -> "Pipeline":
        from monitor.collector.pipeline import Pipeline  # noqa: PLC0415 - see the module's docstring

        return Pipeline(self._args, self._spool, self._access, collector_id)

    async def stop(self, publish_s: float) -> None:
        """Spools what is here, and publishes for so long; the rest is for the next process."""
        await self._listener.stop()
        if self._pipeline is not None:
            await self._pipeline.stop(FLUSH_S, publish_s)


def _encryption(args: argparse.Namespace) -> ssl.SSLContext | None:
    if args.ingest_certificate is None:
        return None
    files = CertificateFiles(
        certificate=args.ingest_certificate,
        key=args.ingest_key,
        client_ca=args.ingest_client_ca,
    )
    return Encryption(files).context
