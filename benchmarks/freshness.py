"""From the end of a window to its report, on the way of a row from Kafka to SQL.

Rows of 20 numbers come at a steady rate, in batches of 1,000 as collectors send them, with the time
of their coming; windows of a few seconds follow one another. A report is late by what passes
between the end of its window, by the clock, and its being in the database (SQLite): the way to the
next row, `--flush` of aggregate, and what detect takes. aggregate and detect are processes of their
own; the broker is the embedded one.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from sqlalchemy import select

from benchmarks.aggregate import N_COLUMNS, fit, headers, schema
from benchmarks.aggregate import registration as registered
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
WINDOW_S = 5.0
PARTITIONS = 4


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


def feed(broker: Broker, rows_per_s: int, seconds: float) -> None:
    publisher, step_s = Publisher(broker, client_id="bench"), BATCH / rows_per_s
    began = time.time()
    for number in range(round(seconds / step_s)):
        due = began + (number + 1) * step_s
        time.sleep(max(0.0, due - time.time()))
        topic, value = broker.topics.predictions, batch(number, time.time(), step_s)
        publisher.deliver([Message(topic, None, value, headers(ARROW), number % PARTITIONS)])
    publisher.close()


def late(database: Database) -> Iterator[float]:
    """Of every window but the first, from its end to its report, in seconds."""
    t = tables.reports
    with database.read() as connection:
        rows = connection.execute(
            select(t.c.window_end, t.c.created_at).order_by(t.c.window_start)
        ).all()
    return (row.created_at - row.window_end for row in rows[1:])


def measure(folder: Path, rows_per_s: int, seconds: float) -> dict[str, float]:
    reference, url = fit(N_COLUMNS), f"sqlite:///{folder / 'bench.db'}"
    ArtifactStore(str(folder / "store")).put(reference.to_bytes())
    database, one = open_database(url), windowed(reference)
    with database.write() as connection:
        registry.put(connection, one.monitor, 0.0)
        registry.activate(connection, one, reference.id, reference.schema)
    with Supervisor(folder / "logs") as processes:
        port = free_port()
        processes.start("broker", embedded.command(port), ready=f"tcp://127.0.0.1:{port}")
        broker = Broker(
            servers=(f"127.0.0.1:{port}",),
            topics=Topics(embedded.fresh_prefix()),
            partitions=PARTITIONS,
        )
        broker.create_topics()
        publisher = Publisher(broker, client_id="bench")
        publisher.deliver([Message(broker.topics.monitors, one.key, one.to_bytes())])
        publisher.close()
        shared = (
            *("--broker", broker.servers[0], "--topic-prefix", broker.topics.prefix),
            *("--store", str(folder / "store")),
        )
        roles = {
            "aggregate": ("--state", str(folder / "state"), "--flush", "1s"),
            "detect": ("--database", url, "--idle", "10s"),
        }
        for role, flags in roles.items():
            metrics = f"127.0.0.1:{free_port()}"
            command = [sys.executable, "-m", "monitor", role, *shared, *flags]
            processes.start(
                role, [*command, "--metrics", metrics], ready=f"http://{metrics}/readyz"
            )
        feed(broker, rows_per_s, seconds)
    found = np.array(list(late(database)))
    database.engine.dispose()
    names = {"p50_s": 50.0, "p90_s": 90.0, "p99_s": 99.0}
    told = {name: round(float(np.percentile(found, q)), 2) for name, q in names.items()}
    return {"rows_per_s": rows_per_s, "windows": len(found), **told}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=int, default=10_000, help="rows a second (default 10000)")
    parser.add_argument("--seconds", type=float, default=300.0, help="of traffic (default 300)")
    parser.add_argument("--quick", action="store_true", help="a minute")
    parser.add_argument("--out", type=Path, help="where to write JSON")
    args = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(machine)
    with tempfile.TemporaryDirectory() as folder:
        row = measure(Path(folder), args.rate, 60.0 if args.quick else args.seconds)
    print("".join(f"{name} {value:<12,}" for name, value in row.items()))
    if args.out:
        args.out.write_text(json.dumps({"machine": machine, "rows": [row]}, indent=1))


if __name__ == "__main__":
    main()
