"""`driftmeter aggregate`."""

import argparse
import os
import signal
import socket
import threading
import time
from contextlib import ExitStack, closing

from prometheus_client import CollectorRegistry

from detectors.backend.choice import AUTO, choose
from monitor import exposition, flags, logs, tracing
from monitor.aggregate.counting import Aggregator
from monitor.aggregate.following import Follower
from monitor.aggregate.poller import Poller
from monitor.aggregate.tally import Tally
from monitor.aggregate.worker import Worker
from monitor.kafka import Broker, BrokerUnavailableError
from monitor.messages import Topics
from monitor.metrics import Instruments
from monitor.publishing import Publisher
from monitor.records import TopicsError
from monitor.store import ArtifactStore, References

REGISTRY_TIMEOUT_S = 30.0

_EXAMPLES = """\
examples:
  driftmeter aggregate
      reads from a Kafka broker at 127.0.0.1:9092
  driftmeter aggregate --broker kafka-1:9092,kafka-2:9092 --store s3://models/references
      one of any number of replicas: they share the partitions among them
  driftmeter aggregate --flush 10s
      publishes less often: fewer messages, later reports
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "aggregate",
        help="count predictions and labels into profiles",
        description="Reads predictions and labels from Kafka, counts them into profiles, joins "
        "labels to predictions. Start as many as there are partitions, at most.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flags.add_broker(parser)
    flags.add_store(parser)
    flags.add_metrics(parser, "127.0.0.1:9102")
    parser.add_argument(
        "--flush",
        metavar="DURATION",
        type=flags.duration,
        default=2.0,
        help="how often profiles are published (default 2s)",
    )
    parser.add_argument(
        "--device",
        default=AUTO,
        metavar="auto|cpu|cuda",
        help="where rows are counted: auto takes a GPU for large batches where there is one "
        "(pip install 'driftmeter[gpu]'); the counts are the same (default auto)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    logs.configure()
    choose(args.device, n_values=1)  # a device that is not to be had is said now, not later
    tracing.configure("aggregate")
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    broker = flags.broker(args)
    broker.create_topics()
    registry = CollectorRegistry()
    ready = threading.Event()
    with exposition.serve(args.metrics, registry, lambda: _reason(ready)):
        _aggregate(broker, args, registry, ready, stopping)
    tracing.shutdown()
    return 0


def _aggregate(
    broker: Broker,
    args: argparse.Namespace,
    registry: CollectorRegistry,
    ready: threading.Event,
    stopping: threading.Event,
) -> None:
    client_id = f"driftmeter-aggregate-{socket.gethostname()}-{os.getpid()}"
    tally = Tally(Instruments(registry))
    aggregator = Aggregator(
        broker.topics, References(ArtifactStore(args.store)), tally, device=args.device
    )
    with ExitStack() as stack:
        follower = stack.enter_context(closing(Follower(broker, client_id=client_id)))
        if not follower.catch_up(timeout_s=REGISTRY_TIMEOUT_S):
            raise BrokerUnavailableError(f"the topic {broker.topics.monitors} cannot be read")
        publisher = stack.enter_context(closing(Publisher(broker, client_id=client_id)))
        _check_partitions(broker.topics, publisher)
        consumer = broker.consumer(
            broker.topics.predictions,
            broker.topics.labels,
            client_id=client_id,
            group=f"{broker.topics.prefix}aggregate",
        )
        poller = stack.enter_context(Poller(consumer, lambda: _rewind(follower, time.time())))
        worker = Worker(
            broker.topics, poller, follower, aggregator, publisher, tally, flush_s=args.flush
        )
        ready.set()
        while not stopping.is_set():
            worker.tick(now=time.time(), elapsed=time.monotonic())
        worker.flush(time.time())


def _check_partitions(topics: Topics, publisher: Publisher) -> None:
    counts = [publisher.n_partitions(topic) for topic in (topics.predictions, topics.labels)]
    if len(set(counts)) > 1:
        raise TopicsError(
            f"{topics.predictions} has {counts[0]} partitions and {topics.labels} {counts[1]}: "
            "labels are joined partition by partition, so give both the same number"
        )


def _reason(ready: threading.Event) -> str | None:
    return None if ready.is_set() else "the registry of monitors has not been read yet"


def _rewind(follower: Follower, now: float) -> float | None:
    """Since when predictions are wanted for the join: as long ago as a label may come late."""
    horizons = [
        registration.monitor.spec.label_horizon
        for registration in follower.registry.registrations.values()
        if registration.monitor.spec.label is not None
    ]
    return now - max(horizons) if horizons else None
