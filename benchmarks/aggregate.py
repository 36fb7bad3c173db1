"""What one aggregate counts: from a broker to profiles, on one core, and with two replicas.

arrow       messages of 1,000 rows of 20 numbers, as collectors send them
json        messages of one row of 20 numbers, as other producers may
two         the arrow messages again, by two replicas on two cores
parts       what each step costs by itself, in this process, without a broker

Every aggregate is a process of its own, bound to one core where `taskset` is there; the broker is
the embedded one unless --broker names another. `per_s` is by the clock, `per_cpu_s` by the
process's own time: on a machine with other work on it only the latter says something.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import orjson
import pyarrow as pa
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.processes import cpu_s, resident_mib
from detectors.columns import ColumnType, Field, Role, Rows
from detectors.profile.sample import SampleLimits
from detectors.reference import Reference
from monitor import batches
from monitor.aggregate.counting import Aggregator, Limits
from monitor.aggregate.reading import read_predictions
from monitor.aggregate.rows import log_rows
from monitor.aggregate.tally import Tally
from monitor.kafka import embedded
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import ARROW, JSON, Header, KafkaHeaders, Registration, Topics
from monitor.kafka.publishing import Message, Publisher
from monitor.kafka.records import Partition, Record
from monitor.spec.model import Monitor
from monitor.sql.store import ArtifactStore, References
from monitor.telemetry.instruments import Instruments
from monitor.up.supervisor import Supervisor, free_port

HOUR = 3600.0
START = 1_700_000_000.0 // HOUR * HOUR
N_COLUMNS = 20
PARTITIONS = 4

Row = dict[str, float | str]


def schema(n_columns: int) -> tuple[Field, ...]:
    features = (Field(f"x{i}", ColumnType.FLOAT) for i in range(n_columns - 1))
    return (*features, Field("prediction", ColumnType.FLOAT, Role.PREDICTION))


def fit(n_columns: int, *, n_rows: int = 20_000) -> Reference:
    """A reference of a month of normal values, that keeps no rows."""
    rng = np.random.default_rng(n_columns)
    rows = Rows({f.name: rng.normal(size=n_rows) for f in schema(n_columns)}, n_rows)
    times = START - 30 * 86_400 + np.arange(n_rows) * 30 * 86_400 / n_rows
    fitted = Reference.fit(
        rows, schema(n_columns), times=times, window_lengths_s=(86_400.0,), prediction="prediction"
    )
    return fitted.sampling(SampleLimits(rows=0, size_bytes=0))


def registration(reference: Reference, name: str = "seats") -> Registration:
    document = {
        "apiVersion": "driftmeter.dev/v1",
        "kind": "Monitor",
        "metadata": {"name": name},
        "spec": {"reference": "training.parquet"},
    }
    return Registration(
        monitor=Monitor.model_validate(document),
        revision=1,
        state="active",
        reference_id=reference.id,
        schema=reference.schema,
    )


def arrow(number: int, reference: Reference, n_rows: int = 1_000) -> bytes:
    """Rows of one minute."""
    rng = np.random.default_rng(number)
    columns = {f.name: pa.array(rng.normal(size=n_rows)) for f in reference.schema}
    conformed = batches.conform(columns, reference.schema, n=n_rows)
    ids = [f"{number:08x}-{i:04x}" for i in range(n_rows)]
    times = START + np.arange(n_rows) * 60 / n_rows
    return batches.encode(batches.predictions(ids, times, [None] * n_rows, conformed))


def one_row(number: int, reference: Reference) -> bytes:
    rng = np.random.default_rng(number)
    values = dict(zip((f.name for f in reference.schema), rng.normal(size=N_COLUMNS), strict=False))
    row = {"id": f"{number:08x}", "time": START + number % 60, **values}
    return orjson.dumps({"rows": [row]}, option=orjson.OPT_SERIALIZE_NUMPY)


def headers(content_type: str, name: str = "seats") -> list[tuple[str, bytes]]:
    return [
        (Header.MONITOR.value, name.encode()),
        (Header.CONTENT_TYPE.value, content_type.encode()),
    ]


@dataclass
class Bench:
    """A broker, a store, and the processes under test."""

    server: str
    folder: Path

    def broker(self) -> Broker:
        """With topics of its own."""
        broker = Broker(
            servers=(self.server,), topics=Topics(embedded.fresh_prefix()), partitions=PARTITIONS
        )
        broker.create_topics()
        return broker

    def drained(
        self,
        values: Sequence[bytes],
        content_type: str,
        n_rows: int,
        reference: Reference,
        n: int,
        *,
        more: Callable[[int], KafkaHeaders] = lambda _: [],
    ) -> Row:
        """How quickly `n` replicas count what is there when they begin.

        n_rows: in a message. more: further headers of a message, by its number.
        """
        broker = self.broker()
        publisher = Publisher(broker, client_id="bench")
        one = registration(reference)
        publisher.deliver([Message(broker.topics.monitors, one.key, one.to_bytes())])
        topic, told = broker.topics.predictions, headers(content_type)
        for start in range(0, len(values), 500):
            part = enumerate(values[start : start + 500], start)
            publisher.deliver(
                [Message(topic, None, v, [*told, *more(i)], i % PARTITIONS) for i, v in part]
            )
        publisher.close()
        with Supervisor(self.folder / broker.topics.prefix) as processes:
            ports = [self._start(processes, broker, core) for core in range(n)]
            pids = [processes.pid(f"aggregate-{core}") for core in range(n)]
            return _measured(ports, pids, len(values) * n_rows)

    def _start(self, processes: Supervisor, broker: Broker, core: int) -> int:
        port = free_port()
        bound = ["taskset", "-c", str(core)] if shutil.which("taskset") else []
        command = [
            *(*bound, sys.executable, "-m", "monitor", "aggregate"),
            *("--broker", self.server, "--topic-prefix", broker.topics.prefix),
            *("--store", str(self.folder / "store"), "--metrics", f"127.0.0.1:{port}"),
            *("--state", str(self.folder / "state"), "--device", "cpu", "--session-timeout", "6s"),
        ]
        processes.start(
            f"aggregate-{core}", command, env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        )
        return port


def _measured(ports: Sequence[int], pids: Sequence[int], n_rows: int) -> Row:
    """From the first rows that were counted, of every replica, to the last."""
    deadline = time.monotonic() + 300
    while not all(counted := [_counted(port) for port in ports]) and sum(counted) < n_rows:
        assert time.monotonic() < deadline, "nothing is counted"
        time.sleep(0.01)
    first, began, cpu = sum(counted), time.perf_counter(), sum(map(cpu_s, pids))
    while (n := sum(map(_counted, ports))) < n_rows:
        assert time.monotonic() < deadline, f"{n} of {n_rows} rows were counted"
        time.sleep(0.1)  # asking costs the process under test something
    seconds, spent = time.perf_counter() - began, sum(map(cpu_s, pids)) - cpu
    return {
        "rows": n_rows - first,
        "per_s": round((n_rows - first) / seconds),
        "per_cpu_s": round((n_rows - first) / spent),
        "mib": round(sum(map(resident_mib, pids))),
    }


def _counted(port: int) -> float:
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return 0.0
    families = text_string_to_metric_families(text)
    name = "driftmeter_aggregate_rows_total"
    return sum(s.value for family in families for s in family.samples if s.name == name)


def parts(reference: Reference, store: ArtifactStore, *, n: int) -> Iterator[Row]:
    """What the steps cost by themselves, in nanoseconds of this process's time for a row."""
    references = References(store)
    kinds = {
        "arrow": (ARROW, [arrow(i, reference) for i in range(n)], 1_000),
        "json": (JSON, [one_row(i, reference) for i in range(n * 50)], 1),
    }
    for kind, (content_type, values, n_rows) in kinds.items():
        records = [
            Record("t.predictions", 0, i, START + 60, value, headers(content_type))
            for i, value in enumerate(values)
        ]
        n_all, one = n_rows * len(records), registration(reference)

        def decoding() -> object:
            return read_predictions(records, one)[0]  # noqa: B023 - called at once

        def turning() -> object:
            return list(log_rows(read_predictions(records, one)[0], reference.schema))  # noqa: B023

        def counting() -> object:
            tally = Tally(Instruments(CollectorRegistry()))
            aggregator = Aggregator(Topics("t."), references, tally, limits=Limits(device="cpu"))
            aggregator.assign(Partition("t.predictions", 0), first=0, reading_from=0)
            aggregator.read(records, lambda _: {"seats": one}, 0.0)  # noqa: B023
            return [profile.to_bytes() for _, profile in aggregator.changed()]

        decoded, turned, everything = (
            _least(f) / n_all * 1e9 for f in (decoding, turning, counting)
        )
        yield {
            "what": f"parts of {kind}",
            "decode_ns": round(decoded),
            "to_columns_ns": round(turned - decoded),
            "count_ns": round(everything - turned),
            "per_cpu_s": round(1e9 / everything),
        }


