"""What a scrape of many monitors' metrics costs: `driftmeter serve` asked over HTTP, four times a
second, its reports in SQLite.

Every scrape after the first finds the reports that it knows; a part of the monitors, one of a
hundred as at the end of an hour's windows, has a later one each time. With --rows-per-s so many
rows flow meanwhile from Kafka to reports, through an aggregate and a detect on this machine
(`benchmarks.freshness`).
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import update

from monitor.kafka import embedded
from monitor.spec.model import Monitor
from monitor.sql import figures, registry, scraped, tables
from monitor.sql.database import Database, open_database
from monitor.up.supervisor import Supervisor, free_port

N_COLUMNS = 12
EVERY_S = 0.25
WARM_S = 10.0
"""Until rows flow."""

_FLOW = (sys.executable, "-m", "benchmarks.freshness")
START = 1_700_000_000.0 // 3600 * 3600


def document(name: str) -> Monitor:
    """A monitor with nothing but a name and a reference."""
    return Monitor.model_validate(
        {
            "apiVersion": "driftmeter.dev/v1",
            "kind": "Monitor",
            "metadata": {"name": name},
            "spec": {"reference": "training.csv", "windows": ["1h"]},
        }
    )


def report(name: str) -> dict[str, Any]:
    """What a scrape reads of a report, of columns as reports have them."""
    summary = {"missing": 0.01, "quantiles": {}, "shares": {}}
    columns = [
        {
            "name": f"column_{i}",
            "effect": 0.1,
            "effect_unit": "sd",
            "p_value": 0.5,
            "evidence_share": 1 / N_COLUMNS,
            "current": summary,
            "reference": summary,
            "statistics": {f"statistic_{k}": 0.1 for k in range(15)},
            "distribution": {"reference": [0.05] * 20, "current": [0.05] * 20},
        }
        for i in range(N_COLUMNS)
    ]
    performance = {"metric": "mae", "value": 1.0, "reference": 1.0, "interval": [0.9, 1.1]}
    return {
        "id": f"{name}-0",
        "monitor": name,
        "window": {"start": _moment(START), "end": _moment(START + 3600), "seconds": 3600.0},
        "n_rows": 1000,
        "verdict": "quiet",
        "evidence": 1.0,
        "threshold": 100.0,
        "columns": columns,
        "outliers": {"n_scored": 1000, "n_flagged": 3},
        "expected": performance,
        "realised": {**performance, "coverage": 1.0},
        "quality": {"n_rows": 1000, "issues": []},
    }


def _moment(time_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time_s))


def fill(database: Database, n: int) -> None:
    """n monitors with a report each."""
    with database.write() as connection:
        for i in range(n):
            name = f"monitor-{i}"
            registry.activate(connection, registry.put(connection, document(name), 0.0), "r", ())
            row = {
                "id": f"{name}-0",
                "monitor": name,
                "window_s": 3600.0,
                "window_start": START,
                "window_end": START + 3600,
                "revision": 1,
                "reference_id": "r",
                "monitor_revision": 1,
                "decision": {},
                "body": report(name),
                "created_at": START,
            }
            connection.execute(tables.reports.insert(), row)
            figures.write(connection, row)
            scraped.write(connection, row)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Where a `driftmeter serve` of the folder's database has its metrics."""
    with Supervisor(folder / "logs") as processes:
        broker, port = free_port(), free_port()
        processes.start("broker", embedded.command(broker), ready=f"tcp://127.0.0.1:{broker}")
        command = [
            *(sys.executable, "-m", "monitor", "serve", "--listen", f"127.0.0.1:{port}"),
            *("--broker", f"127.0.0.1:{broker}", "--store", str(folder / "store")),
            *("--database", _url(folder)),
        ]
        processes.start("serve", command, ready=f"http://127.0.0.1:{port}/readyz")
        yield f"http://127.0.0.1:{port}/metrics"


@contextmanager
def flowing(rows_per_s: int) -> Iterator[None]:
    """Rows on their way to reports, for as long as this lasts."""
    if not rows_per_s:
        yield
        return
    flow = [*_FLOW, "--rate", str(rows_per_s), "--seconds", "3600"]
    with subprocess.Popen(flow, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        time.sleep(WARM_S)
        yield
        os.killpg(process.pid, signal.SIGTERM)


def renew(database: Database, reports: list[str]) -> None:
    """A later revision of each, and of the lines kept of it, as detect writes them together."""
    with database.write() as connection:
        for table, key in ((tables.reports, "id"), (tables.scraped, "report")):
            later = update(table).where(table.c[key].in_(reports))
            connection.execute(later.values(revision=table.c.revision + 1))


def measured(database: Database, url: str, n: int, n_scrapes: int) -> dict[str, float]:
    """Seconds of the first scrape and of those after it, and how many series there are."""
    rng, times, text = np.random.default_rng(0), [], b""
    for _ in range(n_scrapes + 1):
        begun = time.perf_counter()
        with urllib.request.urlopen(url, timeout=30) as answer:
            text = answer.read()
        times.append(time.perf_counter() - begun)
        chosen = rng.choice(n, max(1, n // 100), replace=False)
        renew(database, [f"monitor-{i}-0" for i in chosen])
        time.sleep(max(0.0, EVERY_S - (time.perf_counter() - begun)))
    return {
        "monitors": n,
        "series": sum(line.startswith(b"driftmeter_monitor") for line in text.splitlines()),
        "first_s": times[0],
        "p50_s": float(np.quantile(times[1:], 0.5)),
        "p99_s": float(np.quantile(times[1:], 0.99)),
    }


def of_monitors(n: int, n_scrapes: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = open_database(_url(folder))
        fill(database, n)
        with serving(folder) as url:
            found = measured(database, url, n, n_scrapes)
        database.engine.dispose()
    print(
        f"{n:5} monitors, {found['series']:,.0f} series: first {found['first_s']:.2f} s, "
        f"then p50 {found['p50_s']:.3f} s, p99 {found['p99_s']:.3f} s",
        flush=True,
    )
    return found


def _url(folder: Path) -> str:
    return f"sqlite:///{folder}/driftmeter.db"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--monitors", type=int, nargs="+", default=[320, 1000])
    parser.add_argument("--rows-per-s", type=int, default=0, help="that flow meanwhile")
    parser.add_argument("--quick", action="store_true", help="forty scrapes, not two hundred")
    parser.add_argument("--out", type=Path, help="where to write JSON")
    args = parser.parse_args()
    with flowing(args.rows_per_s):
        results = [of_monitors(n, 40 if args.quick else 200) for n in args.monitors]
    if args.out:
        machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}"
        told = {"machine": machine, "rows_per_s": args.rows_per_s, "results": results}
        args.out.write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
