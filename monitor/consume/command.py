"""`driftmeter consume`."""

import argparse
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge

from monitor import flags
from monitor.collector.intake import Packing
from monitor.collector.registry import Registry
from monitor.collector.screening import Screening
from monitor.collector.telemetry import Telemetry
from monitor.consume.carrying import Carrier
from monitor.consume.inflow import Inflow
from monitor.consume.places import Places
from monitor.consume.requests import Requests
from monitor.consume.sources import SourceError, Sources
from monitor.consume.worker import Worker
from monitor.kafka.connecting import Broker, BrokerUnavailableError, log_id
from monitor.kafka.publishing import Publisher
from monitor.kafka.records import Partition
from monitor.kafka.security import read_security
from monitor.leaving.hash_key import read_hash_key
from monitor.telemetry import exposition, logs, tracing
from monitor.telemetry.instruments import Instruments
from monitor.telemetry.metrics import CONSUME_LAG, CONSUME_NEW_LOGS

log = logging.getLogger(__name__)

POLL_S = 0.2
RETRY_S = 1.0
REGISTRY_TIMEOUT_S = 30.0
METADATA_AGE_S = 10.0
"""How soon a topic is found that is made later."""

_EXAMPLES = """\
examples:
  driftmeter consume --seldon seldon.default
      pairs Seldon Core 2's topics seldon.default.model.NAME.inputs and .outputs, of all models
      that a monitor is for
  driftmeter consume --predictions scores=free-seats --labels truths=free-seats
      rows of one monitor: JSON objects, lists of them, Arrow streams, CloudEvents
  driftmeter consume --predictions scores --source kafka-of-others:9092 --broker kafka-1:9092
      from another cluster; each message names its monitor in the header or key "monitor"

A row without an id has that of its CloudEvent, or else its message's place: TOPIC/PARTITION/OFFSET.
Start as many as the topics have partitions, at most: they share them. What was delivered before a
crash is not delivered again.
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "consume",
        help="take predictions from other topics of Kafka",
        description="Reads predictions and labels from topics of others and carries them over "
        "into Driftmeter's, for the monitors that are declared for them.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_sources(parser)
    flags.add_broker(parser)
    flags.add_hash_key(parser)
    flags.add_metrics(parser, "127.0.0.1:9103")
    parser.set_defaults(run=run)


def _add_sources(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("sources")
    for kind in ("predictions", "labels"):
        group.add_argument(
            f"--{kind}",
            metavar="TOPIC[=MONITOR]",
            action="append",
            default=[],
            help=f"a topic with rows of {kind}; may be given several times",
        )
    group.add_argument(
        "--seldon",
        metavar="PREFIX",
        action="append",
        default=[],
        help="what Seldon Core 2's topics begin with, such as seldon.default",
    )
    group.add_argument(
        "--source",
        metavar="HOST:PORT[,…]",
        help="addresses of the brokers that have these topics (default: those of --broker)",
    )
    group.add_argument(
        "--source-security",
        metavar="FILE",
        type=Path,
        help="like --broker-security, for --source (default: plain text)",
    )
    group.add_argument(
        "--group",
        metavar="NAME",
        help="of the consumers that share the topics (default: the topic prefix and 'consume')",
    )


def run(args: argparse.Namespace) -> int:
    logs.configure()
    sources = Sources.of_flags(args.predictions, args.labels, args.seldon)
    tracing.configure("consume")
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    broker = flags.broker(args)
    broker.create_topics()
    ours = [topic for topic in broker.topics.all() if sources.of(topic)]
    if ours and args.source is None:
        raise SourceError(f"{ours[0]} is a topic of Driftmeter's own")
    registry = CollectorRegistry()
    ready = threading.Event()
    with exposition.serve(args.metrics, registry, lambda: _reason(ready)):
        _consume(broker, sources, args, registry, ready, stopping)
    tracing.shutdown()
    return 0


def _consume(
    broker: Broker,
    sources: Sources,
    args: argparse.Namespace,
    metrics: CollectorRegistry,
    ready: threading.Event,
    stopping: threading.Event,
) -> None:
    client_id = f"driftmeter-consume-{socket.gethostname()}-{os.getpid()}"
    group = args.group or f"{broker.topics.prefix}consume"
    telemetry, instruments = Telemetry(metrics), Instruments(metrics)
    hash_key = None if args.hash_key_file is None else read_hash_key(args.hash_key_file)
    screening = Screening(telemetry, hash_key=hash_key)
    requests = Requests()
    packing = Packing(collector_id=client_id, clock=time.time, screening=screening)
    with ExitStack() as stack:
        registry = _followed(broker, client_id, stack)
        for topic, source in sources.rows.items():
            if source.name is not None and source.name not in registry.monitors.by_name:
                log.warning("%s waits until there is a monitor %r", topic, source.name)
        publisher = stack.enter_context(closing(Publisher(broker, client_id=client_id)))
        consumer = _source(broker, args).consumer(
            client_id=client_id, group=group, metadata_age_s=METADATA_AGE_S
        )
        stack.callback(consumer.close, autocommit=False)
        inflow = Inflow(
            consumer,
            sources,
            requests,
            Places(broker, client_id=client_id),
            group=group,
            log_of=partial(log_id, consumer),
            tell_anew=_counting_new_logs(instruments),
        )
        carrier = Carrier(packing, requests, broker.topics)
        worker = Worker(inflow, registry, carrier, publisher, telemetry, broker.topics)
        ready.set()
        _carry_over(worker, inflow, instruments.gauge(CONSUME_LAG), stopping)


def _carry_over(worker: Worker, inflow: Inflow, lag: Gauge, stopping: threading.Event) -> None:
    while not stopping.is_set():
        if not worker.tick(elapsed=time.monotonic(), timeout_s=POLL_S):
            stopping.wait(RETRY_S)
        lag.clear()  # of topics that are another member's now
        for topic, n in inflow.lag().items():
            lag.labels(topic).set(n)


def _counting_new_logs(instruments: Instruments) -> Callable[[Partition], None]:
    counter = instruments.counter(CONSUME_NEW_LOGS)
    return lambda at: counter.labels(at.topic, str(at.partition)).inc()


def _followed(broker: Broker, client_id: str, stack: ExitStack) -> Registry:
    """The monitors in force, once they are known."""
    registry = Registry(broker, client_id=client_id)
    known = threading.Event()
    registry.watch(lambda: known.set() if registry.is_loaded else None)
    registry.start()
    stack.callback(registry.stop, 5.0)
    if not known.wait(REGISTRY_TIMEOUT_S):
        raise BrokerUnavailableError(f"the topic {broker.topics.monitors} cannot be read")
    return registry


def _source(broker: Broker, args: argparse.Namespace) -> Broker:
    if args.source is None:
        return broker
    security = read_security(args.source_security) if args.source_security else {}
    return replace(broker, servers=tuple(args.source.split(",")), security=security)


def _reason(ready: threading.Event) -> str | None:
    return None if ready.is_set() else "the registry of monitors has not been read yet"
