"""How long every page takes with a thousand monitors and 90 days of their hourly windows.

A database is made first, in SQLite: reports as the product makes them, of rows of a dozen columns.
Of windows before the last 60 only the first column is kept, since no page reads more of them; their
figures, which lists and charts read, are whole. Then every page is asked for over HTTP, as often as
`--times` says, of monitors chosen at random.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert

from benchmarks.processes import cpu_s
from detectors.columns import ColumnType, Field, Role, Rows
from detectors.decision import Detector
from detectors.decision.budget import Budget
from detectors.profile import count
from detectors.reference import Reference
from detectors.report.compare import report
from monitor.server.moments import moment
from monitor.spec.model import Monitor
from monitor.sql import figures, registry, scraped, tables
from monitor.sql.database import Database, open_database
from monitor.up.supervisor import Supervisor, free_port

HOUR = 3600.0
START = 1_700_000_000.0 // HOUR * HOUR
N_COLUMNS, N_ROWS = 12, 1_000
N_WHOLE = 60
"""Windows at the end of which every column is kept."""
N_ALERTS = 20

PAGES: dict[str, Callable[[str, str], str]] = {
    "all monitors": lambda _name, _report: "/",
    "all monitors, the last page": lambda _name, _report: "/?page=20",
    "a search": lambda name, _report: f"/?q={name[:-1]}",
    "a monitor": lambda name, _report: f"/monitors/{name}",
    "a monitor, 2,160 windows": lambda name, _report: f"/monitors/{name}?span=2160",
    "a window for good": lambda name, report: f"/monitors/{name}?report={report}",
    "a column": lambda name, _report: f"/monitors/{name}/columns/column_3",
    "all windows": lambda name, _report: f"/monitors/{name}/windows",
    "two windows": lambda name, report: f"/monitors/{name}/compare?a={report}&b={name}-0",
    "history": lambda name, _report: f"/monitors/{name}/history",
    "a revision": lambda name, _report: f"/monitors/{name}/revisions/1",
    "alerts": lambda _name, _report: "/alerts",
    "alerts, page 300": lambda _name, _report: "/alerts?offset=15000",
    "an alert": lambda name, _report: f"/alerts/alert-{name}-0",
    "deliveries": lambda _name, _report: "/deliveries",
    "subscriptions": lambda _name, _report: "/subscriptions",
    "retrains": lambda _name, _report: "/retrains",
    "silences": lambda _name, _report: "/silences",
    "namespaces": lambda _name, _report: "/namespaces",
    "tokens": lambda _name, _report: "/tokens",
    "audit": lambda _name, _report: "/audit",
    "metrics": lambda _name, _report: "/metrics",
    "100 monitors (API)": lambda _name, _report: "/api/v1/monitors",
    "those that drift (API)": lambda _name, _report: "/api/v1/monitors?state=drift",
    "a monitor (API)": lambda name, _report: f"/api/v1/monitors/{name}",
    "50 reports (API)": lambda name, _report: f"/api/v1/monitors/{name}/reports",
    "a report (API)": lambda _name, report: f"/api/v1/reports/{report}",
    "figures of 2,160 windows (API)": lambda name, _report: (
        f"/api/v1/monitors/{name}/windows?limit=2160"
    ),
}
"""By what they are called: where they are, given a monitor's name and a report of its."""


def document(name: str) -> Monitor:
    return Monitor.model_validate(
        {
            "apiVersion": "driftmeter.dev/v1",
            "kind": "Monitor",
            "metadata": {"name": name, "labels": {"team": f"team-{int(name[-2:]) % 20}"}},
            "spec": {"reference": "training.csv", "windows": ["1h"]},
        }
    )


def some_report() -> dict[str, Any]:
    """What a window of quiet rows says."""
    fields = [Field(f"column_{i}", ColumnType.FLOAT) for i in range(N_COLUMNS)]
    fields.append(Field("prediction", ColumnType.FLOAT, Role.PREDICTION))
    rng = np.random.default_rng(0)

    def rows(n: int) -> Rows:
        return Rows({field.name: rng.normal(size=n) for field in fields}, n)

    n_hours = 30
    reference = Reference.fit(
        rows(n_hours * N_ROWS),
        fields,
        times=np.repeat(START + HOUR * np.arange(n_hours), N_ROWS),
        window_lengths_s=(HOUR,),
        prediction="prediction",
    )
    profile = count(rows(N_ROWS), reference)
    detector = Detector(reference, window_s=HOUR, budget=Budget())
    _, decision = detector.step(detector.start(), profile)
    body: dict[str, Any] = json.loads(json.dumps(asdict(report(reference, profile, decision))))
    return body | {"reference_id": reference.id, "revision": 1, "monitor_revision": 1}


def fill(database: Database, n_monitors: int, n_windows: int) -> None:
    """Monitors with hourly windows, alerts and deliveries."""
    told, rng, now = some_report(), np.random.default_rng(1), time.time()
    for i in range(n_monitors):
        name = f"model-{i:04d}"
        evidence = rng.lognormal(size=n_windows).tolist()
        rows = [row(told, name, hour, n_windows, evidence[hour]) for hour in range(n_windows)]
        with database.write() as connection:
            found = registry.put(connection, document(name), START)
            registry.activate(connection, found, told["reference_id"], ())
            connection.execute(insert(tables.reports), rows)
            connection.execute(insert(tables.figures), [figures.row_of(one) for one in rows])
            scraped.write(connection, rows[-1])
            connection.execute(insert(tables.alerts), alerts(name))
            connection.execute(insert(tables.outbox), deliveries(name, now))


