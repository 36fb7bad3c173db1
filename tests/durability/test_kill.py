"""A collector is killed while rows are pushed to it, again and again."""

import http.client
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from monitor.kafka.connecting import Broker
from monitor.kafka.records import Record
from monitor.up.supervisor import Supervisor
from tests.support.kafka_topics import read_until
from tests.support.long import LONG
from tests.support.recorders import ids
from tests.support.registrations import announce, registration
from tests.support.running_collector import RunningCollector, start
from tests.support.waiting import wait_for

N_CLIENTS = 4
PUSH = (b'{"monitor": "seats", "rows": [', b", ", b"]}")


@dataclass
class Clients:
    """Push as fast as they are answered, and remember which pushes were acknowledged.

    n_rows: in a push. The ids of a push's rows say which it was.
    """

    n_rows: int
    acknowledged: set[int] = field(default_factory=set)
    issued: set[int] = field(default_factory=set)
    numbers: "count[int]" = field(default_factory=count)

    def run(self, port: int) -> None:
        """Until the collector does not answer any more."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            while True:
                n = next(self.numbers)
                self.issued.add(n)
                connection.request("POST", "/v1/labels", self._body(n))
                answer = connection.getresponse()
                answer.read()
                if answer.status == 202:
                    self.acknowledged.add(n)
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()

    def _body(self, n: int) -> bytes:
        begin, between, end = PUSH
        rows = between.join(b'{"id": "%d/%d", "label": 1}' % (n, i) for i in range(self.n_rows))
        return begin + rows + end

    @property
    def n_events(self) -> int:
        """Rows that were acknowledged."""
        return len(self.acknowledged) * self.n_rows


def knows_its_monitors(collector: RunningCollector) -> bool:
    return collector.push("labels", [])[0] == 202


def push_and_kill(broker: Broker, clients: Clients, folder: Path, seconds: float) -> None:
    with Supervisor(folder / "logs") as processes:
        collector = start(processes, broker, folder / "spool", flags=("--spool-limit", "1GiB"))
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


def pushes(rows: list[str]) -> Counter[int]:
    """How many rows of each push there are."""
    return Counter(int(i.partition("/")[0]) for i in rows)


def all_of(acknowledged: set[int], n_rows: int) -> Callable[[list[Record]], bool]:
    """Whether a growing list of records has every row of these pushes; looks at each once."""
    found: Counter[int] = Counter()
    n_seen = 0

    def has_all(records: list[Record]) -> bool:
        nonlocal n_seen
        found.update(pushes(ids(records[n_seen:])))
        n_seen = len(records)
        return all(found[n] >= n_rows for n in acknowledged)

    return has_all


@pytest.mark.parametrize(
    ("n_kills", "n_rows", "n_events"), [(5, 20, 0), pytest.param(200, 100, 5_000_000, marks=LONG)]
)
def test_kills_cost_nothing_that_was_acknowledged(
    embedded_broker: Broker,
    supervisor: Supervisor,
    tmp_path: Path,
    n_kills: int,
    n_rows: int,
    n_events: int,
) -> None:
    announce(embedded_broker, registration(label="truth"))
    clients, bits = Clients(n_rows), random.Random(11)
    longest = 0.4 if not n_events else 1.2
    kills = 0
    while kills < n_kills or clients.n_events < n_events:
        push_and_kill(embedded_broker, clients, tmp_path, bits.uniform(0.05, longest))
        kills += 1
    start(supervisor, embedded_broker, tmp_path / "spool", flags=("--spool-limit", "1GiB"))
    topic, wanted = embedded_broker.topics.labels, all_of(clients.acknowledged, n_rows)
    records = read_until(embedded_broker, topic, wanted, 60.0 if not n_events else 300.0)
    rows = ids(records)  # of what came twice, for a kill before the cursor moved, once
    assert len(rows) == len(set(rows))
    assert len(clients.acknowledged) > n_kills
    assert set(pushes(rows)) <= clients.issued
    print(f"{kills} kills, {clients.n_events} rows acknowledged, {len(records)} messages")
