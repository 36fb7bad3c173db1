"""What a pushed row costs: pushes acknowledged once they are on the disk and synced, end to end.

A collector in a process of its own, the embedded broker, and wrk, which posts the same body as fast
as it is answered. Rates are of all connections; `rows a core` is rows per second of the collector's
processor time: what one core would take with nothing else on it. `synced` is how long one write and
its sync take on this disk. All processes share the machine's cores. Needs wrk, nginx and curl.
"""

import argparse
import http.client
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import orjson

from benchmarks import http_load
from benchmarks.collector import posted, programs, start_broker
from benchmarks.processes import cpu_s
from monitor.up.supervisor import Supervisor, free_port

PUSHES = {"1 row": (1, 32), "100 rows": (100, 16)}
"""Rows in a push, and how many are pushed at a time."""
N_SYNCS = 200
POLL_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    kind: str
    size: str
    connections: int
    pushes_per_s: float
    rows_per_s: float
    rows_per_cpu_s: float
    failures: int
    p50_ms: float
    p99_ms: float


def push(port: int, kind: str, body: bytes) -> int:
    """The status of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST", f"/v1/{kind}", body)
        return connection.getresponse().status
    finally:
        connection.close()


def labels(n: int) -> str:
    rows = [{"id": f"5f2b9c{i:04d}", "label": 17.25} for i in range(n)]
    return orjson.dumps({"monitor": "bench", "rows": rows}).decode()


def predictions(n: int) -> str:
    """Of 12 columns, as the proxy's benchmark has them."""
    values: dict[str, object] = {f"x{i}": 1.37 * i for i in range(http_load.N_COLUMNS - 2)}
    values |= {"day": "weekday", "event": None, "prediction": 17.25}
    rows = [{"id": f"5f2b9c{i:04d}", **values} for i in range(n)]
    return orjson.dumps({"monitor": "bench", "rows": rows}).decode()


KINDS: dict[str, Callable[[int], str]] = {"labels": labels, "predictions": predictions}


def synced_ms(folder: Path) -> float:
    """The median of one write of 4 KiB and its sync."""
    times = []
    with (folder / "probe").open("wb") as file:
        for _ in range(N_SYNCS):
            started = time.perf_counter()
            os.pwrite(file.fileno(), bytes(4096), 0)
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - started)
    return 1e3 * median(times)


def measured(processes: Supervisor, folder: Path, seconds: float) -> list[Result]:
    broker, port = start_broker(processes), free_port()
    argv = [
        *(sys.executable, "-m", "monitor", "collect", "--ingest", f"127.0.0.1:{port}"),
        *("--broker", broker.servers[0], "--topic-prefix", broker.topics.prefix),
        *("--spool", str(folder / "spool"), "--spool-limit", "8GiB"),
    ]
    processes.start("collector", argv, ready=f"http://127.0.0.1:{port}/readyz")
    pid, results = processes.pid("collector"), []
    while push(port, "labels", labels(1).encode()) != 202:
        time.sleep(POLL_S)  # until Kafka has told the monitors
    for kind, body in KINDS.items():
        for size, (n_rows, connections) in PUSHES.items():
            url = f"http://127.0.0.1:{port}/v1/{kind}"
            posted(folder, url, body(n_rows), connections, 1.0)  # warm
            before = cpu_s(pid)
            found = posted(folder, url, body(n_rows), connections, seconds)
            results.append(
                Result(
                    kind=kind,
                    size=size,
                    connections=connections,
                    pushes_per_s=found["requests_per_s"],
                    rows_per_s=found["requests_per_s"] * n_rows,
                    rows_per_cpu_s=found["requests"] * n_rows / (cpu_s(pid) - before),
                    failures=int(found["failures"]),
                    p50_ms=found["p50_ms"],
                    p99_ms=found["p99_ms"],
                )
            )
            show(results[-1])
    return results


def show(result: Result) -> None:
    print(
        f"{result.kind:12}{result.size:>9}: {result.rows_per_s:9,.0f} rows/s, "
        f"{result.rows_per_cpu_s:9,.0f} a core, p50 {result.p50_ms:.1f} ms, "
        f"p99 {result.p99_ms:.1f} ms, {result.failures} failed",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each measurement")
    parser.add_argument("--quick", action="store_true", help="two seconds each")
    parser.add_argument("--folder", type=Path, help="on the disk to measure (default: temporary)")
    parser.add_argument("--out", type=Path, help="where to write JSON")
    args = parser.parse_args()
    try:
        programs()
    except FileNotFoundError as error:
        print(error)
        return
    with tempfile.TemporaryDirectory(dir=args.folder) as name, Supervisor(Path(name)) as processes:
        folder = Path(name)
        synced = synced_ms(folder)
        print(f"synced in {synced:.2f} ms")
        results = measured(processes, folder, 2.0 if args.quick else args.seconds)
    if args.out:
        machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}"
        report = {"machine": machine, "synced_ms": synced, "results": [*map(asdict, results)]}
        args.out.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
