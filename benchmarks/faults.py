"""What the model's clients notice of faults behind the proxy, at 1,000 requests a second.

With slow clients it is 200.

Each fault is measured beside a healthy run just before it.

no broker        the broker is stopped
full spool       the broker is stopped, and the spool has reached its limit
slow disk        every fdatasync takes 500 ms longer (needs strace)
unreadable       no body can be read as a prediction: all are dead letters
stalled          the recorder's process is stopped
killed           the recorder's process is killed every two seconds
slow clients     500 others send a request's head at a byte a second

`lost` is what the collector says that it has dropped. Ratios of p99 are of the two runs; on shared
cores they vary.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path

from benchmarks import http_load, nginx
from benchmarks.collector import (
    RATE,
    ROWS,
    Target,
    lost,
    programs,
    start_broker,
    start_collector,
    steady,
)
from benchmarks.processes import family
from monitor.up.supervisor import Supervisor, free_port

N_SLOW = 500
KILL_EVERY_S = 2.0
UNREADABLE = 0
RATES = {"slow clients": 200.0}
SMALL = ROWS["300 B"]


class Scene:
    """A model, a broker, and a collector between them."""

    def __init__(self, processes: Supervisor, folder: Path) -> None:
        port = free_port()
        command = nginx.model(
            programs()["nginx"], folder, port, {len(http_load.body(SMALL)): SMALL}
        )
        processes.start("model", command, ready=f"tcp://127.0.0.1:{port}")
        broker = start_broker(processes)
        self.broker = processes.pid("broker")
        self.collector: Target = start_collector(
            processes, "collector", broker, port, folder, limit="32MiB"
        )

    @property
    def recorder(self) -> int:
        return family(self.collector.pid)[1]


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def full_spool(scene: Scene) -> Iterator[None]:
    with stopped(scene.broker):
        before = lost(scene.collector)
        while lost(scene.collector) == before:
            steady(scene.collector.port, 5.0, SMALL, rate=4000.0)
        yield


@contextmanager
def slow_disk(scene: Scene) -> Iterator[None]:
    slow = ["-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=500000"]
    argv = ["strace", "-f", "-qq", "-o", "/dev/null", *slow, "-p", str(scene.recorder)]
    with subprocess.Popen(argv) as tracer:
        yield
        tracer.terminate()


@contextmanager
def killed(scene: Scene) -> Iterator[None]:
    ended = threading.Event()

    def kill() -> None:
        while not ended.wait(KILL_EVERY_S):
            for pid in family(scene.collector.pid)[1:]:
                os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    yield
    ended.set()
    killer.join()


@contextmanager
def slow_clients(scene: Scene) -> Iterator[None]:
    address = ("127.0.0.1", scene.collector.port)
    ended = threading.Event()
    with ExitStack() as connections:
        slow = [connections.enter_context(socket.create_connection(address)) for _ in range(N_SLOW)]

        def trickle() -> None:
            head = iter(b"GET / HTTP/1.1\r\nHost: m\r\nX: " + b"x" * 10_000)
            while not ended.wait(1.0):
                byte = bytes([next(head)])
                for i, connection in enumerate(slow):
                    try:
                        connection.sendall(byte)
                    except OSError:  # it was given up
                        slow[i] = connections.enter_context(socket.create_connection(address))

        trickler = threading.Thread(target=trickle)
        trickler.start()
        yield
        ended.set()
        trickler.join()


def nothing(_: Scene) -> AbstractContextManager[None]:
    return nullcontext()


FAULTS: dict[str, Callable[[Scene], AbstractContextManager[None]]] = {
    "no broker": lambda scene: stopped(scene.broker),
    "slow disk": slow_disk,
    "unreadable": nothing,
    "stalled": lambda scene: stopped(scene.recorder),
    "killed": killed,
    "slow clients": slow_clients,
    "full spool": full_spool,
}


def measured(name: str, scene: Scene, seconds: float) -> dict[str, object]:
    port, rate = scene.collector.port, RATES.get(name, RATE)
    healthy = steady(port, seconds, SMALL, rate=rate)
    before = lost(scene.collector)
    with FAULTS[name](scene):
        found = steady(port, seconds, UNREADABLE if name == "unreadable" else SMALL, rate=rate)
    return {
        "fault": name,
        "requests": found["requests"],
        "failures": found["failures"],
        "p50_ms": found["p50_ms"],
        "p99_ms": found["p99_ms"],
        "healthy_p50_ms": healthy["p50_ms"],
        "healthy_p99_ms": healthy["p99_ms"],
        "p99_ratio": found["p99_ms"] / healthy["p99_ms"],
        "lost": lost(scene.collector) - before,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=20.0, help="for each measurement")
    parser.add_argument("--quick", action="store_true", help="three seconds each")
    parser.add_argument("--out", type=Path, help="where to write JSON")
    args = parser.parse_args()
    seconds = 3.0 if args.quick else args.seconds
    try:
        programs("nginx", "curl", "strace")
    except FileNotFoundError as error:
        sys.exit(str(error))
    results = []
    with tempfile.TemporaryDirectory() as name, Supervisor(Path(name)) as processes:
        Path(name).chmod(0o755)
        scene = Scene(processes, Path(name))
        for each in FAULTS:
            results.append(result := measured(each, scene, seconds))
            if len(results) == 1:
                print("".join(f"{column:>16}" for column in result))
            cells = [f"{c:.3g}" if isinstance(c, float) else str(c) for c in result.values()]
            print("".join(f"{cell:>16}" for cell in cells), flush=True)
            time.sleep(1.0)
    if args.out:
        args.out.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
