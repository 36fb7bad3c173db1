"""The process in front of a model: it relays, and has a recorder beside it in another process.

It imports nothing that decodes, stores or publishes. The recorder may die and be started again;
what is relayed does not notice.
"""

import asyncio
import gc
import logging
import os
import random
import secrets
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from monitor.collector.capture import CaptureLimits
from monitor.collector.frames import Frames
from monitor.collector.handover import Handover
from monitor.collector.listening import bound
from monitor.collector.loops import loop_factory, on_signals
from monitor.collector.proxy import Proxy, ProxyLimits
from monitor.collector.resident import unmap_libraries
from monitor.collector.tally import Tally
from monitor.flags import Address
from monitor.telemetry import logs

if TYPE_CHECKING:
    from monitor.collector.grpc.proxy import GrpcProxy

    AnyProxy = Proxy | GrpcProxy

log = logging.getLogger(__name__)

GRACE_S = 10.0
FLUSH_S = 5.0
LEAVE_S = 7.0
"""What a recorder gets for its end: its own time for flushing, and a little more."""
TELL_S = 0.25
RESTART_S = (0.0, 0.5, 1.0, 2.0, 5.0)
"""Before each start of a recorder, the last again and again; one that lived long begins anew."""
LONG_LIFE_S = 60.0
SAID_WHY = 2
"""The exit code after what only people can mend. Whatever else ends a recorder at its start, a lack
of memory say, is no reason to end the proxy."""
SPARING = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(4 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(8 * 1024 * 1024),
}
"""Variables that keep a recorder's allocators from keeping memory for each of its many threads, of
which one does most of the work; but what a batch takes is kept for the next one. To ask the kernel
for every message's pages anew, which it clears, takes as long as half of all that is done to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """upstream, grpc_upstream: the model server, over HTTP/1.1 and over gRPC, or None.

    arguments: of this process, for the recorder to read the rest from.
    """

    upstream: Address | None
    listen: Address
    grpc_upstream: Address | None
    grpc_listen: Address
    ingest: Address
    arguments: Sequence[str]


class RecorderDiedError(Exception):
    """The first recorder ended by itself, having said why."""


class _Link(asyncio.Protocol):
    """The proxy's end of the connection to one recorder."""

    def __init__(self, handover: Handover) -> None:
        self._handover = handover
        self._frames = Frames()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._handover.connected(cast("asyncio.Transport", transport).write)

    def data_received(self, data: bytes) -> None:
        for frame in self._frames.feed(data):
            self._handover.received(*frame)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._handover.disconnected()


class RecorderProcess:
    """Keeps one recorder running."""

    def __init__(self, arguments: Sequence[str], handover: Handover, ingest: socket.socket) -> None:
        self._arguments = arguments
        self._handover = handover
        self._ingest = ingest
        self._id = secrets.token_hex(8)
        self._ending = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        """Until `end`. Raises RecorderDiedError where the first one says that it cannot begin."""
        n_short_lives = 0
        while not self._ending.is_set():
            await asyncio.sleep(RESTART_S[min(n_short_lives, len(RESTART_S) - 1)])
            began = time.monotonic()
            exit_code = await self._live()
            if self._ending.is_set():
                return
            if self._handover.wanted.paths is None and exit_code == SAID_WHY:
                raise RecorderDiedError
            log.error("the recorder ended with exit code %d and is started again", exit_code)
            n_short_lives = 0 if time.monotonic() - began > LONG_LIFE_S else n_short_lives + 1

    async def _live(self) -> int:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "monitor", *self._arguments),
                *("--beside", f"{theirs.fileno()},{self._ingest.fileno()},{self._id}"),
                pass_fds=(theirs.fileno(), self._ingest.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                env={**SPARING, **os.environ},
            )
        transport, _ = await asyncio.get_running_loop().create_connection(
            lambda: _Link(self._handover), sock=ours
        )
        try:
            return await self._process.wait()
        finally:
            transport.abort()
            await asyncio.sleep(0)  # the handover learns of it in the loop's next turn

    async def end(self) -> None:
        """Gives the recorder time to finish, and no more."""
        self._ending.set()
        await self._handover.end(FLUSH_S)
        if self._process is None:
            return
        try:
            await asyncio.wait_for(self._process.wait(), LEAVE_S)
        except TimeoutError:
            log.warning("the recorder did not end in time; what it had spooled is kept")
            with suppress(ProcessLookupError):
                self._process.kill()


def run(settings: Settings) -> int:
    """Relays until SIGTERM or Ctrl-C, then finishes what was begun; an exit code."""
    logs.configure()
    gc.freeze()  # what is imported stays: collections need not look at it again
    unmap_libraries()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_serve(settings))


async def _serve(settings: Settings) -> int:
    stop = on_signals()
    handover = Handover(CaptureLimits(), Tally())
    with bound(settings.ingest) as ingest:
        recorder = RecorderProcess(settings.arguments, handover, ingest)
        proxies = await _start_proxies(settings, handover)
        return await _until(stop, proxies, recorder, handover)


async def _start_proxies(settings: Settings, handover: Handover) -> "list[AnyProxy]":
    bits = random.Random(secrets.randbits(128))  # noqa: S311 - ids need to differ, no more

    def new_id() -> bytes:
        return b"%032x" % bits.getrandbits(128)

    proxies: list[AnyProxy] = []
    if upstream := settings.upstream:
        proxy = Proxy(upstream, handover, clock=time.time, new_id=new_id, limits=ProxyLimits())
        await proxy.start(bound(settings.listen))
        log.info("http://%s passes on to http://%s", settings.listen, upstream)
        proxies.append(proxy)
    if upstream := settings.grpc_upstream:
        from monitor.collector.grpc.proxy import GrpcLimits, GrpcProxy  # noqa: PLC0415 - if asked

        limits = GrpcLimits()
        grpc = GrpcProxy(upstream, handover, clock=time.time, new_id=new_id, limits=limits)
        await grpc.start(bound(settings.grpc_listen))
        log.info("gRPC at %s is passed on to %s", settings.grpc_listen, upstream)
        proxies.append(grpc)
    return proxies


async def _until(
    stop: asyncio.Event,
    proxies: "Sequence[AnyProxy]",
    recorder: RecorderProcess,
    handover: Handover,
) -> int:
    """2 where the recorder could not begin: it has said why."""
    running = asyncio.create_task(recorder.run())
    others = [asyncio.create_task(stop.wait()), asyncio.create_task(_tell(handover))]
    await asyncio.wait([running, others[0]], return_when=asyncio.FIRST_COMPLETED)
    log.info("stopping")
    await asyncio.gather(*(proxy.stop(GRACE_S) for proxy in proxies))
    await recorder.end()
    for task in (running, *others):
        task.cancel()
    ended, *_ = await asyncio.gather(running, *others, return_exceptions=True)
    return 2 if isinstance(ended, RecorderDiedError) else 0


async def _tell(handover: Handover) -> None:
    while True:
        await asyncio.sleep(TELL_S)
        handover.tell()
