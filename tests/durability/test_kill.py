"""A collector is killed while rows are pushed to it, again and again."""

import http.client
import os
import random
import signal
import threading
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import orjson
import pytest

from monitor.batches import decode
from monitor.kafka import Broker
from monitor.messages import Header, header
from monitor.records import Record
from monitor.supervisor import Supervisor
from tests.support.kafka_topics import read_until
from tests.support.long import LONG
from tests.support.recorders import all_of, ids
from tests.support.registrations import announce, registration
from tests.support.running_collector import RunningCollector, start
from tests.support.waiting import wait_for

N_CLIENTS = 4
N_ROWS = 20
"""In one push."""


@dataclass
class Clients:
    """Push as fast as they are answered, and remember what was acknowledged."""

    acknowledged: set[str] = field(default_factory=set)
    issued: set[str] = field(default_factory=set)
    numbers: "count[int]" = field(default_factory=count)

    def run(self, port: int) -> None:
        """Until the collector does not answer any more."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            while True:
                n = next(self.numbers)
                ids = [f"{n}/{i}" for i in range(N_ROWS)]
                self.issued.update(ids)
                rows = [{"id": i, "label": 1} for i in ids]
                body = orjson.dumps({"monitor": "seats", "rows": rows})
                connection.request("POST", "/v1/labels", body)
                answer = connection.getresponse()
                answer.read()
                if answer.status == 202:
                    self.acknowledged.update(ids)
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()


def knows_its_monitors(collector: RunningCollector) -> bool:
    return collector.push("labels", [])[0] == 202


def push_and_kill(broker: Broker, clients: Clients, folder: Path, seconds: float) -> None:
    with Supervisor(folder / "logs") as processes:
        collector = start(processes, broker, folder / "spool")
        wait_for(lambda: knows_its_monitors(collector))
        threads = [
            threading.Thread(target=clients.run, args=(collector.ingest,)) for _ in range(N_CLIENTS)
        ]
        for thread in threads:
            thread.start()
        time.sleep(seconds)  # the moment of the kill, not a wait for anything
        os.kill(processes.pid("collect"), signal.SIGKILL)
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("n_kills", [10, pytest.param(200, marks=LONG)])
def test_kills_cost_nothing_that_was_acknowledged(
    embedded_broker: Broker, supervisor: Supervisor, tmp_path: Path, n_kills: int
) -> None:
    announce(embedded_broker, registration(label="truth"))
    clients, bits = Clients(), random.Random(11)
    for _ in range(n_kills):
        push_and_kill(embedded_broker, clients, tmp_path, bits.uniform(0.05, 0.4))
    start(supervisor, embedded_broker, tmp_path / "spool")
    topic = embedded_broker.topics.labels
    records = read_until(embedded_broker, topic, all_of(clients.acknowledged), 60.0)
    assert len(clients.acknowledged) > n_kills * N_ROWS
    assert set(ids(records)) <= clients.issued
    assert_repeats_can_be_told(records)


def assert_repeats_can_be_told(records: list[Record]) -> None:
    """What came twice, for a kill between Kafka's answer and the cursor, says that it did."""
    seen: dict[tuple[str | None, str | None, int], bytes] = {}
    rows: list[str] = []
    for record in records:
        collector = header(record.headers, Header.COLLECTOR)
        key = (collector, header(record.headers, Header.SEQUENCE), record.partition)
        if seen.setdefault(key, record.value) is record.value:
            rows += decode(record.value)["dm.id"].to_pylist()
        assert seen[key] == record.value
    assert len(rows) == len(set(rows))
