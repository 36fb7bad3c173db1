"""How fast records become safe: the spool, SQLite beside it, and what the disk itself allows.

    python -m benchmarks.spool [--folder FOLDER] [--seconds 2] [--out spool.json]

Sixty-four callers each hand in a request, wait until it is safe, and hand in the next. SQLite
(write-ahead log, synchronous=FULL) is given all that waits in one transaction, as the spool is;
the disk's limit is one write and one fdatasync after the other, of as many bytes as 64 requests
have. Put the folder on the disk that is to be measured: a folder in memory says nothing.
"""

import argparse
import json
import os
import platform
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import numpy as np

from monitor.spool import RealDisk, Spool

N_CALLERS = 64
SIZES = {"300 B": 300, "20 kB": 20_000}
LIMIT_BYTES = 8 * 1024**3
READ_BYTES = 1024 * 1024

Append = Callable[[bytes], "Future[int]"]
Row = dict[str, str | float]


class Callers:
    """Requests that follow one another, without a thread for each."""

    def __init__(self, append: Append, payload: bytes) -> None:
        self._append = append
        self._payload = payload
        self._is_over = False
        self._latencies: list[float] = []

    def run(self, seconds: float) -> tuple[float, Sequence[float]]:
        """Requests a second, and how long each took."""
        start = time.perf_counter()
        for _ in range(N_CALLERS):
            self._hand_in()
        time.sleep(seconds)
        self._is_over = True
        latencies = list(self._latencies)
        return len(latencies) / (time.perf_counter() - start), latencies

    def _hand_in(self) -> None:
        start = time.perf_counter()

        def safe(_: "Future[int]") -> None:
            self._latencies.append(time.perf_counter() - start)
            if not self._is_over:
                self._hand_in()

        self._append(self._payload).add_done_callback(safe)


class SqliteQueue:
    """The same promise with the database that everybody has."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: list[tuple[bytes, Future[int]]] = []
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def append(self, payload: bytes) -> "Future[int]":
        future: Future[int] = Future()
        with self._changed:
            self._waiting.append((payload, future))
            self._changed.notify()
        return future

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        connection = sqlite3.connect(self._path)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE q (seq INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB)")
        while taken := self._take():
            with connection:
                connection.executemany("INSERT INTO q (body) VALUES (?)", [(p,) for p, _ in taken])
            for _, future in taken:
                future.set_result(0)
        connection.close()

    def _take(self) -> list[tuple[bytes, "Future[int]"]]:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            taken, self._waiting = self._waiting, []
            return taken


def one_by_one(spool: Spool) -> Append:
    return lambda payload: spool.append([payload])


def limit(folder: Path, size: int, seconds: float) -> float:
    """Requests a second if nothing but the disk took time."""
    data, n = bytes(size * N_CALLERS), 0
    descriptor = os.open(folder / "limit", os.O_CREAT | os.O_WRONLY)
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        os.write(descriptor, data)
        os.fdatasync(descriptor)
        n += N_CALLERS
    elapsed = time.perf_counter() - start
    os.close(descriptor)
    return n / elapsed


def measured(name: str, what: str, per_second: float, latencies: Sequence[float] = ()) -> Row:
    row: Row = {"request": what, "into": name, "per_s": round(per_second)}
    if latencies:
        p50, p99 = np.quantile(latencies, [0.5, 0.99]) * 1000
        row |= {"p50_ms": round(p50, 2), "p99_ms": round(p99, 2)}
    return row


def appending(folder: Path, seconds: float) -> Iterator[Row]:
    for what, size in SIZES.items():
        yield measured("the disk", what, limit(folder, size, seconds))
        spool = Spool(RealDisk(folder / what), limit_bytes=LIMIT_BYTES)
        payload = os.urandom(size)
        yield measured("spool", what, *Callers(one_by_one(spool), payload).run(seconds))
        spool.close()
        queue = SqliteQueue(folder / f"{what}.db")
        yield measured("SQLite", what, *Callers(queue.append, payload).run(seconds))
        queue.close()


def draining(folder: Path) -> Iterator[Row]:
    """What the runs before have left: opened, read, and let go."""
    for what in SIZES:
        start = time.perf_counter()
        spool = Spool(RealDisk(folder / what), limit_bytes=LIMIT_BYTES)
        opened, size, n = time.perf_counter(), spool.size_bytes, 0
        while records := spool.read(spool.delivered, READ_BYTES):
            n += len(records)
            spool.advance(records[-1].sequence)
        seconds = time.perf_counter() - opened
        spool.close()
        yield {
            "request": what,
            "into": "read and let go",
            "per_s": round(n / seconds),
            "mb_per_s": round(size / seconds / 1e6),
            "open_ms": round((opened - start) * 1000, 1),
            "spooled_mb": round(size / 1e6),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--folder", type=Path, default=Path("out"), help="on the disk to measure")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each measurement")
    parser.add_argument("--out", type=Path, help="where to write JSON")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        rows = [*appending(Path(folder), args.seconds), *draining(Path(folder))]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{N_CALLERS} callers; {machine}")
    for row in rows:
        numbers = "".join(f"{k} {v:<12,}" for k, v in row.items() if not isinstance(v, str))
        print(f"{row['request']:<8}{row['into']:<18}{numbers}")
    if args.out:
        args.out.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
