"""Replicas of aggregate as processes that may be frozen and killed, and what they have counted."""

import os
import signal
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import Self
from urllib.request import urlopen

import kafka
import numpy as np

from detectors.profile import Profile, count
from detectors.reference import Reference
from monitor import batches
from monitor.batches import to_rows
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import ARROW, Header, Segment
from monitor.kafka.profile_messages import SegmentProfile, read
from monitor.kafka.publishing import DeliveryError, Message, Publisher
from monitor.kafka.records import Record
from monitor.spec.durations import format_duration
from monitor.up.supervisor import Supervisor, free_port
from tests.support.counted import HOUR, keep, monitor, predictions, registered
from tests.support.kafka_topics import read_until
from tests.support.registrations import announce
from tests.support.waiting import wait_for

N_ROWS = 20
"""In a message."""


@dataclass
class Fleet:
    """Aggregates of one monitor's rows, and a producer that remembers what it has sent.

    Each has a supervisor of its own, so that it may die.
    """

    broker: Broker
    reference: Reference
    folder: Path
    processes: ExitStack = field(default_factory=ExitStack)
    sent: list[tuple[list[str], list[float], list[float]]] = field(default_factory=list)
    ports: dict[int, int] = field(default_factory=dict)
    n_started: int = 0

    def __enter__(self) -> Self:
        keep(self.reference, self.folder / "references")
        announce(self.broker, registered(self.reference, monitor()))
        self._publisher = Publisher(self.broker, client_id="test")
        return self

    def __exit__(self, *_: object) -> None:
        self._publisher.close()
        for pid in self.ports:
            with suppress(ProcessLookupError):
                thaw(pid)
        self.processes.close()

    def start(self, *, waits: bool = True) -> int:
        """The process id of another replica."""
        self.n_started += 1
        name, port = f"aggregate-{self.n_started}", free_port()
        command = [
            *(sys.executable, "-m", "monitor", "aggregate"),
            *("--broker", ",".join(self.broker.servers)),
            *("--topic-prefix", self.broker.topics.prefix),
            *("--session-timeout", format_duration(self.broker.session_timeout_s)),
            *("--store", str(self.folder / "references"), "--state", str(self.folder / name)),
            *("--metrics", f"127.0.0.1:{port}", "--flush", "200ms", "--device", "cpu"),
        ]
        ready = f"http://127.0.0.1:{port}/readyz" if waits else None
        one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        supervisor = self.processes.enter_context(
            Supervisor(self.folder / f"{name}-logs", stop_timeout_s=0.0)
        )
        supervisor.start(name, command, ready=ready, env=one_thread)
        pid = supervisor.pid(name)
        self.ports[pid] = port
        return pid

    def metric(self, pid: int, sample: str) -> float:
        """A sample of a replica's metrics, by its name and labels as they are written there."""
        with urlopen(f"http://127.0.0.1:{self.ports[pid]}/metrics", timeout=60) as answer:
            lines = answer.read().decode().splitlines()
        return next((float(li.rpartition(" ")[2]) for li in lines if li.startswith(sample)), 0.0)

    def add_partitions(self, n: int) -> None:
        """The topics of rows have so many from now on, and the producer knows it."""
        topics = self.broker.topics
        admin = kafka.KafkaAdminClient(bootstrap_servers=list(self.broker.servers))
        admin.create_partitions({topics.predictions: n, topics.labels: n})
        admin.close()
        self.broker = replace(self.broker, partitions=n)
        self._publisher.close()
        self._publisher = Publisher(self.broker, client_id="test")

    @property
    def predictions(self) -> str:
        return self.broker.topics.predictions

    def make_anew(self) -> None:
        """The topics of rows are deleted and made again, under their old names."""
        topics = [self.broker.topics.predictions, self.broker.topics.labels]
        admin = kafka.KafkaAdminClient(bootstrap_servers=list(self.broker.servers))
        admin.delete_topics(topics)
        wait_for(lambda: not {*topics} & {*admin.list_topics()})
        admin.close()
        self.broker.create_topics()
        self._publisher.close()
        self._publisher = Publisher(self.broker, client_id="test")

    def send(self, n: int) -> None:
        """So many messages, of rows in two hours, one to each partition in turn."""
        messages = []
        headers = [(Header.MONITOR.value, b"seats"), (Header.CONTENT_TYPE.value, ARROW.encode())]
        for number in range(len(self.sent), len(self.sent) + n):
            rng = np.random.default_rng(number)
            ids = [f"{number}-{i}" for i in range(N_ROWS)]
            times = (rng.random(N_ROWS) * 2 * HOUR).tolist()
            x = rng.normal(size=N_ROWS)
            self.sent.append((ids, times, x.tolist()))
            value = batches.encode(predictions(ids, times, x))
            at = number % self.broker.partitions
            marks = [(Header.COLLECTOR.value, b"c"), (Header.SEQUENCE.value, b"%d" % number)]
            topic = self.broker.topics.predictions
            messages.append(Message(topic, None, value, [*headers, *marks], partition=at))
        self._deliver(messages)

    def _deliver(self, messages: list[Message], *, n_attempts: int = 20) -> None:
        """Until all are acknowledged, as a collector does: some may come twice."""
        for attempt in range(n_attempts):
            try:
                return self._publisher.deliver(messages)
            except DeliveryError:
                if attempt == n_attempts - 1:
                    raise
        return None

    def expected(self) -> dict[float, Profile]:
        """By hour, the profile of all rows that were sent, counted at once."""
        ids, times, x = (
            [v for part in column for v in part] for column in zip(*self.sent, strict=True)
        )
        hours = np.floor(np.array(times) / HOUR) * HOUR
        found = {}
        for hour in np.unique(hours).tolist():
            here = np.flatnonzero(hours == hour).tolist()
            batch = predictions(
                [ids[i] for i in here], [times[i] for i in here], np.array([x[i] for i in here])
            )
            rows, names, at = to_rows(batch, self.reference.schema)
            found[hour] = count(rows, self.reference, times=at, ids=names)
        return found

    def counted(self, *, timeout_s: float) -> dict[float, Profile]:
        """By hour, what detect would add up, once as many rows are in it as were sent."""
        n_sent = sum(len(ids) for ids, _, _ in self.sent)

        def is_complete(records: list[Record]) -> bool:
            return sum(profile.n for profile in self._totals(records).values()) >= n_sent

        topic = self.broker.topics.profiles
        return self._totals(read_until(self.broker, topic, is_complete, timeout_s))

    def _totals(self, records: list[Record]) -> dict[float, Profile]:
        latest: dict[bytes, tuple[Segment, bytes]] = {}
        for record in records:
            said = read(record)
            if isinstance(said, SegmentProfile):
                known = latest.get(said.segment.key)
                if known is None or said.segment.version > known[0].version:
                    latest[said.segment.key] = said.segment, said.profile
        by_hour: dict[float, list[Profile]] = {}
        for segment, raw in latest.values():
            profile = Profile.from_bytes(raw, self.reference)
            by_hour.setdefault(segment.pane_start, []).append(profile)
        return {hour: reduce(add, profiles) for hour, profiles in by_hour.items()}


def freeze(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)


def thaw(pid: int) -> None:
    os.kill(pid, signal.SIGCONT)
