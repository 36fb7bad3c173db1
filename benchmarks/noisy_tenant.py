"""What a tenant feels of another one that floods: how long its pushes take, and its reports.

Everything that `driftmeter up` runs, with a quota of rows a second for each of two namespaces. The
victim pushes small batches at a steady rate, well within its quota; in every other round the noisy
one sends ten times what it may, as fast as it is answered, and heeds no Retry-After. Rounds with
and without it alternate, so that whatever else the machine does falls on both alike; told are the
medians of the rounds. `late` is from the end of a window to its report.

With --behind, `aggregate` stands still when a round begins, in all of them: what the collector
takes of the noisy one meanwhile lies between the victim's rows in the log.
"""

import argparse
import hashlib
import http.client
import json
import multiprocessing
import os
import platform
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
from pyarrow import parquet
from sqlalchemy import select

from monitor.apply.client import Client
from monitor.spec.model import Monitor
from monitor.sql import tables
from monitor.sql.database import Database, open_database
from monitor.up.starting import Addresses, Settings, start
from monitor.up.supervisor import Supervisor

N_COLUMNS = 20
QUOTA = 5_000
"""Rows a second of each namespace."""
FLOOD = 10
"""Times the quota."""
FLOOD_BATCH, VICTIM_BATCH = 500, 20
VICTIM_EVERY_S = 0.04
VICTIM, NOISY = "victim.seats", "noisy.seats"
PATIENCE_S = 180.0
"""Between rounds, for the reports of the one before."""

QUOTAS = f"""\
apiVersion: driftmeter.dev/v1
kind: Quotas
spec:
  others: {{rows_per_second: {QUOTA}}}
"""


@dataclass
class Round:
    """Seconds that pushes took, and by which reports were late."""

    pushes: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    flooded: Counter[int] = field(default_factory=Counter)


def rows(n: int, batch: int) -> list[dict[str, object]]:
    values = np.random.default_rng(batch % 64).normal(size=(n, N_COLUMNS)).round(3)
    return [
        {"id": f"{batch}-{i}", "prediction": 1.0, **{f"x{j}": v for j, v in enumerate(row)}}
        for i, row in enumerate(values.tolist())
    ]


def body(name: str, n: int, batch: int) -> bytes:
    return orjson.dumps({"monitor": name, "rows": rows(n, batch)})


def document(name: str, reference: Path) -> Monitor:
    return Monitor.model_validate(
        {
            "apiVersion": "driftmeter.dev/v1",
            "kind": "Monitor",
            "metadata": {"name": name},
            "spec": {"reference": str(reference), "windows": ["2s"], "lateness": "0s"},
        }
    )


def settings(folder: Path) -> Settings:
    """Of an installation whose tenants have a token each."""
    (folder / "quotas.yaml").write_text(QUOTAS)
    tokens = (f"{hashlib.sha256(n.encode()).hexdigest()} {n}.*\n" for n in ("victim", "noisy"))
    (folder / "tokens").write_text("".join(tokens))
    return Settings(
        data=folder / "data",
        quotas=folder / "quotas.yaml",
        ingest_token_file=folder / "tokens",
        flush_s=0.5,
        idle_s=5.0,
    )


def declare(addresses: Addresses, folder: Path) -> None:
    rng, path = np.random.default_rng(0), folder / "training.parquet"
    table = {f"x{j}": rng.normal(size=5_000) for j in range(N_COLUMNS)}
    parquet.write_table(pa.table({**table, "prediction": np.ones(5_000)}), path)
    with Client(addresses.api_url) as client:
        for name in (VICTIM, NOISY):
            put = client.put_monitor(document(name, path))
            found = client.settle(name, put["revision"], timeout_s=120)
            assert found["status"] == "active", found["reason"]


