"""Three Apache Kafka brokers that are one cluster, each of which may be killed."""

import os
import signal
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import kafka

from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Topics
from monitor.up.supervisor import Supervisor, free_port
from tests.support import apache_kafka
from tests.support.waiting import wait_for

N_BROKERS = 3


@dataclass
class Cluster:
    """Every record is on all three, and acknowledged once two of them have it."""

    java: Path
    jars: Path
    folder: Path
    ports: list[int] = field(default_factory=lambda: [free_port() for _ in range(N_BROKERS)])
    controllers: list[int] = field(default_factory=lambda: [free_port() for _ in range(N_BROKERS)])
    commands: list[list[str]] = field(default_factory=list)
    pids: dict[int, int] = field(default_factory=dict)
    _processes: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        with ThreadPoolExecutor(N_BROKERS) as threads:
            self.commands = list(threads.map(self._prepare, range(N_BROKERS)))
        for number in range(N_BROKERS):
            self.start(number)
        for number in range(N_BROKERS):
            wait_for(lambda: self.accepts(number), 90.0)  # noqa: B023 - called at once
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.close()

    def broker(self) -> Broker:
        """Topics of our own, with a replica on every broker."""
        servers = tuple(f"127.0.0.1:{port}" for port in self.ports)
        prefix = f"cluster-{os.urandom(4).hex()}."
        made = Broker(
            servers=servers,
            topics=Topics(prefix),
            partitions=4,
            replication=N_BROKERS,
            session_timeout_s=6.0,
        )
        made.create_topics()
        return made

    def start(self, number: int) -> None:
        supervisor = Supervisor(self.folder / f"kafka-{number}-{len(self.pids)}-logs")
        self._processes.enter_context(supervisor)
        supervisor.start(f"kafka-{number}", self.commands[number])
        self.pids[number] = supervisor.pid(f"kafka-{number}")

    def kill(self, number: int) -> None:
        os.kill(self.pids[number], signal.SIGKILL)
        wait_for(lambda: not self.accepts(number))

    def accepts(self, number: int) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.ports[number]), timeout=1.0).close()
        except OSError:
            return False
        return True

    def leader(self, topic: str, partition: int) -> int | None:
        """Which of the brokers leads a partition; None while none does."""
        found = self._described(topic, partition)
        leader = int(found["leader_id"]) - 1
        return leader if leader in range(N_BROKERS) else None

    def n_in_sync(self, topic: str, partition: int) -> int:
        return len(self._described(topic, partition)["isr_nodes"])

    def _described(self, topic: str, partition: int) -> Mapping[str, Any]:
        admin = kafka.KafkaAdminClient(
            bootstrap_servers=[f"127.0.0.1:{port}" for port in self.ports]
        )
        try:
            (described,) = admin.describe_topics([topic])
        finally:
            admin.close()
        partitions: list[dict[str, Any]] = described["partitions"]
        return next(one for one in partitions if one["partition_index"] == partition)

    def _prepare(self, number: int) -> list[str]:
        folder = self.folder / f"kafka-{number}"
        folder.mkdir()
        voters = (f"{i + 1}@127.0.0.1:{port}" for i, port in enumerate(self.controllers))
        settings = {
            "node.id": number + 1,
            "controller.quorum.voters": ",".join(voters),
            "controller.quorum.bootstrap.servers": "",
            "default.replication.factor": N_BROKERS,
            "min.insync.replicas": 2,
            "offsets.topic.replication.factor": N_BROKERS,
            "offsets.topic.num.partitions": 1,
            "broker.session.timeout.ms": 3_000,
        }
        return apache_kafka.prepare(
            self.java,
            self.jars,
            folder,
            port=self.ports[number],
            controller_port=self.controllers[number],
            settings=settings,
            is_alone=False,
        )
