"""What a scrape of many monitors' metrics costs: from SQL (SQLite) to the text, in one process.

Every scrape after the first finds the reports that it knows; a part of the monitors, one of a
hundred as at the end of an hour's windows, has a later one each time. Nothing is sent: the text of
20,000 series is 2 MB.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import update

from monitor.server.exported import MonitorMetrics
from monitor.spec.model import Monitor
from monitor.sql import figures, registry, tables
from monitor.sql.database import Database, open_database

N_COLUMNS = 12
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


def measured(database: Database, n: int, n_scrapes: int) -> dict[str, float]:
    """Seconds of the first scrape and of those after it, and how many series there are."""
    metrics, rng, times = CollectorRegistry(), np.random.default_rng(0), []
    metrics.register(MonitorMetrics(database))
    for _ in range(n_scrapes + 1):
        begun = time.perf_counter()
        text = generate_latest(metrics)
        times.append(time.perf_counter() - begun)
        later = [f"monitor-{i}-0" for i in rng.choice(n, max(1, n // 100), replace=False)]
        r = tables.reports
        with database.write() as connection:
            connection.execute(update(r).where(r.c.id.in_(later)).values(revision=r.c.revision + 1))
    return {
        "monitors": n,
        "series": sum(not line.startswith(b"#") for line in text.splitlines()),
        "first_s": times[0],
        "p50_s": float(np.quantile(times[1:], 0.5)),
        "p99_s": float(np.quantile(times[1:], 0.99)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--monitors", type=int, nargs="+", default=[320, 1000])
    parser.add_argument("--quick", action="store_true", help="twenty scrapes, not two hundred")
    parser.add_argument("--out", type=Path, help="where to write JSON")
    args = parser.parse_args()
    results = []
    for n in args.monitors:
        with tempfile.TemporaryDirectory() as folder:
            database = open_database(f"sqlite:///{folder}/driftmeter.db")
            fill(database, n)
            found = measured(database, n, 20 if args.quick else 200)
            database.engine.dispose()
        results.append(found)
        print(
            f"{n:5} monitors, {found['series']:,.0f} series: first {found['first_s']:.2f} s, "
            f"then p50 {found['p50_s']:.3f} s, p99 {found['p99_s']:.3f} s",
            flush=True,
        )
    if args.out:
        machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}"
        args.out.write_text(json.dumps({"machine": machine, "results": results}, indent=1))


if __name__ == "__main__":
    main()
