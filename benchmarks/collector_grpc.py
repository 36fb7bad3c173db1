"""What the collector costs a model that speaks gRPC, as `benchmarks.collector` asks for HTTP.

model       clients call the model itself: grpc.aio, which answers at once
nginx       through nginx with one worker (grpc_pass)
collector   through a collector that captures everything and publishes it to the embedded broker
no broker   the same with nothing at the broker's address

Clients are grpc.aio too, one and 32 at a time. They and the model take most of the processors, so
that rates say little; the ratio to the model's own, of rounds taken in turn, and the processor time
of the process that relays say what it costs. Needs nginx and curl; without them it says so and
measures nothing.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, fields
from itertools import product
from pathlib import Path

from benchmarks import grpc_load, nginx
from benchmarks.collector import Target, lost, programs, start_broker
from benchmarks.processes import cpu_s, family, proportional_mib
from monitor.kafka.connecting import Broker
from monitor.up.supervisor import Supervisor, free_port

ROWS = {"0.5 kB": 4, "18 kB": 290}
CALLERS = (1, 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Medians over the rounds.

    ratio: of the rate to the model's own in the same round; added_p50_ms: likewise.
    proxy_cpu_us: of the process that relays, per call; cpu_us: with its children.
    lost: share of the calls that were not captured.
    """

    process: str
    size: str
    callers: int
    calls_per_s: float
    ratio: float
    added_p50_ms: float
    p99_ms: float
    proxy_cpu_us: float
    cpu_us: float
    mib: float
    lost: float
    failures: int


@dataclass(frozen=True, slots=True)
class Round:
    found: dict[str, float]
    proxy_cpu_us: float
    cpu_us: float
    lost: float


def start_collector(
    processes: Supervisor, name: str, broker: Broker, model: int, folder: Path
) -> Target:
    listen, ingest = free_port(), free_port()
    argv = [
        *(sys.executable, "-m", "monitor", "collect", "--grpc-upstream", f"127.0.0.1:{model}"),
        *("--grpc-listen", f"127.0.0.1:{listen}", "--ingest", f"127.0.0.1:{ingest}"),
        *("--broker", broker.servers[0], "--topic-prefix", broker.topics.prefix),
        *("--spool", str(folder / name)),
    ]
    processes.start(name, argv, ready=f"http://127.0.0.1:{ingest}/readyz")
    return Target(name, processes.pid(name), listen, ingest)


def start_all(processes: Supervisor, folder: Path) -> list[Target]:
    model, between = free_port(), free_port()
    serve = [sys.executable, "-m", "benchmarks.grpc_load", "serve", str(model)]
    processes.start("model", serve, ready=f"tcp://127.0.0.1:{model}")
    command = nginx.grpc_proxy(programs("nginx")["nginx"], folder, between, model)
    processes.start("nginx", command, ready=f"tcp://127.0.0.1:{between}")
    broker, nobody = start_broker(processes), Broker(servers=("127.0.0.1:1",))
    return [
        Target("model", processes.pid("model"), model),
        Target("nginx", processes.pid("nginx"), between),
        start_collector(processes, "collector", broker, model, folder),
        start_collector(processes, "no broker", nobody, model, folder),
    ]


def load(target: Target, callers: int, seconds: float, n_rows: int) -> dict[str, float]:
    argv = [sys.executable, "-m", "benchmarks.grpc_load", "load"]
    argv += map(str, (target.port, callers, seconds, n_rows))
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(target: Target, callers: int, seconds: float, n_rows: int) -> Round:
    lost_before, pids = lost(target), family(target.pid)
    before = [cpu_s(pid) for pid in pids]
    found = load(target, callers, seconds, n_rows)
    n_lost = lost(target) - lost_before
    used = [1e6 * (cpu_s(pid) - b) for pid, b in zip(pids, before, strict=True)]
    # nginx relays in its worker, a collector in its first process.
    proxy = sum(used) if target.name == "nginx" else used[0]
    n = found["requests"]
    return Round(found, proxy / n, sum(used) / n, n_lost / n)


def summed_up(
    target: Target, size: str, callers: int, rounds: Sequence[Round], own: Sequence[Round]
) -> Result:
    """own: rounds of the model without anything before it, taken in turn with the others."""

    def median(values: Sequence[float]) -> float:
        return statistics.median(values)

    pairs = [(one.found, alone.found) for one, alone in zip(rounds, own, strict=True)]
    return Result(
        process=target.name,
        size=size,
        callers=callers,
        calls_per_s=median([one["requests_per_s"] for one, _ in pairs]),
        ratio=median([one["requests_per_s"] / alone["requests_per_s"] for one, alone in pairs]),
        added_p50_ms=median([one["p50_ms"] - alone["p50_ms"] for one, alone in pairs]),
        p99_ms=median([one["p99_ms"] for one, _ in pairs]),
        proxy_cpu_us=median([one.proxy_cpu_us for one in rounds]),
        cpu_us=median([one.cpu_us for one in rounds]),
        mib=proportional_mib(family(target.pid)),
        lost=median([one.lost for one in rounds]),
        failures=int(sum(one["failures"] for one, _ in pairs)),
    )


def compared(
    targets: Sequence[Target], size: str, callers: int, seconds: float, n_rounds: int
) -> list[Result]:
    """All targets under the same load, in turn."""
    rounds: dict[str, list[Round]] = {target.name: [] for target in targets}
    for target in targets:
        load(target, callers, 0.5, ROWS[size])  # warm
    for _, target in product(range(n_rounds), targets):
        rounds[target.name].append(measure(target, callers, seconds, ROWS[size]))
    own = rounds["model"]
    return [shown(summed_up(t, size, callers, rounds[t.name], own)) for t in targets]


def measured(seconds: float, n_rounds: int) -> dict[str, object]:
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as name, Supervisor(Path(name)) as processes:
        folder = Path(name)
        folder.chmod(0o755)
        targets = start_all(processes, folder)
        time.sleep(1.0)  # until they are idle
        print("".join(f"{field.name:>14}" for field in fields(Result)))
        for size, callers in product(ROWS, CALLERS):
            results += compared(targets, size, callers, seconds, n_rounds)
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}",
        "message_bytes": {size: len(grpc_load.request(n)) for size, n in ROWS.items()},
        "results": [asdict(result) for result in results],
    }


def shown(result: Result) -> Result:
    cells = [f"{c:.3g}" if isinstance(c, float) and c < 100 else c for c in astuple(result)]
    texts = [f"{c:,.0f}" if isinstance(c, float) else str(c) for c in cells]
    print("".join(f"{text:>14}" for text in texts), flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="two rounds of a second")
    parser.add_argument("--out", type=Path, help="where to write JSON")
    args = parser.parse_args()
    try:
        programs("nginx", "curl")
    except FileNotFoundError as error:
        print(error)
        return
    report = measured(1.0, 2) if args.quick else measured(args.seconds, args.rounds)
    if args.out:
        args.out.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
