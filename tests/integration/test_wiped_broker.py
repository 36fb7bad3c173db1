"""A broker loses all that it had while every role runs, and comes back as a new one."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pytest
from pyarrow import parquet
from sqlalchemy import func, select

from monitor.apply.client import Client
from monitor.collector.registry import Registry
from monitor.kafka import embedded
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Topics
from monitor.spec.model import Monitor
from monitor.sql import tables
from monitor.sql.database import open_database
from monitor.up.starting import Addresses, Settings, start
from monitor.up.supervisor import Supervisor, free_port
from tests.conftest import Needs, cache_folder
from tests.support import apache_kafka
from tests.support.http_push import push
from tests.support.long import LONG
from tests.support.metrics import metric
from tests.support.waiting import wait_for

HOUR = 3600.0
NOON = 1_700_000_000.0 // HOUR * HOUR
N = 200

PATIENCE_S = 180.0
"""A producer gives up after 20 s what it sent to a broker that is no more; machines are busy."""

pytestmark = [*LONG]

Prepare = Callable[[Path, int], list[str]]
"""Makes an empty disk in a folder; returns the command of a broker on a port that has it."""


@dataclass
class OwnBroker:
    """A broker that no other test uses."""

    prepare: Prepare
    folder: Path
    port: int = field(default_factory=free_port)
    n_starts: int = 0
    _life: ExitStack = field(default_factory=ExitStack)
    _pid: int = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """With an empty disk."""
        disk = self.folder / "disk"
        shutil.rmtree(disk, ignore_errors=True)
        disk.mkdir(parents=True)
        self.n_starts += 1
        logs = self.folder / f"logs-{self.n_starts}"
        supervisor = self._life.enter_context(Supervisor(logs, ready_timeout_s=90.0))
        command = self.prepare(disk, self.port)
        supervisor.start("broker", command, ready=f"tcp://{self.address}")
        self._pid = supervisor.pid("broker")

    def kill(self) -> None:
        os.killpg(os.getpgid(self._pid), signal.SIGKILL)
        self._life.close()


@pytest.fixture(params=["embedded", "apache"])
def own_broker(request: pytest.FixtureRequest, needs: Needs, tmp_path: Path) -> Iterator[OwnBroker]:
    prepare: Prepare = lambda _, port: embedded.command(port)  # noqa: E731
    if request.param == "apache":
        java, jars = needs("java"), apache_kafka.libraries(needs("mvn"), cache_folder())
        prepare = lambda folder, port: apache_kafka.prepare(  # noqa: E731
            java, jars, folder, port=port, controller_port=free_port()
        )
    broker = OwnBroker(prepare, tmp_path / "broker")
    broker.start()
    yield broker
    broker.kill()


def training(path: Path) -> str:
    n = 30 * N
    times = pa.array((NOON - HOUR * 30 + np.arange(n) * 18.0) * 1e6).cast(pa.int64())
    x = np.random.default_rng(0).normal(size=n)
    table = {"x": x, "prediction": 2 * x, "at": times.cast(pa.timestamp("us", "UTC"))}
    parquet.write_table(pa.table(table), path)
    return str(path)


@dataclass
class Running:
    """All roles, with one monitor."""

    client: Client
    addresses: Addresses
    database_url: str

    def push(self, hour: int, ids: range) -> None:
        """So many of the 200 rows of an hour."""
        x = np.random.default_rng(hour).normal(size=N)
        rows = [
            {
                "id": f"{hour}-{i}",
                "time": NOON + (hour + i / N) * HOUR,
                "x": x[i],
                "prediction": 2 * x[i],
            }
            for i in ids
        ]
        body = orjson.dumps({"monitor": "seats", "rows": rows}, option=orjson.OPT_SERIALIZE_NUMPY)
        wait_for(lambda: push(self.addresses.ingest.port, "predictions", body) == 202)

    def rows(self) -> dict[float, int]:
        """By hour, of the reports that there are."""
        found = self.client.reports("seats")
        starts = sorted(report["window"]["start"] for report in found)
        by_start = {report["window"]["start"]: report["n_rows"] for report in found}
        return {number: by_start[start] for number, start in enumerate(starts)}

    def n_known(self, hour: int) -> int:
        """Rows of an hour that detect has heard of."""
        database = open_database(self.database_url)
        t = tables.segments
        query = select(func.sum(t.c.version)).where(t.c.pane_start == NOON + hour * HOUR)
        with database.read() as connection:
            found = connection.scalar(query)
        database.engine.dispose()
        return found or 0

    def metric(self, role: str, name: str) -> float:
        return metric(self.addresses.metrics_urls[role], f"driftmeter_{name}")


@pytest.fixture
def running(own_broker: OwnBroker, supervisor: Supervisor, tmp_path: Path) -> Iterator[Running]:
    data = tmp_path / "data"
    # Silence closes no window: a busy machine may need long for the new broker.
    settings = Settings(data=data, broker=own_broker.address, flush_s=0.2, idle_s=HOUR)
    addresses = start(supervisor, settings)
    document = {
        "apiVersion": "driftmeter.dev/v1",
        "kind": "Monitor",
        "metadata": {"name": "seats"},
        "spec": {
            "reference": {"url": training(tmp_path / "training.parquet"), "time": "at"},
            "lateness": "0s",
        },
    }
    with Client(addresses.api_url) as client:
        declared = client.put_monitor(Monitor.model_validate(document))
        assert client.settle("seats", declared["revision"], timeout_s=60.0)["status"] == "active"
        yield Running(client, addresses, f"sqlite:///{data}/driftmeter.db")


def test_no_row_is_lost_or_doubled_and_it_is_told(own_broker: OwnBroker, running: Running) -> None:
    running.push(0, range(N))
    running.push(1, range(N // 2))
    wait_for(lambda: (running.n_known(0), running.n_known(1)) == (N, N // 2), PATIENCE_S)
    own_broker.kill()
    own_broker.start()
    running.push(1, range(N // 2, N))
    for part in range(8):  # to every partition, so that each says that the hours are over
        running.push(2, range(part, N, 8))
    wait_for(lambda: running.rows() == {0: N, 1: N}, PATIENCE_S)
    assert running.metric("aggregate", "aggregate_new_logs_total") > 0
    assert running.metric("detect", "detect_offset_resets_total") > 0
    assert who_is_known(own_broker.address, running.addresses.topic_prefix) == ["seats"]


def who_is_known(address: str, prefix: str) -> list[str]:
    """The monitors that a collector hears of that starts now."""
    registry = Registry(Broker(servers=(address,), topics=Topics(prefix)), client_id="test")
    registry.start()
    wait_for(lambda: bool(registry.monitors.by_name), PATIENCE_S)
    registry.stop(10.0)
    return list(registry.monitors.by_name)
