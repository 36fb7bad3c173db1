"""Everything between a capture or a push and Kafka, put together. Importing it takes a while."""

import argparse
import asyncio
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from prometheus_client import CollectorRegistry

from monitor import flags
from monitor.collector.access import Access
from monitor.collector.capture import Capture, CaptureLimits
from monitor.collector.configuration import shown
from monitor.collector.envelope import Envelope
from monitor.collector.frames import Counts
from monitor.collector.ingest import Application
from monitor.collector.intake import Intake
from monitor.collector.logged_rows import LoggedRows
from monitor.collector.metering import Metering
from monitor.collector.pairing import PairingLimits
from monitor.collector.publisher import Publisher
from monitor.collector.push import Push
from monitor.collector.recorder import Recorder
from monitor.collector.registry import Registry
from monitor.collector.sagemaker_captures import SageMakerCaptures
from monitor.collector.screening import Screening
from monitor.collector.sink import Sink
from monitor.collector.small_pushes import SmallPushes
from monitor.collector.telemetry import Telemetry
from monitor.collector.wanted import Wanted
from monitor.decoders import DECODERS
from monitor.leaving.hash_key import read_hash_key
from monitor.spool import Spool, SpoolError
from monitor.telemetry import tracing
from monitor.tenants.namespaces import Namespaces
from monitor.tenants.quotas import quotas_of


class Pipeline:
    """The parts that decode, store and publish; `application` takes what is pushed."""

    def __init__(
        self, args: argparse.Namespace, spool: Spool, access: Access, collector_id: str
    ) -> None:
        tracing.configure("collect")
        broker = flags.broker(args)
        client_id, topics = f"driftmeter-{collector_id}", broker.topics
        self._args = args
        self._spool = spool
        self.telemetry = Telemetry(CollectorRegistry())
        self.registry = Registry(
            broker, client_id=client_id, namespaces=Namespaces.of(args.namespace or None)
        )
        metering = Metering(quotas_of(args.quotas), self.telemetry, clock=time.monotonic)
        self._capture = Capture(CaptureLimits(), self.telemetry.count_dropped)
        before = list(spooled(spool))
        intake = Intake(
            spool,
            collector_id=collector_id,
            clock=time.time,
            screening=Screening(self.telemetry, hash_key=_hash_key(args)),
            stored=messages_by_batch(before, collector_id),
            metering=metering,
        )
        self.recorder = Recorder(
            self._capture, self.registry, intake, self.telemetry, topics, metering=metering
        )
        self._publisher = Publisher(
            spool,
            broker,
            self.telemetry,
            client_id=client_id,
            clock=time.time,
            metering=metering,
        )
        push = Push(
            self.registry,
            intake,
            self.telemetry,
            topics,
            clock=time.time,
            metering=metering,
            known_keys=[envelope.key for envelope in before if envelope.key is not None],
        )
        self._sink = Sink(self._capture, self.telemetry, PairingLimits(), clock=time.time)
        self.application = self._application(push, access)
        self._n_proxy_bytes = 0
        self._show()

    def _application(self, push: Push, access: Access) -> Application:
        return Application(
            push,
            SmallPushes(push, clock=time.time),
            LoggedRows(push, clock=time.time),
            SageMakerCaptures(push, self.recorder, self.telemetry, clock=time.time),
            self._sink,
            self.telemetry,
            access,
            shown(self._args),
        )

    def _show(self) -> None:
        show = self.telemetry
        show.queue_bytes.set_function(lambda: self._capture.size_bytes + self._n_proxy_bytes)
        show.spool_bytes.set_function(lambda: self._spool.size_bytes)
        show.spool_limit_bytes.set(self._args.spool_limit)
        show.spool_age.set_function(lambda: self._publisher.age_s)
        show.spool_torn_bytes.inc(self._spool.n_torn_bytes)

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

    async def stop(self, flush_s: float, publish_s: float) -> None:
        """Spools what is here, and publishes for so long; the rest is for the next process.

        flush_s: for all of it together.
        """
        await self._sink.stop()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._flush, flush_s, publish_s)
        self.application.close()

    def _flush(self, flush_s: float, publish_s: float) -> None:
        deadline = time.monotonic() + flush_s
        self.recorder.stop(flush_s)
        with suppress(SpoolError, TimeoutError):  # what was not stored has been counted
            self._spool.append([]).result(max(deadline - time.monotonic(), 0.0))
        if self._publisher.stop(min(max(deadline - time.monotonic(), 0.0), publish_s)):
            self._spool.close()
        self.registry.stop(max(deadline - time.monotonic(), 0.0))
        tracing.shutdown()


def _hash_key(args: argparse.Namespace) -> bytes | None:
    return None if args.hash_key_file is None else read_hash_key(args.hash_key_file)


def spooled(spool: Spool) -> Iterator[Envelope]:
    """What this process and those before it have stored last."""
    for record in spool.tail():
        with suppress(ValueError):  # what is not an envelope is the publisher's to say
            yield Envelope.from_bytes(record.payload)


def messages_by_batch(envelopes: Iterable[Envelope], collector_id: str) -> Mapping[int, int]:
    """How many messages of each batch were stored last by this collector's recorder before."""
    return Counter(
        envelope.batch
        for envelope in envelopes
        if envelope.collector == collector_id and envelope.batch is not None
    )
