"""`driftmeter detect`."""

import argparse
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack, closing

from prometheus_client import CollectorRegistry

from monitor import flags
from monitor.adapters import allowed
from monitor.detect import state
from monitor.detect.examining import Examiner
from monitor.detect.judging import Judge
from monitor.detect.keeper import STRAGGLER_S, Keeper
from monitor.detect.source import Source
from monitor.detect.worker import Tally, Worker
from monitor.kafka.publishing import Publisher
from monitor.sql.database import Database, OwnedError, Ownership, claim, open_database
from monitor.sql.store import ArtifactStore, References
from monitor.telemetry import exposition, logs, tracing
from monitor.telemetry.instruments import Instruments

ROLE = "detect"

_EXAMPLES = """\
examples:
  driftmeter detect
      reads profiles from a Kafka broker at 127.0.0.1:9092, keeps its state in SQLite
  driftmeter detect --broker kafka:9092 --database postgresql://driftmeter@db/driftmeter
      keeps its state in PostgreSQL
  driftmeter detect --idle 5m
      a source may be silent for five minutes before windows close without it
  driftmeter detect --allow-alibi 4f1c…=/detectors/tram --alibi-python /opt/alibi/bin/python
      monitors may ask a detector that was trained and saved with alibi-detect
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "detect",
        help="make windows of profiles and decide whether they drift",
        description="Adds profiles up to windows, compares them with their reference, and keeps "
        "reports, alerts and notifications in SQL. One detect works on a database at a time.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flags.add_broker(parser)
    flags.add_database(parser)
    flags.add_store(parser)
    flags.add_metrics(parser, "127.0.0.1:9103")
    parser.add_argument(
        "--idle",
        metavar="DURATION",
        type=flags.duration,
        default=30.0,
        help="after which a silent source no longer holds windows open (default 30s)",
    )
    parser.add_argument(
        "--straggler",
        metavar="DURATION",
        type=flags.duration,
        default=STRAGGLER_S,
        help="a source whose rows are older than those of others by so much holds no window open: "
        "its clock may be wrong; its rows are counted in their windows all the same (default 1h)",
    )
    parser.add_argument(
        "--standby",
        action="store_true",
        help="while another detect works on the database wait, and take over when it stops; "
        "without it, a second one is refused",
    )
    parser.add_argument(
        "--base-url",
        metavar="URL",
        default=os.environ.get("DRIFTMETER_BASE_URL"),
        help="where people reach the pages, for links in notifications (env DRIFTMETER_BASE_URL)",
    )
    allowed.add_flags(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    logs.configure()
    tracing.configure(ROLE)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    database = open_database(args.database)
    registry = CollectorRegistry()
    ready = threading.Event()
    with exposition.serve(args.metrics, registry, lambda: _reason(ready, standby=args.standby)):
        holder = f"{socket.gethostname()}, process {os.getpid()}"
        ownership = own(database, ROLE, holder, stopping, standby=args.standby)
        if ownership is not None:
            _detect(database, ownership, args, registry, ready, stopping)
    tracing.shutdown()
    return 0


def own(
    database: Database,
    role: str,
    holder: str,
    stopping: threading.Event,
    *,
    standby: bool = False,
    poll_s: float = 0.5,
) -> Ownership | None:
    """The ownership of a role's state; None if we are to stop while waiting for it.

    A lease that an owner left behind when it was killed is waited for. One that is renewed has
    a living owner: that is waited for too on `standby`, and otherwise raises OwnedError.
    """
    first = None
    while not stopping.is_set():
        with database.write() as connection:
            found = claim(connection, role, holder, time.time())
        if found.ownership is not None:
            return found.ownership
        if not standby and first is not None and found.expires_at > first.expires_at:
            raise OwnedError(
                f"another {role} ({found.holder}) works on this database: stop that one first, "
                "or give this one another --database"
            )
        first = first or found
        stopping.wait(poll_s)
    return None


def _detect(
    database: Database,
    ownership: Ownership,
    args: argparse.Namespace,
    registry: CollectorRegistry,
    ready: threading.Event,
    stopping: threading.Event,
) -> None:
    broker = flags.broker(args)
    broker.create_topics()
    instruments = Instruments(registry)
    references = References(ArtifactStore(args.store))
    client_id = f"driftmeter-detect-{socket.gethostname()}-{os.getpid()}"
    keeper = Keeper(
        database,
        ownership,
        broker.topics,
        Judge(references),
        started_at=time.time(),
        idle_s=args.idle,
        straggler_s=args.straggler,
        base_url=args.base_url,
    )
    with database.read() as connection:
        offsets = state.read_offsets(connection, broker.topics.profiles)
        logs = state.read_logs(connection, broker.topics.profiles)
    with ExitStack() as stack:
        source = stack.enter_context(
            closing(Source(broker, offsets, logs=logs, client_id=client_id))
        )
        publisher = stack.enter_context(closing(Publisher(broker, client_id=client_id)))
        tally = Tally(instruments)
        worker = Worker(
            broker.topics,
            source,
            keeper,
            publisher,
            tally,
            clock=time.time,
            elapsed=time.monotonic,
        )
        examiner = Examiner(database, references, allowed.allowed_by(args), instruments)
        examining = _beside(lambda: examiner.run(stopping))
        ready.set()
        while not stopping.is_set():
            worker.tick()
            if examining.done():
                examining.result()  # it ends by a failure alone, which is ours then
    with database.write() as connection:
        ownership.release(connection, time.time())


def _beside(work: Callable[[], None]) -> "Future[None]":
    """Work on a thread that nobody waits for when the process ends."""
    future: Future[None] = Future()

    def run() -> None:
        try:
            work()
            future.set_result(None)
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            future.set_exception(error)

    threading.Thread(target=run, name="examining", daemon=True).start()
    return future


def _reason(ready: threading.Event, *, standby: bool) -> str | None:
    """Why it is not ready. Standing by is what a second one is there for, and so is ready."""
    if ready.is_set() or standby:
        return None
    return "another detect may still own this database"