class Pusher:
    """One tenant's connection to the collector, which is kept while it is used."""

    def __init__(self, port: int, tenant: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {tenant}", "Content-Type": "application/json"}

    def connect(self) -> None:
        """Anew: the collector closes what is idle for long."""
        self._connection.close()
        self._connection.connect()

    def push(self, raw: bytes) -> int:
        self._connection.request("POST", "/v1/predictions", raw, self._headers)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status


def flood(port: int, stop: Event, told: "multiprocessing.SimpleQueue[Counter[int]]") -> None:
    """Sends ten times the quota until it is stopped; tells how that was answered."""
    pusher, answered = Pusher(port, "noisy"), Counter[int]()
    raw, pause_s = body(NOISY, FLOOD_BATCH, 0), FLOOD_BATCH / (QUOTA * FLOOD)
    due = time.monotonic()
    while not stop.is_set():
        answered[pusher.push(raw)] += 1
        due += pause_s
        time.sleep(max(0.0, due - time.monotonic()))
    told.put(answered)


def exhaust(port: int) -> None:
    """Sends what the noisy one may send at once: what is measured is what comes beyond it."""
    pusher, raw = Pusher(port, "noisy"), body(NOISY, FLOOD_BATCH, 0)
    while pusher.push(raw) != HTTPStatus.TOO_MANY_REQUESTS:
        continue


def steady(pusher: Pusher, seconds: float, bodies: Iterator[bytes]) -> Iterator[float]:
    """How long each push of the victim took, in seconds."""
    pusher.connect()
    due, end = time.monotonic(), time.monotonic() + seconds
    while due < end:
        time.sleep(max(0.0, due - time.monotonic()))
        raw, began = next(bodies), time.perf_counter()
        assert pusher.push(raw) == 202
        yield time.perf_counter() - began
        due += VICTIM_EVERY_S


def victim_bodies() -> Iterator[bytes]:
    batch = 0
    while True:
        yield body(VICTIM, VICTIM_BATCH, batch)
        batch += 1


def late(database: Database, since: float, until: float) -> list[float]:
    """Of the victim's windows that ended in this time, from the end to the report, in seconds."""
    t = tables.reports
    within = (t.c.monitor == VICTIM) & (t.c.window_end > since) & (t.c.window_end <= until)
    with database.read() as connection:
        found = connection.execute(select(t.c.window_end, t.c.created_at).where(within)).all()
    return [row.created_at - row.window_end for row in found]


@contextmanager
def standing_still(pid: int, seconds: float) -> Iterator[None]:
    """A process does nothing from now on for so long; it does again in the end."""
    if not seconds:
        yield
        return
    os.kill(pid, signal.SIGSTOP)
    again = threading.Timer(seconds, os.kill, (pid, signal.SIGCONT))
    again.start()
    try:
        yield
    finally:
        again.join()


def play(
    pusher: Pusher, port: int, seconds: float, bodies: Iterator[bytes], *, is_noisy: bool
) -> tuple[Round, float, float]:
    """A round, and when it began and ended."""
    one, stop = Round(), multiprocessing.Event()
    told: multiprocessing.SimpleQueue[Counter[int]] = multiprocessing.SimpleQueue()
    noise = multiprocessing.Process(target=flood, args=(port, stop, told), daemon=True)
    if is_noisy:
        exhaust(port)
        noise.start()
    began = time.time()
    one.pushes = list(steady(pusher, seconds, bodies))
    ended = time.time()
    stop.set()
    if is_noisy:
        one.flooded = told.get()
        noise.join()
    return one, began, ended


def wait_for_reports(pusher: Pusher, api: Client, bodies: Iterator[bytes], *, until: float) -> None:
    """Pushes on until the victim's windows up to then are reported."""
    deadline = time.monotonic() + PATIENCE_S
    while last_window(api) < until:
        assert time.monotonic() < deadline, "the victim's windows are not reported"
        list(steady(pusher, 0.5, bodies))


def last_window(api: Client) -> float:
    """The end of the last one that is reported, in seconds since 1970."""
    ends = [report["window"]["end"] for report in api.reports(VICTIM, limit=1)]
    return max((datetime.fromisoformat(end).timestamp() for end in ends), default=0.0)


def measure(folder: Path, seconds: float, n_rounds: int, behind_s: float) -> dict[str, list[Round]]:
    """The rounds without and with the noisy tenant."""
    played: dict[str, list[tuple[Round, float, float]]] = {"alone": [], "beside": []}
    with Supervisor(folder / "logs", ready_timeout_s=120.0) as processes:
        addresses = start(processes, settings(folder))
        declare(addresses, folder)
        pusher, bodies = Pusher(addresses.ingest.port, "victim"), victim_bodies()
        with Client(addresses.api_url) as api:
            list(steady(pusher, 5.0, bodies))
            wait_for_reports(pusher, api, bodies, until=time.time())  # everything is warm
            for number in range(2 * n_rounds):
                kind = ("alone", "beside")[number % 2]
                is_noisy = kind == "beside"
                with standing_still(processes.pid("aggregate"), behind_s):
                    done = play(pusher, addresses.ingest.port, seconds, bodies, is_noisy=is_noisy)
                wait_for_reports(pusher, api, bodies, until=done[2])
                played[kind].append(done)
    database = open_database(f"sqlite:///{folder / 'data' / 'driftmeter.db'}")
    for of in played.values():
        for one, began, ended in of:
            one.late = late(database, began, ended)
    database.engine.dispose()
    return {kind: [one for one, _, _ in of] for kind, of in played.items()}


def figures(one: Round) -> dict[str, float]:
    """Of a round. Pushes in milliseconds, reports in seconds."""
    pushes, late = np.array(one.pushes) * 1e3, np.array(one.late)
    return {
        "push_p50_ms": float(np.percentile(pushes, 50)),
        "push_p99_ms": float(np.percentile(pushes, 99)),
        "late_p50_s": float(np.percentile(late, 50)),
        "late_p99_s": float(np.percentile(late, 99)),
    }


def medians(found: Mapping[str, Sequence[Round]]) -> dict[str, dict[str, float]]:
    """Of the rounds of each kind; `slower` are those of how many times as long each round beside
    the noisy one took as the round alone before it."""
    told = {kind: [figures(one) for one in rounds] for kind, rounds in found.items()}
    told["slower"] = [
        {name: beside[name] / alone[name] for name in alone}
        for alone, beside in zip(told["alone"], told["beside"], strict=True)
    ]
    return {
        kind: {name: round(float(np.median([one[name] for one in of])), 2) for name in of[0]}
        for kind, of in told.items()
    }


def answered(rounds: Iterable[Round]) -> Counter[int]:
    """How often the noisy one was answered with which status."""
    return sum((one.flooded for one in rounds), Counter[int]())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="of a round (default 20)")
    parser.add_argument("--rounds", type=int, default=5, help="of each kind (default 5)")
    parser.add_argument(
        "--behind", type=float, default=0.0, help="seconds for which aggregate stands still"
    )
    parser.add_argument("--quick", action="store_true", help="three rounds of ten seconds")
    parser.add_argument("--out", type=Path, help="where to write JSON")
    args = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(machine)
    seconds, n_rounds = (10.0, 3) if args.quick else (args.seconds, args.rounds)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), seconds, n_rounds, args.behind)
    told, noise = medians(found), answered(found["beside"])
    for kind, row in told.items():
        print(f"{kind:<8}", "  ".join(f"{name} {value}" for name, value in row.items()))
    print("the noisy one was answered", dict(noise))
    if args.out:
        args.out.write_text(json.dumps({"machine": machine, **told, "noise": noise}, indent=1))


if __name__ == "__main__":
    main()
