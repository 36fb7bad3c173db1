"""What counting costs by the number of monitors and of columns: time, memory, and what is written.

Each case runs in a process of its own, without a broker. Messages have 20 rows and go to one
monitor after the other. `row_us` is processor time for a row, decoding included; `flush_ms` that
of one flush in which every monitor has changed, `flush_mib` what it writes; `mib` what the process
holds beyond what it was given, the reference excluded, which all monitors share here;
`reference_kib` is what one reference, of 2,000 rows, takes in the store.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry

from benchmarks.aggregate import START, arrow, fit, headers, registration
from benchmarks.processes import resident_mib
from monitor.aggregate.counting import Aggregator, Limits
from monitor.aggregate.tally import Tally
from monitor.aggregate.worker import parts_of
from monitor.kafka.messages import ARROW, Topics
from monitor.kafka.records import Partition, Record
from monitor.sql.store import ArtifactStore, References
from monitor.telemetry.instruments import Instruments

MONITORS = (1, 100, 1_000)
COLUMNS = (10, 100, 1_000)
N_ROWS = 20
VALUES = 4_000_000
"""Counted in each case, at least: more where every monitor needs a message."""

Row = dict[str, float]


def case(n_monitors: int, n_columns: int) -> Row:
    reference = fit(n_columns, n_rows=2_000)
    with tempfile.TemporaryDirectory() as folder:
        store = ArtifactStore(folder)
        store.put(reference.to_bytes())
        references = References(store)
        references.get(reference.id)
    registrations = {f"m{i}": registration(reference, f"m{i}") for i in range(n_monitors)}
    n = max(n_monitors, min(1_900, VALUES // (N_ROWS * n_columns)))
    values = [arrow(i, reference, N_ROWS) for i in range(-(-n // n_monitors))]
    records = [
        Record(
            "t.predictions", 0, i, START + 60, values[i // n_monitors],
            headers(ARROW, f"m{i % n_monitors}"),
        )
        for i in range(n)
    ]  # fmt: skip
    tally = Tally(Instruments(CollectorRegistry()))
    aggregator = Aggregator(Topics("t."), references, tally, limits=Limits(device="cpu"))
    aggregator.assign(Partition("t.predictions", 0), first=0, reading_from=0)
    before, start = resident_mib(os.getpid()), time.process_time()
    for part in parts_of(records):
        aggregator.read(part, lambda _: registrations, 0.0)
    counted = time.process_time()
    size = sum(len(profile.to_bytes()) for _, profile in aggregator.changed())
    flushed = time.process_time()
    return {
        "monitors": n_monitors,
        "columns": n_columns,
        "row_us": round((counted - start) / (n * N_ROWS) * 1e6, 2),
        "flush_ms": round((flushed - counted) * 1e3, 1),
        "flush_mib": round(size / (1 << 20), 2),
        "mib": round(resident_mib(os.getpid()) - before, 1),
        "reference_kib": round(len(reference.to_bytes()) / 1024),
    }


def measured() -> Iterator[Row]:
    for n_monitors in MONITORS:
        for n_columns in COLUMNS:
            command = [sys.executable, "-m", "benchmarks.aggregate_cost", "--case"]
            ended = subprocess.run(
                [*command, f"{n_monitors},{n_columns}"],
                check=True,
                capture_output=True,
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
            yield json.loads(ended.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--case", metavar="MONITORS,COLUMNS", help="only this, as JSON")
    parser.add_argument("--out", type=Path, help="where to write JSON")
    args = parser.parse_args()
    if args.case:
        print(json.dumps(case(*map(int, args.case.split(",")))))
        return
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(machine)
    rows = []
    for row in measured():
        rows.append(row)
        print("".join(f"{k} {v:<10,}" for k, v in row.items()), flush=True)
    if args.out:
        args.out.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
