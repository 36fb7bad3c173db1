"""How soon a collector is ready, and what it holds in memory.

ready       from the start of the process until /readyz answers 200, the shortest and the median
resident    all pages of all its processes (RSS), added up: what they share counts twice
shared once the same, each page divided by those who share it (PSS). Libraries that other programs
            on the machine use at that moment cost less, so it is lower where there are some.
anonymous   pages that are no file's: what a limit of memory cannot take back

All processes share the machine's cores. Needs nginx and curl; without them it says so.
"""

import argparse
import http.client
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks import http_load, nginx
from benchmarks.collector import ROWS, programs, start_broker, start_collector, steady
from benchmarks.processes import family
from monitor.kafka.connecting import Broker
from monitor.up.supervisor import Supervisor, free_port

N_STARTS = 9
POLL_S = 0.002
SETTLE_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """MiB of some processes together."""

    resident: float
    shared_once: float
    anonymous: float

    @classmethod
    def of(cls, pids: Sequence[int]) -> "Memory":
        rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids]

        def total(name: str) -> float:
            found = (re.search(rf"^{name}: +(\d+)", text, re.MULTILINE) for text in rollups)
            return round(sum(int(match[1]) for match in found if match) / 1024, 1)

        return cls(resident=total("Rss"), shared_once=total("Pss"), anonymous=total("Anonymous"))


def is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def ready_s(broker: Broker, folder: Path, upstream: Sequence[str]) -> float:
    """Of one collector, which is ended then."""
    listen, ingest = free_port(), free_port()
    argv = [
        *(sys.executable, "-m", "monitor", "collect", *upstream),
        *("--listen", f"127.0.0.1:{listen}", "--ingest", f"127.0.0.1:{ingest}"),
        *("--broker", broker.servers[0], "--topic-prefix", broker.topics.prefix),
        *("--spool", str(folder)),
    ]
    started = time.perf_counter()
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as process:
        while not is_ready(ingest):
            time.sleep(POLL_S)
        taken = time.perf_counter() - started
        process.send_signal(signal.SIGTERM)
    return taken


def starts(broker: Broker, folder: Path) -> dict[str, tuple[float, float]]:
    """The shortest and the median, of a collector without a proxy and of one with."""
    found = {}
    for name, upstream in (("alone", ()), ("with a proxy", ("--upstream", "http://127.0.0.1:1"))):
        times = [ready_s(broker, folder / f"{name} {i}", upstream) for i in range(N_STARTS)]
        found[name] = (min(times), median(times))
        print(f"ready, {name}: {min(times):.2f} s, median {median(times):.2f} s", flush=True)
    return found


def held(broker: Broker, processes: Supervisor, folder: Path, seconds: float) -> dict[str, object]:
    port = free_port()
    sizes = {len(http_load.body(n)): n for n in ROWS.values()}
    command = nginx.model(programs()["nginx"], folder, port, sizes)
    processes.start("model", command, ready=f"tcp://127.0.0.1:{port}")
    collector = start_collector(processes, "collector", broker, port, folder)
    time.sleep(SETTLE_S)
    found = {"idle": Memory.of(family(collector.pid))}
    for size, rows in ROWS.items():
        steady(collector.port, seconds, rows)
        found[f"1,000 a second of {size}"] = Memory.of(family(collector.pid))
    for name, memory in found.items():
        print(
            f"{name}: resident {memory.resident} MiB, shared once {memory.shared_once}, "
            f"anonymous {memory.anonymous}"
        )
    return {name: asdict(memory) for name, memory in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each load")
    parser.add_argument("--quick", action="store_true", help="three seconds each")
    parser.add_argument("--out", type=Path, help="where to write JSON")
    args = parser.parse_args()
    try:
        programs("nginx", "curl")
    except FileNotFoundError as error:
        print(error)
        return
    with tempfile.TemporaryDirectory() as name, Supervisor(Path(name)) as processes:
        folder = Path(name)
        folder.chmod(0o755)
        broker = start_broker(processes)
        report = {
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, "
            f"Python {sys.version.split()[0]}",
            "ready_s": starts(broker, folder),
            "mib": held(broker, processes, folder, 3.0 if args.quick else args.seconds),
        }
    if args.out:
        args.out.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