def _least(work: Callable[[], object], *, times: int = 5) -> float:
    spent = []
    for _ in range(times):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return min(spent)


@contextmanager
def bench(server: str | None) -> Iterator[Bench]:
    with (
        tempfile.TemporaryDirectory() as folder,
        Supervisor(Path(folder) / "servers") as servers,
    ):
        if server is None:
            port = free_port()
            servers.start("broker", embedded.command(port), ready=f"tcp://127.0.0.1:{port}")
            server = f"127.0.0.1:{port}"
        yield Bench(server, Path(folder))


def measure(server: str | None, *, quick: bool) -> Iterator[Row]:
    reference = fit(N_COLUMNS)
    with bench(server) as under:
        store = ArtifactStore(str(under.folder / "store"))
        store.put(reference.to_bytes())
        n = 2_000 if quick else 6_000
        of_arrow = [arrow(i, reference) for i in range(n)]
        of_json = [one_row(i, reference) for i in range(n * 60)]
        yield {"what": "arrow", **under.drained(of_arrow, ARROW, 1_000, reference, 1)}
        yield {"what": "json", **under.drained(of_json, JSON, 1, reference, 1)}
        yield {"what": "two", **under.drained(of_arrow, ARROW, 1_000, reference, 2)}
        yield from parts(reference, store, n=100)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--broker", help="host:port of a Kafka; without, the embedded broker")
    parser.add_argument("--quick", action="store_true", help="fewer messages")
    parser.add_argument("--out", type=Path, help="where to write JSON")
    args = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(machine)
    rows = []
    for row in measure(args.broker, quick=args.quick):
        rows.append(row)
        numbers = "".join(f"{k} {v:<12,}" for k, v in row.items() if not isinstance(v, str))
        print(f"{row['what']:<16}{numbers}", flush=True)
    if args.out:
        args.out.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
