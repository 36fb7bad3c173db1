"""What the collector costs a model: requests around it, through nginx and through it, in one run.

model       the load generator calls the model itself: nginx, which answers at once
nginx       through nginx with one worker
collector   through a collector that captures everything and publishes it to the embedded broker
no broker   the same with nothing at the broker's address

Load is made by wrk, as fast as it is answered, on 1 and 32 connections, and at a steady 1,000
requests a second. All processes share the machine's cores: compare within one run. Needs nginx,
wrk and curl (Debian: nginx-light, wrk, curl); without them it says so and measures nothing.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path

from benchmarks import http_load, nginx
from benchmarks.processes import cpu_s, family, proportional_mib
from detectors.columns import ColumnType, Field, Role
from monitor.kafka import embedded
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Registration, Topics
from monitor.spec.model import Monitor
from monitor.up.supervisor import Supervisor, free_port
from tests.support.registrations import announce

ROWS = {"300 B": 4, "20 kB": 290}
CONNECTIONS = (1, 32)
RATE = 1000.0
SETTLE_S = 0.5
PROGRAMS = ("nginx", "wrk", "curl")

_LUA = """\
wrk.method = "POST"
wrk.body = %s
wrk.headers["Content-Type"] = "application/json"
function done(summary, latency)
  local e = summary.errors
  io.write(string.format('{"requests": %%d, "us": %%d, "failures": %%d, "p50": %%f, "p99": %%f}',
    summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """cpu_us: of the process under test per request, its children's included; proxy_cpu_us: of
    the one that relays. mib: resident in all of them, pages that they share counted once."""

    process: str
    size: str
    load: str
    requests: int
    requests_per_s: float
    failures: int
    p50_ms: float
    p99_ms: float
    cpu_us: float
    proxy_cpu_us: float
    mib: float
    lost: float


def registration(name: str) -> Registration:
    """A monitor whose schema has what the load generator sends."""
    monitor = Monitor.model_validate(
        {
            "apiVersion": "driftmeter.dev/v1",
            "kind": "Monitor",
            "metadata": {"name": name},
            "spec": {"reference": "first 1000"},
        }
    )
    numbers = [Field(f"x{i}", ColumnType.FLOAT) for i in range(http_load.N_COLUMNS - 2)]
    texts = [Field("day", ColumnType.CATEGORY), Field("event", ColumnType.CATEGORY)]
    prediction = Field("prediction", ColumnType.FLOAT, Role.PREDICTION)
    return Registration(
        monitor=monitor,
        revision=1,
        state="active",
        reference_id="sha256:0",
        schema=(*numbers, *texts, prediction),
    )


def start_broker(processes: Supervisor, known: Registration | None = None) -> Broker:
    """An embedded broker that knows a monitor; if none is named, that of the load generator."""
    port = free_port()
    processes.start("broker", embedded.command(port), ready=f"tcp://127.0.0.1:{port}")
    broker = Broker(servers=(f"127.0.0.1:{port}",), topics=Topics(embedded.fresh_prefix()))
    broker.create_topics()
    announce(broker, known or registration("bench"))
    return broker


@dataclass(frozen=True, slots=True)
class Target:
    """A process that answers requests; `metrics` where it has some."""

    name: str
    pid: int
    port: int
    metrics: int | None = None


def start_collector(
    processes: Supervisor,
    name: str,
    broker: Broker,
    model: int,
    spool: Path,
    *,
    limit: str = "1GiB",
) -> Target:
    listen, ingest = free_port(), free_port()
    argv = [
        *(sys.executable, "-m", "monitor", "collect", "--upstream", f"http://127.0.0.1:{model}"),
        *("--listen", f"127.0.0.1:{listen}", "--ingest", f"127.0.0.1:{ingest}"),
        *("--broker", broker.servers[0], "--topic-prefix", broker.topics.prefix),
        *("--spool", str(spool / name), "--spool-limit", limit),
    ]
    processes.start(name, argv, ready=f"http://127.0.0.1:{ingest}/readyz")
    return Target(name, processes.pid(name), listen, ingest)


def start_all(processes: Supervisor, folder: Path) -> list[Target]:
    program = programs()["nginx"]
    ports = {name: free_port() for name in ("model", "nginx")}
    sizes = {len(http_load.body(n)): n for n in ROWS.values()}
    commands = {
        "model": nginx.model(program, folder, ports["model"], sizes),
        "nginx": nginx.proxy(program, folder, ports["nginx"], ports["model"]),
    }
    for name, command in commands.items():
        processes.start(name, command, ready=f"tcp://127.0.0.1:{ports[name]}")
    broker, nobody = start_broker(processes), Broker(servers=("127.0.0.1:1",))
    return [
        *(Target(name, processes.pid(name), ports[name]) for name in ports),
        start_collector(processes, "collector", broker, ports["model"], folder),
        start_collector(processes, "no broker", nobody, ports["model"], folder),
    ]


def programs(*names: str) -> dict[str, Path]:
    """What this benchmark runs beside our own. Raises FileNotFoundError, saying what is missing."""
    places = os.defpath + ":/usr/local/bin:/usr/sbin:/usr/local/sbin"
    found = {
        name: shutil.which(name) or shutil.which(name, path=places) for name in names or PROGRAMS
    }
    if missing := [name for name, path in found.items() if path is None]:
        raise FileNotFoundError(f"not measured: there is no {', no '.join(missing)}")
    return {name: Path(path) for name, path in found.items() if path is not None}


def lost(target: Target) -> float:
    """Exchanges that were dropped, once what waits is recorded or does not move any more."""
    if target.metrics is None:
        return 0.0
    waiting = -1.0
    while (samples := _samples(target.metrics))["queue_bytes"] not in (0.0, waiting):
        waiting = samples["queue_bytes"]
        time.sleep(SETTLE_S)
    return sum(value for name, value in samples.items() if name.startswith("dropped_total"))


def _samples(port: int) -> dict[str, float]:
    url = f"http://127.0.0.1:{port}/metrics"
    done = subprocess.run(
        [programs()["curl"], "-s", url], check=True, capture_output=True, text=True
    )
    lines = re.findall(r"^driftmeter_collector_(\S+?(?:\{.*\})?) (\S+)$", done.stdout, re.MULTILINE)
    return {name: float(value) for name, value in lines}


def wrk(folder: Path, port: int, connections: int, seconds: float, rows: int) -> dict[str, float]:
    url = f"http://127.0.0.1:{port}{http_load.PATH}"
    return posted(folder, url, http_load.body(rows).decode(), connections, seconds)


def posted(
    folder: Path, url: str, body: str, connections: int, seconds: float, *, lua: str = ""
) -> dict[str, float]:
    """One body posted as fast as it is answered. folder: for wrk's script. lua: the rest of it."""
    script = folder / "load.lua"
    script.write_text(_LUA % json.dumps(body) + lua)
    argv = ["-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "-s", str(script), url]
    done = subprocess.run([programs()["wrk"], *argv], check=True, capture_output=True, text=True)
    found = json.loads(done.stdout[done.stdout.index('{"requests"') :])
    return {
        "requests": found["requests"],
        "requests_per_s": found["requests"] / found["us"] * 1e6,
        "failures": found["failures"],
        "p50_ms": found["p50"] / 1e3,
        "p99_ms": found["p99"] / 1e3,
    }


def steady(port: int, seconds: float, rows: int, *, rate: float = RATE) -> dict[str, float]:
    argv = [sys.executable, "-m", "benchmarks.http_load", port, 32, rate, seconds, rows]
    done = subprocess.run([str(a) for a in argv], check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(target: Target, folder: Path, size: str, load: str, seconds: float) -> Result:
    def run(duration: float) -> dict[str, float]:
        if load == "steady":
            return steady(target.port, duration, ROWS[size])
        return wrk(folder, target.port, int(load), duration, ROWS[size])

    run(1.0)  # warm
    lost_before, pids = lost(target), family(target.pid)
    before = [cpu_s(pid) for pid in pids]
    found = run(seconds)
    n_lost = lost(target) - lost_before
    used = [cpu_s(pid) - b for pid, b in zip(pids, before, strict=True)]
    return Result(
        process=target.name,
        size=size,
        load=load,
        requests=int(found["requests"]),
        requests_per_s=found["requests_per_s"],
        failures=int(found["failures"]),
        p50_ms=found["p50_ms"],
        p99_ms=found["p99_ms"],
        cpu_us=1e6 * sum(used) / found["requests"],
        proxy_cpu_us=1e6 * used[0] / found["requests"],
        mib=proportional_mib(pids),
        lost=n_lost / found["requests"],
    )


def measured(seconds: float) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name, Supervisor(Path(name)) as processes:
        folder = Path(name)
        folder.chmod(0o755)
        targets = start_all(processes, folder)
        time.sleep(1.0)  # until they are idle
        idle = {target.name: proportional_mib(family(target.pid)) for target in targets}
        print("".join(f"{field.name:>15}" for field in fields(Result)))
        results = [
            shown(measure(target, folder, size, load, seconds))
            for size in ROWS
            for load in (*map(str, CONNECTIONS), "steady")
            for target in targets
        ]
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}",
        "idle_mib": idle,
        "results": [asdict(result) for result in results],
    }


def shown(result: Result) -> Result:
    cells = [f"{c:.3g}" if isinstance(c, float) and c < 100 else c for c in astuple(result)]
    texts = [f"{c:,.0f}" if isinstance(c, float) else str(c) for c in cells]
    print("".join(f"{text:>15}" for text in texts), flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each measurement")
    parser.add_argument("--quick", action="store_true", help="one second each")
    parser.add_argument("--out", type=Path, help="where to write JSON")
    args = parser.parse_args()
    try:
        programs()
    except FileNotFoundError as error:
        print(error)
        return
    report = measured(1.0 if args.quick else args.seconds)
    print("idle, MiB:", report["idle_mib"])
    if args.out:
        args.out.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
