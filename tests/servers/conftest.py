"""Model servers as their makers ship them, and collectors beside them.

`python -m benchmarks.real_servers install` brings the servers.
"""

import fcntl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol

import pytest

from benchmarks.real_servers import environments, starting
from benchmarks.real_servers.environments import AGENT
from benchmarks.real_servers.starting import Listening
from monitor.kafka.connecting import Broker
from monitor.up.supervisor import Supervisor, free_port
from tests.servers import watching
from tests.support import running_collector
from tests.support.registrations import announce
from tests.support.waiting import wait_for

Installed = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ports:
    """Of a collector."""

    http: int
    grpc: int
    ingest: int


class Collector(Protocol):
    def __call__(self, before: Listening | None = None) -> Ports: ...


@pytest.fixture(scope="session")
def installed(not_tested: Callable[[str], NoReturn]) -> Installed:
    def check(name: str) -> None:
        if not environments.is_installed(name):
            command = f"python -m benchmarks.real_servers install {name}"
            not_tested(f"the model server {name!r} is not installed; {command!r} brings it")

    return check


@pytest.fixture(scope="session")
def kserve(installed: Installed, servers: Supervisor) -> Listening:
    installed("kserve")
    return starting.kserve(servers)


@pytest.fixture(scope="session")
def mlserver(
    installed: Installed, servers: Supervisor, tmp_path_factory: pytest.TempPathFactory
) -> Listening:
    installed("mlserver")
    return starting.mlserver(servers, tmp_path_factory.mktemp("mlserver"))


@pytest.fixture(scope="session")
def mlflow(
    installed: Installed, servers: Supervisor, tmp_path_factory: pytest.TempPathFactory
) -> Listening:
    installed("mlflow")
    return starting.mlflow(servers, tmp_path_factory.mktemp("mlflow"))


@pytest.fixture
def agents(installed: Installed, tmp_path: Path) -> Iterator[Supervisor]:
    """Starts KServe's agent, of which a machine has one at a time, and does not let it linger."""
    installed(AGENT)
    with environments.program(AGENT).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with Supervisor(tmp_path / "agents", stop_timeout_s=0.0) as processes:
            yield processes


@pytest.fixture
def collector(embedded_broker: Broker, supervisor: Supervisor, tmp_path: Path) -> Collector:
    """A function that starts a collector, before a model server if there is one."""

    def start(before: Listening | None = None) -> Ports:
        announce(embedded_broker, watching.REGISTRATION)
        grpc = free_port()
        flags = [] if before is None else _proxied(before, grpc)
        running = running_collector.start(
            supervisor, embedded_broker, tmp_path / "spool", flags=flags
        )
        wait_for(lambda: running.push("predictions", [])[0] < 300)
        return Ports(running.listen, grpc, running.ingest)

    return start


def _proxied(server: Listening, grpc: int) -> list[str]:
    flags = ["--upstream", f"http://127.0.0.1:{server.http}"]
    if server.grpc:
        flags += ["--grpc-upstream", f"127.0.0.1:{server.grpc}"]
        flags += ["--grpc-listen", f"127.0.0.1:{grpc}"]
    return flags
