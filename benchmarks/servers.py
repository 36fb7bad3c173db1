"""What a collector costs real model servers: requests a second through it, and without it.

KServe's Python server and MLServer serve the model of `model_servers.seats`, and a collector in
front of each captures everything and publishes it to the embedded broker. Rounds go through the
collector and around it in turn, so that what else the machine does falls on both; the ratio is of
the two of each round. Must reach: a median of 0.97. The server has the machine's first core, and
everything else the others, as a collector has a share of its own beside a model.

Needs h2load (Debian: nghttp2-client); the servers are installed where they are missing.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path

import numpy as np

from benchmarks import h2load
from benchmarks.collector import start_broker
from benchmarks.h2load import Load, Rate
from benchmarks.processes import cpu_s, family
from benchmarks.real_servers import requests, starting
from benchmarks.real_servers.environments import install
from benchmarks.real_servers.requests import Call, Rides
from benchmarks.real_servers.starting import Listening
from monitor.kafka.connecting import Broker
from monitor.up.supervisor import Supervisor, free_port
from tests.servers import grpc_calls, watching
from tests.support import running_collector
from tests.support.running_collector import RunningCollector

N_RIDES = 4
CONNECTIONS = 8
CORES = sorted(os.sched_getaffinity(0))

FORMATS: dict[str, dict[str, Callable[[str, Rides], Call]]] = {
    "kserve": {
        "V1": requests.kserve_v1,
        "V2": requests.open_inference,
        "V2 binary": requests.open_inference_binary,
        "V2 gRPC": grpc_calls.typed,
    },
    "mlserver": {"V2": requests.open_inference, "V2 gRPC": grpc_calls.typed},
}


@dataclass(frozen=True, slots=True)
class Watched:
    """A model server, and the collector in front of it, with the process ids of both."""

    name: str
    server: Listening
    collector: RunningCollector
    proxy: Listening
    pids: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """direct, proxied: medians of requests a second. ratio: the median of proxied / direct over
    the rounds, and its quartiles. cpu_ratio: the same of the server's CPU a request, direct /
    proxied. cpu_us: of the collector's processes, a request. lost: exchanges that the collector
    dropped.
    """

    server: str
    format: str
    direct: float
    proxied: float
    ratio: float
    lower: float
    upper: float
    cpu_ratio: float
    cpu_us: float
    failures: int
    lost: float


@contextmanager
def on_cores(cores: Sequence[int]) -> Iterator[None]:
    """What is started meanwhile runs on these cores, and stays there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def start(processes: Supervisor, name: str, broker: Broker, folder: Path) -> Watched:
    """A server by its name in FORMATS, and its collector. folder: an empty one."""
    install(name)
    is_kserve = name == "kserve"
    with on_cores(CORES[:1]):
        server = starting.kserve(processes) if is_kserve else starting.mlserver(processes, folder)
    grpc = free_port()
    flags = [
        *("--upstream", f"http://127.0.0.1:{server.http}"),
        *("--grpc-upstream", f"127.0.0.1:{server.grpc}", "--grpc-listen", f"127.0.0.1:{grpc}"),
    ]
    collector = running_collector.start(
        processes, broker, folder / "spool", flags=("--spool-limit", "1GiB", *flags)
    )
    pids = (processes.pid(name), processes.pid("collect"))
    return Watched(name, server, collector, Listening(collector.listen, grpc), pids)


def measure(watched: Watched, label: str, load: Load, *, rounds: int, seconds: float) -> Result:
    lost_before = lost(watched.collector)
    ports = [watched.server.http, watched.proxy.http]
    if load.is_grpc:
        ports = [watched.server.grpc, watched.proxy.grpc]
    rounds_ = [one_round(watched, load, ports, seconds, reverse=i % 2 == 1) for i in range(rounds)]
    rates, server_us, collector_us = np.array(
        [[[turn.rate.per_s, turn.server_us, turn.collector_us] for turn in one] for one in rounds_]
    ).transpose(2, 1, 0)
    lower, ratio, upper = np.quantile(rates[1] / rates[0], [0.25, 0.5, 0.75])
    return Result(
        server=watched.name,
        format=label,
        direct=float(np.median(rates[0])),
        proxied=float(np.median(rates[1])),
        ratio=float(ratio),
        lower=float(lower),
        upper=float(upper),
        cpu_ratio=float(np.median(server_us[0] / server_us[1])),
        cpu_us=float(np.median(collector_us[1])),
        failures=sum(turn.rate.failures for one in rounds_ for turn in one),
        lost=lost(watched.collector) - lost_before,
    )


@dataclass(frozen=True, slots=True)
class Turn:
    """One measurement; µs of CPU a request, of the server and of the collector."""

    rate: Rate
    server_us: float
    collector_us: float


def one_round(
    watched: Watched, load: Load, ports: Sequence[int], seconds: float, *, reverse: bool
) -> Sequence[Turn]:
    """The turns at the ports, which are taken from the last to the first if reversed."""
    order = reversed(range(len(ports))) if reverse else range(len(ports))
    turns = {i: one_turn(watched, load, ports[i], seconds) for i in order}
    return [turns[i] for i in range(len(ports))]


def one_turn(watched: Watched, load: Load, port: int, seconds: float) -> Turn:
    before = [with_children(pid) for pid in watched.pids]
    rate = load.run(port, connections=CONNECTIONS, seconds=seconds)
    used = [with_children(pid) - was for pid, was in zip(watched.pids, before, strict=True)]
    n = rate.per_s * (seconds + h2load.WARM_UP_S)
    server_us, collector_us = (1e6 * s / n for s in used)
    return Turn(rate, server_us, collector_us)


def with_children(pid: int) -> float:
    """Seconds of CPU that a process and its children have used."""
    return sum(map(cpu_s, family(pid)))


def lost(collector: RunningCollector) -> float:
    """Exchanges that were dropped."""
    samples = collector.metrics().splitlines()
    dropped = [line for line in samples if line.startswith("driftmeter_collector_dropped_total")]
    return sum(float(line.rpartition(" ")[2]) for line in dropped)


def measured(*, rounds: int, seconds: float) -> dict[str, object]:
    results = []
    print("".join(f"{field.name:>10}" for field in fields(Result)))
    for name, formats in FORMATS.items():
        with tempfile.TemporaryDirectory() as path, Supervisor(Path(path) / "logs") as processes:
            folder = Path(path)
            watched = start(processes, name, start_broker(processes, watching.REGISTRATION), folder)
            for label, in_format in formats.items():
                call = in_format("bench", requests.rides(N_RIDES, seed=1))
                is_grpc = in_format is grpc_calls.typed
                load = Load.write(call, folder / "body", is_grpc=is_grpc)
                results.append(measure(watched, label, load, rounds=rounds, seconds=seconds))
                print("".join(f"{text(cell):>10}" for cell in astuple(results[-1])), flush=True)
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}",
        "results": [asdict(result) for result in results],
    }


def text(cell: object) -> str:
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=21, help="of each server and format")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each measurement")
    parser.add_argument("--quick", action="store_true", help="five rounds of one second")
    parser.add_argument("--out", type=Path, help="where to write JSON")
    args = parser.parse_args()
    try:
        h2load.program()
    except FileNotFoundError as error:
        print(error)
        return
    rounds, seconds = (5, 1.0) if args.quick else (args.rounds, args.seconds)
    with on_cores(CORES[1:] or CORES):
        report = measured(rounds=rounds, seconds=seconds)
    if args.out:
        args.out.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
