"""`driftmeter collect`: the sidecar beside a model server."""

import argparse
import asyncio
import gc
import logging
import random
import secrets
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry

from monitor import flags, logs, tracing
from monitor.collector.capture import Capture, CaptureLimits
from monitor.collector.ingest import Application, Ingest, bound
from monitor.collector.intake import Intake
from monitor.collector.pairing import PairingLimits
from monitor.collector.proxy import Proxy, ProxyLimits
from monitor.collector.publisher import Publisher
from monitor.collector.push import Push
from monitor.collector.recorder import Recorder
from monitor.collector.registry import Registry
from monitor.collector.sink import Sink
from monitor.collector.telemetry import Telemetry
from monitor.flags import Address
from monitor.kafka import Broker
from monitor.spool import RealDisk, Spool, SpoolError

log = logging.getLogger(__name__)

GRACE_S = 10.0
FLUSH_S = 5.0
SWITCH_INTERVAL_S = 0.0005
"""Python's default of 5 ms is how long the event loop would wait for the threads beside it."""

EXAMPLES = """\
examples:
  driftmeter collect --upstream http://127.0.0.1:8080
      Clients call http://127.0.0.1:9000 instead of the model server; labels are pushed to
      http://127.0.0.1:9001/v1/labels.

  driftmeter collect --broker kafka-1:9092,kafka-2:9092
      No proxy: predictions and labels are both pushed.

  driftmeter collect --spool /var/spool/driftmeter --spool-limit 8GiB
      While Kafka is away, 8 GiB of predictions and labels wait on this disk. A spool belongs
      to one collector at a time.

  curl 127.0.0.1:9001/v1/labels -d '
    {"monitor": "free-seats", "rows": [{"id": "5f2b…", "label": 17}]}'

The id of a prediction is the X-Request-Id of its request. Where the client sends none, the
collector makes one; either way it is in the answer's header. The rows of a request with several
have ids of their own: 5f2b…/0, 5f2b…/1 and so on.
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "collect",
        help="run a collector beside a model server",
        description="Passes requests on to a model server and sends predictions to Kafka. "
        "What is not in Kafka yet is kept in a spool on disk, over restarts too.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--upstream",
        metavar="URL",
        type=upstream,
        help="the model server, such as http://127.0.0.1:8080; without it nothing is proxied",
    )
    parser.add_argument(
        "--listen",
        metavar="HOST:PORT",
        type=Address.parse,
        default=Address("127.0.0.1", 9000),
        help="where the model's clients connect (default %(default)s)",
    )
    parser.add_argument(
        "--ingest",
        metavar="HOST:PORT",
        type=Address.parse,
        default=Address("127.0.0.1", 9001),
        help="where rows are pushed, and /metrics is (default %(default)s)",
    )
    flags.add_spool(parser)
    flags.add_broker(parser)
    parser.set_defaults(run=run)


def upstream(text: str) -> Address:
    """An argparse type: the address in http://HOST:PORT."""
    url = urlsplit(text)
    if url.scheme != "http" or not url.hostname or url.path not in ("", "/") or url.query:
        raise argparse.ArgumentTypeError(f"{text!r} is not http://HOST:PORT")
    return Address(url.hostname, url.port or 80)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """upstream: None for a collector that only takes pushes."""

    upstream: Address | None
    listen: Address
    ingest: Address
    broker: Broker
    spool: Path
    spool_limit_bytes: int


def run(args: argparse.Namespace) -> int:
    logs.configure()
    tracing.configure("collect")
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.freeze()  # what is imported stays: collections need not look at it again
    settings = Settings(
        upstream=args.upstream,
        listen=args.listen,
        ingest=args.ingest,
        broker=flags.broker(args),
        spool=args.spool,
        spool_limit_bytes=args.spool_limit,
    )
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_collect(settings))
    tracing.shutdown()
    return 0


def _loop_factory() -> Any:
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - there is none for Windows

    return uvloop.new_event_loop


async def _collect(settings: Settings) -> None:
    """Runs until SIGTERM or Ctrl-C, then finishes what was begun."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    collector = Collector(settings)
    await collector.start()
    await stop.wait()
    log.info("stopping")
    await collector.stop()


class Collector:
    """The parts of a collector, put together."""

    def __init__(self, settings: Settings) -> None:
        collector_id = secrets.token_hex(8)
        client_id = f"driftmeter-{collector_id}"
        broker, topics = settings.broker, settings.broker.topics
        self._settings = settings
        self._telemetry = Telemetry(CollectorRegistry())
        self._spool = Spool(RealDisk(settings.spool), limit_bytes=settings.spool_limit_bytes)
        self._registry = Registry(broker, client_id=client_id)
        self._capture = Capture(CaptureLimits(), self._telemetry.count_dropped)
        intake = Intake(self._spool, collector_id=collector_id, clock=time.time)
        self._recorder = Recorder(self._capture, self._registry, intake, self._telemetry, topics)
        self._publisher = Publisher(
            self._spool, broker, self._telemetry, client_id=client_id, clock=time.time
        )
        push = Push(self._registry, intake, self._telemetry, topics, clock=time.time)
        self._sink = Sink(self._capture, self._telemetry, PairingLimits(), clock=time.time)
        application = Application(push, self._sink, self._telemetry, self._is_ready)
        self._ingest = Ingest(application, settings.ingest)
        self._proxy = None if settings.upstream is None else self._make_proxy(settings.upstream)
        self._show()

    def _show(self) -> None:
        show = self._telemetry
        show.queue_bytes.set_function(lambda: self._capture.size_bytes)
        show.spool_bytes.set_function(lambda: self._spool.size_bytes)
        show.spool_limit_bytes.set(self._settings.spool_limit_bytes)
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
        return self._proxy is not None

    def _make_proxy(self, address: Address) -> Proxy:
        bits = random.Random(secrets.randbits(128))  # noqa: S311 - ids need to differ, no more
        return Proxy(
            address,
            self._capture,
            self._telemetry,
            kept_headers=lambda: self._registry.monitors.kept_headers,
            clock=time.time,
            new_id=lambda: f"{bits.getrandbits(128):032x}",
            limits=ProxyLimits(),
        )

    async def start(self) -> None:
        self._registry.start()
        self._recorder.start()
        self._publisher.start()
        self._sink.start()
        self._ingest.start()
        log.info("rows are pushed to http://%s/v1/predictions and /v1/labels", self._ingest.address)
        if self._proxy is not None:
            await self._proxy.start(bound(self._settings.listen))
            log.info(
                "http://%s passes on to http://%s", self._settings.listen, self._settings.upstream
            )

    async def stop(self) -> None:
        if self._proxy is not None:
            await self._proxy.stop(GRACE_S)
        await self._ingest.stop()
        await self._sink.stop()
        await asyncio.get_running_loop().run_in_executor(None, self._flush)

    def _flush(self) -> None:
        deadline = time.monotonic() + FLUSH_S
        self._recorder.stop(FLUSH_S)
        with suppress(SpoolError, TimeoutError):  # what was not stored has been counted
            self._spool.append([]).result(max(deadline - time.monotonic(), 0.0))
        if self._publisher.stop(max(deadline - time.monotonic(), 0.0)):
            self._spool.close()
        self._registry.stop(max(deadline - time.monotonic(), 0.0))