def row(
    told: dict[str, Any], name: str, hour: int, n_windows: int, evidence: float
) -> dict[str, Any]:
    start, is_whole = START + hour * HOUR, hour >= n_windows - N_WHOLE
    body = {
        **told,
        "id": f"{name}-{hour}",
        "monitor": name,
        "window": {"start": moment(start), "end": moment(start + HOUR), "seconds": HOUR},
        "evidence": evidence,
        "columns": told["columns"] if is_whole else told["columns"][:1],
    }
    return {
        "id": body["id"],
        "monitor": name,
        "window_s": HOUR,
        "window_start": start,
        "window_end": start + HOUR,
        "revision": 1,
        "reference_id": told["reference_id"],
        "monitor_revision": 1,
        "decision": {},
        "body": body,
        "created_at": start + HOUR,
    }


def alerts(name: str) -> list[dict[str, Any]]:
    return [
        {
            "id": f"alert-{name}-{i}",
            "monitor": name,
            "cause": "drift",
            "window_s": HOUR,
            "state": "resolved" if i else "firing",
            "started_at": START + i * HOUR,
            "updated_at": START,
            "firing_at": START + i * HOUR,
            "resolved_at": START + (i + 1) * HOUR if i else None,
            "body": {"columns": []},
        }
        for i in range(N_ALERTS)
    ]


def deliveries(name: str, now: float) -> list[dict[str, Any]]:
    return [
        {
            "id": f"delivery-{name}-{i}",
            "monitor": name,
            "kind": "alert",
            "endpoint": "pager",
            "place": "endpoint_1",
            "target": {"kind": "webhook", "url": "https://pager.example"},
            "alert": f"alert-{name}-{i}",
            "at": START,
            "payload": {"time": moment(START)},
            "state": "delivered",
            "created_at": now + i,  # those of months ago are forgotten
            "next_attempt_at": START,
            "n_attempts": 0,
            "n_failed": 0,
        }
        for i in range(N_ALERTS)
    ]


@contextmanager
def serving(folder: Path, url: str) -> Iterator[tuple[str, int]]:
    """The address of a server, and the id of its process."""
    with Supervisor(folder / "logs") as processes:
        port = free_port()
        command = [
            *(sys.executable, "-m", "monitor", "serve", "--listen", f"127.0.0.1:{port}"),
            *("--broker", "127.0.0.1:1", "--store", str(folder / "store"), "--database", url),
        ]
        processes.start("serve", command, ready=f"http://127.0.0.1:{port}/readyz")
        yield f"http://127.0.0.1:{port}", processes.pid("serve")


def measured(
    address: str, pid: int, names: list[str], n_windows: int, times: int
) -> list[dict[str, Any]]:
    """Of every page the median and the longest time, and the server's processor time on average."""
    rng, found = np.random.default_rng(2), []
    for title, path in PAGES.items():
        asked = [path(name, f"{name}-{n_windows - 1}") for name in rng.choice(names, times)]
        took, before = [], cpu_s(pid)
        for one in asked:
            begun = time.perf_counter()
            n_bytes = _fetched(address + one)
            took.append(time.perf_counter() - begun)
        line = {
            "page": title,
            "p50_s": float(np.median(took)),
            "max_s": max(took),
            "cpu_s": (cpu_s(pid) - before) / times,
            "bytes": n_bytes,
        }
        found.append(line)
        print(
            f"{title:32} {line['p50_s']:6.3f} s, at most {line['max_s']:.3f} s; "
            f"processor {line['cpu_s']:.3f} s, {n_bytes:,} bytes",
            flush=True,
        )
    return found


def _fetched(url: str) -> int:
    with urllib.request.urlopen(url) as answer:
        return len(answer.read())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--monitors", type=int, default=1_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--times", type=int, default=20, help="that each page is asked for")
    parser.add_argument("--quick", action="store_true", help="20 monitors instead")
    parser.add_argument("--folder", type=Path, help="where the database is kept, and found again")
    parser.add_argument("--out", type=Path, help="where to write JSON")
    args = parser.parse_args()
    n_monitors, n_windows = 20 if args.quick else args.monitors, 24 * args.days
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        url, is_there = f"sqlite:///{folder}/pages.db", (folder / "pages.db").exists()
        database = open_database(url)
        if not is_there:
            fill(database, n_monitors, n_windows)
        database.engine.dispose()
        print(f"{n_monitors:,} monitors, {n_monitors * n_windows:,} windows", flush=True)
        names = [f"model-{i:04d}" for i in range(n_monitors)]
        with serving(folder, url) as (address, pid):
            pages = measured(address, pid, names, n_windows, args.times)
    if args.out:
        machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}"
        told = {"machine": machine, "monitors": n_monitors, "windows": n_windows, "pages": pages}
        args.out.write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
