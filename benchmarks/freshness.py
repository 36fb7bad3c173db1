"""From the end of a window to its report, on the way of a row from Kafka to SQL; and the memory.

Rows of 20 numbers come at a steady rate, in batches of 1,000 as collectors send them, with the time
of their coming; windows of a few seconds follow one another. A report is late by what passes
between the end of its window, by the clock, and its being in the database (SQLite): the way to the
next row, `--flush` of aggregate, and what detect takes. aggregate and detect are processes of their
own; the broker is the embedded one unless --broker names another, which an hour of rows is for: the
embedded one keeps them all in memory.

What the two have resident is looked at all the time. The first third of it is warm-up; `grown` is
by how much the median of the last tenth of the rest is above that of its first.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
from sqlalchemy import select

from benchmarks.aggregate import N_COLUMNS, fit, headers, schema
from benchmarks.aggregate import registration as registered
from benchmarks.processes import resident_mib
from detectors.reference import Reference
from monitor import batches
from monitor.kafka import embedded
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import ARROW, Registration, Topics
from monitor.kafka.publishing import Message, Publisher
from monitor.spec.model import Monitor
from monitor.sql import registry, tables
from monitor.sql.database import Database, open_database
from monitor.sql.store import ArtifactStore
from monitor.up.supervisor import Supervisor, free_port

BATCH = 1_000
ROLES = ("aggregate", "detect")
PARTITIONS = 4
LOOKED_AT_S = 5.0
"""How often memory is."""


def windowed(reference: Reference) -> Registration:
    """A monitor of short windows that wait for nobody."""
    one = registered(reference)
    document = one.monitor.to_json()
    document["spec"] = {"reference": "training.parquet", "windows": ["5s"], "lateness": "0s"}
    return Registration(
        monitor=Monitor.model_validate(document),
        revision=1,
        state="active",
        reference_id=reference.id,
        schema=reference.schema,
    )


def batch(number: int, at: float, duration_s: float) -> bytes:
    """Rows of the time up to `at`."""
    rng = np.random.default_rng(number)
    columns = {f.name: pa.array(rng.normal(size=BATCH)) for f in schema(N_COLUMNS)}
    conformed = batches.conform(columns, schema(N_COLUMNS), n=BATCH)
    times = at - duration_s + np.arange(BATCH) * duration_s / BATCH
    ids = [f"{number}-{i}" for i in range(BATCH)]
    return batches.encode(batches.predictions(ids, times, [None] * BATCH, conformed))


def feed(broker: Broker, rows_per_s: int, seconds: float) -> Iterator[float]:
    """Sends rows for so long; says after every batch for how long it has."""
    publisher, step_s = Publisher(broker, client_id="bench"), BATCH / rows_per_s
    began = time.time()
    for number in range(round(seconds / step_s)):
        due = began + (number + 1) * step_s
        time.sleep(max(0.0, due - time.time()))
        topic, value = broker.topics.predictions, batch(number, time.time(), step_s)
        publisher.deliver([Message(topic, None, value, headers(ARROW), number % PARTITIONS)])
        yield time.time() - began
    publisher.close()


def grown(mib: Sequence[float]) -> dict[str, float]:
    """Of a process's memory, looked at again and again: how much it is, and how much it grew."""
    warm = np.array(mib[len(mib) // 3 :])
    tenth = max(1, len(warm) // 10)
    first, last = float(np.median(warm[:tenth])), float(np.median(warm[-tenth:]))
    return {
        "mib": round(last),
        "most_mib": round(max(mib)),
        "grown_percent": round(100 * (last / first - 1), 1),
    }


def late(database: Database) -> Iterator[float]:
    """Of every window but the first, from its end to its report, in seconds."""
    t = tables.reports
    with database.read() as connection:
        rows = connection.execute(
            select(t.c.window_end, t.c.created_at).order_by(t.c.window_start)
        ).all()
    return (row.created_at - row.window_end for row in rows[1:])


def measure(
    folder: Path, rows_per_s: int, seconds: float, server: str | None
) -> Iterator[dict[str, float | str]]:
    """How late the reports were, then of each process what memory it had."""
    reference, url = fit(N_COLUMNS), f"sqlite:///{folder / 'bench.db'}"
    ArtifactStore(str(folder / "store")).put(reference.to_bytes())
    database, one = open_database(url), windowed(reference)
    with database.write() as connection:
        registry.put(connection, one.monitor, 0.0)
        registry.activate(connection, one, reference.id, reference.schema)
    with ExitStack() as stack:
        servers = stack.enter_context(Supervisor(folder / "servers"))
        broker = _broker(servers, server, one)
        processes = stack.enter_context(Supervisor(folder / "logs"))
        pids = {role: _start(processes, role, broker, folder, url) for role in ROLES}
        looked = _watched(feed(broker, rows_per_s, seconds), pids)
    found = np.array(list(late(database)))
    database.engine.dispose()
    names = {"p50_s": 50.0, "p90_s": 90.0, "p99_s": 99.0, "most_s": 100.0}
    told = {name: round(float(np.percentile(found, q)), 2) for name, q in names.items()}
    yield {"what": "late", "rows_per_s": rows_per_s, "windows": len(found), **told}
    for role, mib in looked.items():
        yield {"what": role, **grown(mib)}


def _broker(servers: Supervisor, server: str | None, one: Registration) -> Broker:
    """With topics of its own, that knows of the monitor."""
    if server is None:
        port = free_port()
        servers.start("broker", embedded.command(port), ready=f"tcp://127.0.0.1:{port}")
        server = f"127.0.0.1:{port}"
    topics = Topics(embedded.fresh_prefix())
    broker = Broker(servers=(server,), topics=topics, partitions=PARTITIONS)
    broker.create_topics()
    publisher = Publisher(broker, client_id="bench")
    publisher.deliver([Message(topics.monitors, one.key, one.to_bytes())])
    publisher.close()
    return broker


def _start(processes: Supervisor, role: str, broker: Broker, folder: Path, url: str) -> int:
    """The process id of a role that is ready."""
    flags = {
        "aggregate": ("--state", str(folder / "state"), "--flush", "1s"),
        "detect": ("--database", url, "--idle", "10s"),
    }
    metrics = f"127.0.0.1:{free_port()}"
    command = [
        *(sys.executable, "-m", "monitor", role, *flags[role], "--metrics", metrics),
        *("--broker", broker.servers[0], "--topic-prefix", broker.topics.prefix),
        *("--store", str(folder / "store")),
    ]
    processes.start(role, command, ready=f"http://{metrics}/readyz")
    return processes.pid(role)


def _watched(feeding: Iterator[float], pids: Mapping[str, int]) -> dict[str, list[float]]:
    """What the processes have resident while they are fed, in MiB."""
    looked: dict[str, list[float]] = {role: [] for role in pids}
    for elapsed in feeding:
        if elapsed >= LOOKED_AT_S * len(looked[ROLES[0]]):
            for role, pid in pids.items():
                looked[role].append(resident_mib(pid))
    return looked


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=int, default=10_000, help="rows a second (default 10000)")
    parser.add_argument("--seconds", type=float, default=300.0, help="of traffic (default 300)")
    parser.add_argument("--broker", help="host:port of a Kafka; without, the embedded broker")
    parser.add_argument("--quick", action="store_true", help="a minute")
    parser.add_argument("--out", type=Path, help="where to write JSON")
    args = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(machine)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        seconds = 60.0 if args.quick else args.seconds
        for row in measure(Path(folder), args.rate, seconds, args.broker):
            rows.append(row)
            numbers = "".join(f"{k} {v:<12,}" for k, v in row.items() if not isinstance(v, str))
            print(f"{row['what']:<16}{numbers}", flush=True)
    if args.out:
        args.out.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
