"""What the collector costs a model: requests through it and around it, in one run.

Model, load generator, collector and the embedded
broker are processes that share the machine's cores; compare within one run.

direct      the load generator calls the model itself
proxy       through a collector that captures everything and publishes it
no broker   the same with nothing at the broker's address
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from detectors.columns import ColumnType, Field, Role
from monitor import embedded
from monitor.kafka import Broker
from monitor.messages import Registration, Topics
from monitor.spec import Monitor
from monitor.supervisor import Supervisor, free_port

HERE = Path(__file__).parent
CASES = ((1, 1), (32, 1), (32, 100))
TICKS = os.sysconf("SC_CLK_TCK")


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
    numbers = [Field(f"x{i}", ColumnType.FLOAT) for i in range(10)]
    texts = [Field("day", ColumnType.CATEGORY), Field("event", ColumnType.CATEGORY)]
    prediction = Field("prediction", ColumnType.FLOAT, Role.PREDICTION)
    return Registration(
        monitor=monitor,
        revision=1,
        state="active",
        reference_id="sha256:0",
        schema=(*numbers, *texts, prediction),
    )


def start_broker(processes: Supervisor) -> Broker:
    port = free_port()
    processes.start("broker", embedded.command(port), ready=f"tcp://127.0.0.1:{port}")
    broker = Broker(servers=(f"127.0.0.1:{port}",), topics=Topics(embedded.fresh_prefix()))
    broker.create_topics()
    producer = broker.producer(client_id="benchmark")
    known = registration("bench")
    producer.send(broker.topics.monitors, key=known.key, value=known.to_bytes()).get(10)
    producer.close()
    return broker


def start_collector(
    processes: Supervisor, name: str, broker: Broker, model: int, spool: Path
) -> int:
    """Returns the port of the proxy."""
    listen, ingest = free_port(), free_port()
    argv = [
        *(sys.executable, "-m", "monitor", "collect", "--upstream", f"http://127.0.0.1:{model}"),
        *("--listen", f"127.0.0.1:{listen}", "--ingest", f"127.0.0.1:{ingest}"),
        *("--broker", broker.servers[0], "--topic-prefix", broker.topics.prefix),
        *("--spool", str(spool / name)),
    ]
    processes.start(name, argv, ready=f"http://127.0.0.1:{ingest}/readyz")
    return listen


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def load(port: int, connections: int, seconds: float, rows: int) -> dict[str, float]:
    argv = [sys.executable, str(HERE / "http_load.py"), "load"]
    done = subprocess.run(
        [*argv, *map(str, (port, connections, seconds, rows))],
        check=True,
        capture_output=True,
        text=True,
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def measure(
    processes: Supervisor, name: str, port: int, connections: int, rows: int, seconds: float
) -> dict[str, object]:
    pid = processes.pid(name)
    load(port, connections, seconds / 4, rows)  # warm
    before = cpu_s(pid)
    result = load(port, connections, seconds, rows)
    time.sleep(0.5)  # what was captured last is still being published
    return {
        **result,
        "process": name,
        "connections": connections,
        "rows": rows,
        "cpu_us_per_request": 1e6 * (cpu_s(pid) - before) / result["requests"],
        "resident_mib": resident_mib(pid),
    }


def import_weight() -> dict[str, float]:
    """Seconds and memory that importing the collector takes, in a process of its own."""
    script = (
        "import time, resource; t = time.perf_counter(); import monitor.collector.command; "
        "print(time.perf_counter() - t, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    done = [
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
        for _ in range(3)
    ]
    seconds, mib = min(tuple(map(float, run.stdout.split())) for run in done)
    return {"import_s": seconds, "resident_mib": mib}


def measured(seconds: float) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder, Supervisor(Path(folder)) as processes:
        model = free_port()
        argv = [sys.executable, str(HERE / "http_load.py"), "model", str(model)]
        processes.start("direct", argv, ready=f"tcp://127.0.0.1:{model}")
        broker = start_broker(processes)
        nobody = Broker(servers=("127.0.0.1:1",))
        ports = {
            "direct": model,
            "proxy": start_collector(processes, "proxy", broker, model, Path(folder)),
            "no broker": start_collector(processes, "no broker", nobody, model, Path(folder)),
        }
        results = [
            measure(processes, name, port, connections, rows, seconds)
            for connections, rows in CASES
            for name, port in ports.items()
        ]
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}",
        "import": import_weight(),
        "results": results,
    }


def show(report: dict[str, object]) -> None:
    columns = ("process", "connections", "rows", "requests_per_s", "p50_ms", "p99_ms")
    more = ("cpu_us_per_request", "resident_mib", "failures")
    print("".join(f"{name:>20}" for name in (*columns, *more)))
    results = report["results"]
    assert isinstance(results, list)
    for result in results:
        cells = [result[name] for name in (*columns, *more)]
        shown = [f"{c:.2f}" if isinstance(c, float) else str(c) for c in cells]
        print("".join(f"{cell:>20}" for cell in shown))
    print(report["import"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=4.0, help="for each measurement")
    parser.add_argument("--out", type=Path, help="where to write JSON")
    args = parser.parse_args()
    report = measured(args.seconds)
    show(report)
    if args.out:
        args.out.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
