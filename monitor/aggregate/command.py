"""`driftmeter aggregate`."""

import argparse
import os
import signal
import socket
import threading
import time
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry

from detectors.backend.choice import AUTO, choose
from monitor import flags
from monitor.aggregate.attempts import Attempts
from monitor.aggregate.counting import Aggregator, Limits
from monitor.aggregate.following import Follower
from monitor.aggregate.layout import Layout
from monitor.aggregate.limits import DEFAULT_LIMIT, DeadLetterLimit
from monitor.aggregate.poller import Poller
from monitor.aggregate.progress import Progress
from monitor.aggregate.tally import Tally
from monitor.aggregate.worker import Worker
from monitor.kafka.connecting import Broker, BrokerUnavailableError, log_id
from monitor.kafka.publishing import Publisher
from monitor.kafka.record_batches import read_in_batches
from monitor.sql.store import ArtifactStore, References
from monitor.telemetry import exposition, logs, tracing
from monitor.telemetry.instruments import Instruments

REGISTRY_TIMEOUT_S = 30.0

MAX_REFERENCES = 4_096
"""Kept in memory; one of 100 columns takes three MiB. Those beyond are read again and again."""

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
    _add_limits(parser)
    parser.set_defaults(run=run)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--state",
        metavar="FOLDER",
        type=Path,
        default=Path(os.environ.get("DRIFTMETER_AGGREGATE_STATE", f"{flags.DATA}/aggregate")),
        help="where the label join remembers, and what record was being read when the process "
        "died; nothing in it needs keeping (env DRIFTMETER_AGGREGATE_STATE; default %(default)s)",
    )
    parser.add_argument(
        "--join-limit",
        metavar="SIZE",
        type=flags.size,
        default=flags.size("256MiB"),
        help="what the label join of each partition may take of it; beyond, the oldest "
        "predictions are forgotten and counted (default 256MiB)",
    )
    parser.add_argument(
        "--dead-letter-limit",
        metavar="RUN,RATIO|none",
        type=dead_letter_limit,
        default=DEFAULT_LIMIT,
        help="a partition stops when so many messages one after the other, or such a share of "
        "the last 1,000, cannot be read (default 100,0.05)",
    )


def dead_letter_limit(text: str) -> DeadLetterLimit | None:
    """An argparse type: "100,0.05" is a run and a ratio; "none" is no limit."""
    if text == "none":
        return None
    run, comma, ratio = text.partition(",")
    try:
        limit = DeadLetterLimit(run=int(run), ratio=float(ratio) if comma else 1.0)
    except ValueError:
        limit = DeadLetterLimit(run=0)
    if limit.run < 1 or not 0 <= limit.ratio <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not RUN,RATIO, such as 100,0.05, or none")
    return limit


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


def _limits(args: argparse.Namespace) -> Limits:
    return Limits(
        device=args.device,
        dead_letters=args.dead_letter_limit,
        join_folder=args.state,
        join_bytes=args.join_limit,
    )


def _aggregate(
    broker: Broker,
    args: argparse.Namespace,
    registry: CollectorRegistry,
    ready: threading.Event,
    stopping: threading.Event,
) -> None:
    client_id = f"driftmeter-aggregate-{socket.gethostname()}-{os.getpid()}"
    tally = Tally(Instruments(registry))
    limits = _limits(args)
    references = References(ArtifactStore(args.store), capacity=MAX_REFERENCES, for_counting=True)
    with ExitStack() as stack:
        attempts = stack.enter_context(closing(Attempts(args.state)))
        aggregator = Aggregator(broker.topics, references, tally, limits=limits, attempts=attempts)
        follower = stack.enter_context(closing(Follower(broker, client_id=client_id)))
        if not follower.catch_up(timeout_s=REGISTRY_TIMEOUT_S):
            raise BrokerUnavailableError(f"the topic {broker.topics.monitors} cannot be read")
        publisher = stack.enter_context(closing(Publisher(broker, client_id=client_id)))
        Layout(broker.topics, publisher).check()
        poller = stack.enter_context(_poller(broker, client_id, follower, limits))
        progress = stack.enter_context(closing(Progress(broker, client_id=client_id)))
        worker = Worker(
            broker.topics,
            poller,
            follower,
            aggregator,
            publisher,
            tally,
            flush_s=args.flush,
            tell=progress.tell,
        )
        ready.set()
        while not stopping.is_set():
            worker.tick(now=time.time(), elapsed=time.monotonic())
        worker.flush(time.time())


def _poller(broker: Broker, client_id: str, follower: Follower, limits: Limits) -> Poller:
    topics = broker.topics
    consumer = broker.consumer(client_id=client_id, group=f"{topics.prefix}aggregate")
    read_in_batches(consumer)
    return Poller(
        consumer,
        [topics.predictions, topics.labels],
        lambda: _rewind(follower, time.time()),
        overlap=2 * limits.segment_size,
        log_of=partial(log_id, consumer),
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
