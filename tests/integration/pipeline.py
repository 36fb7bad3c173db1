"""The roles between Kafka and the reports as processes, and what a collector would do."""

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from pyarrow import parquet
from sqlalchemy import select

from detectors.columns import Floats, Rows
from detectors.decision import Detector
from detectors.decision.budget import Budget
from detectors.decision.performance import UsualPerformance
from detectors.profile import count, count_labels
from detectors.reference import Reference
from detectors.report.compare import report
from monitor import batches
from monitor.apply.registrar import Registrar
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import (
    ARROW,
    Header,
    KafkaHeaders,
    Registration,
    model_version_headers,
    partition_for,
)
from monitor.kafka.publishing import Message, Publisher
from monitor.server.samples import with_samples
from monitor.spec.detection import Detection
from monitor.spec.durations import format_duration
from monitor.spec.model import Monitor
from monitor.sql import registry, tables
from monitor.sql.database import Database
from monitor.sql.store import ArtifactStore
from monitor.up.supervisor import Supervisor, free_port

HOUR = 3600.0
START = 1_700_000_400.0 // HOUR * HOUR

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What happens before SQL is the same on every database; one test runs on all."""


@dataclass
class Pipeline:
    """The roles under test, and what a collector and a reader of reports would do."""

    broker: Broker
    database: Database
    database_url: str
    folder: Path
    processes: ExitStack
    registrar: Registrar
    publisher: Publisher
    sent: dict[int, tuple[Rows, Floats, Floats]] = field(default_factory=dict)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def start(self, role: str, *flags: str) -> int:
        """The process id of a role that is ready; each has a supervisor, so that it may die."""
        port = free_port()
        shared = [
            *("--broker", self.broker.servers[0], "--topic-prefix", self.broker.topics.prefix),
            *("--session-timeout", format_duration(self.broker.session_timeout_s)),
            *("--store", str(self.folder / "store"), "--metrics", f"127.0.0.1:{port}"),
        ]
        if role == "aggregate":
            shared += ["--state", str(self.folder / f"aggregate-{port}")]
        command = [sys.executable, "-m", "monitor", role, *shared, *flags]
        supervisor = self.processes.enter_context(
            Supervisor(self.folder / f"{role}-{port}", stop_timeout_s=0.0)
        )
        supervisor.start(role, command, ready=f"http://127.0.0.1:{port}/readyz")
        return supervisor.pid(role)

    def start_all(self) -> tuple[int, int]:
        """The process ids of aggregate and detect."""
        aggregate = self.start("aggregate", "--flush", "200ms")
        return aggregate, self.start("detect", "--database", self.database_url, "--idle", "1h")

    def apply(self, **spec: Any) -> Registration:
        document = {
            "apiVersion": "driftmeter.dev/v1",
            "kind": "Monitor",
            "metadata": {"name": "seats"},
            "spec": {"lateness": "0s", **spec},
        }
        with self.database.write() as connection:
            registry.put(connection, Monitor.model_validate(document), time.time())
        self.registrar.tick(time.time())
        with self.database.read() as connection:
            found = registry.get(connection, "seats")
        assert found is not None
        return found

    def send(
        self, ids: list[str], times: np.ndarray, values: dict[str, np.ndarray], version: str = ""
    ) -> None:
        """Predictions of the monitor by a version of its model, each in the partition of its id."""
        numbers = np.array([partition_for(i, self.broker.partitions) for i in ids])
        for number in np.unique(numbers):
            at = np.flatnonzero(numbers == number)
            columns = {name: pa.array(v[at]) for name, v in values.items()}
            conformed = batches.conform(columns, (), n=len(at))
            batch = batches.predictions(
                [ids[i] for i in at], times[at], [None] * len(at), conformed
            )
            told = model_version_headers(version)
            self._publish(self.broker.topics.predictions, batch, int(number), told)

    def label(self, ids: list[str], times: np.ndarray, labels: np.ndarray) -> None:
        for i, time_, label in zip(ids, times, labels, strict=True):
            batch = batches.labels([i], [time_], [float(label)])
            self._publish(
                self.broker.topics.labels, batch, partition_for(i, self.broker.partitions)
            )

    def _publish(
        self, topic: str, batch: pa.RecordBatch, partition: int, told: KafkaHeaders = ()
    ) -> None:
        headers = [(Header.MONITOR.value, b"seats"), (Header.CONTENT_TYPE.value, ARROW.encode())]
        value = batches.encode(batch)
        self.publisher.deliver([Message(topic, None, value, [*headers, *told], partition)])

    def hour(self, number: int, n: int = 200, *, shift: float = 0.0) -> tuple[list[str], Any, Any]:
        """Sends one hour of rows in ten messages; returns their ids, times and truths."""
        times = np.sort(START + (number + self.rng.random(n)) * HOUR)
        ids = [f"{number}-{i}" for i in range(n)]
        x, y = self.rng.normal(shift, 1, n), self.rng.normal(0, 1, n)
        values = {"x": x, "y": y, "prediction": x + y}
        self.sent[number] = Rows(values, n), times, x + y + shift
        for part in np.array_split(np.arange(n), 10):
            self.send([ids[i] for i in part], times[part], {k: v[part] for k, v in values.items()})
        return ids, times, x + y + shift

    def recomputed(self, number: int, *, labelled: bool = True) -> dict[str, Any]:
        """The facts of an hour's report, from all its rows at once and no pipeline."""
        reference_id = self.reports()[0]["reference_id"]
        reference = Reference.from_bytes(
            ArtifactStore(str(self.folder / "store")).get(reference_id)
        )
        rows, times, truths = self.sent[number]
        profile = count(rows, reference, times=times)
        if labelled and number == 0:
            at_once = np.zeros(len(truths))
            profile += count_labels(rows.columns["prediction"], truths, reference, delays_s=at_once)
        detector = Detector(reference, window_s=HOUR, budget=Budget())
        usual = UsualPerformance.learn(
            reference, window_s=HOUR, minimum_rows=Detection().minimum_rows
        )
        decision = detector.step(detector.start(), profile)[1]
        made = report(reference, profile, decision, usual=usual)
        return facts(orjson.loads(orjson.dumps(made)))

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in self.folder.glob("*-*/*.log"))

    def reports(self) -> list[dict[str, Any]]:
        t = tables.reports
        with self.database.read() as connection:
            found = connection.scalars(select(t.c.body).order_by(t.c.window_start)).all()
            return with_samples(connection, found)

    def until(
        self, reached: Callable[[list[dict[str, Any]]], bool], *, timeout_s: float = 100.0
    ) -> list[dict[str, Any]]:
        """The reports, once they are as they should be."""
        deadline = time.monotonic() + timeout_s
        while not reached(found := self.reports()):
            assert time.monotonic() < deadline, (found, self.logs())
            time.sleep(0.05)
        return found


def write_reference(folder: Path) -> str:
    """Thirty quiet hours of 200 rows, with the truth."""
    rng, n = np.random.default_rng(1), 6_000
    x, y = rng.normal(0, 1, n), rng.normal(0, 1, n)
    columns = {"x": x, "y": y, "prediction": x + y, "truth": x + y + rng.normal(0, 0.1, n)}
    path = folder / "reference.parquet"
    times = START - 30 * HOUR + np.arange(n) * HOUR / 200
    parquet.write_table(pa.table({**columns, "at": times}), path)
    return str(path)


def spec(reference: str, **more: Any) -> dict[str, Any]:
    return {"reference": {"url": reference, "time": "at"}, "label": "truth", **more}


def facts(report: dict[str, Any]) -> dict[str, Any]:
    """What a report says that follows from its rows and labels alone."""
    return {
        "n_rows": report["n_rows"],
        "realised": report["realised"],
        "columns": {column["name"]: column["current"] for column in report["columns"]},
    }
