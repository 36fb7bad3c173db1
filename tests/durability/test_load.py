"""Too much of something: memory that is short, clients that are slow."""

import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from monitor.kafka.connecting import Broker
from monitor.up.supervisor import Supervisor
from tests.support.clients import ANSWER, Clients
from tests.support.http_model import HttpModel
from tests.support.long import LONG
from tests.support.recorders import is_balanced, stopped
from tests.support.registrations import announce, registration
from tests.support.running_collector import start
from tests.support.waiting import wait_for

CGROUPS = Path("/sys/fs/cgroup")
MEMORY_BYTES = 128 * 1024 * 1024
N_SLOW = 500


@dataclass(frozen=True)
class Group:
    """A control group with a limit of memory."""

    folder: Path

    @property
    def within(self) -> Sequence[str]:
        """Runs the command that follows in this group."""
        join = f'echo $$ > {self.folder}/cgroup.procs && exec "$@"'
        return ["/bin/sh", "-c", join, "sh"]

    def n_killed(self) -> int:
        """Processes that the kernel has killed for want of memory."""
        for name in ("memory.events", "memory.oom_control"):  # of version 2, of version 1
            with suppress(FileNotFoundError):
                lines = (self.folder / name).read_text().splitlines()
                return next(int(n.split()[1]) for n in lines if n.startswith("oom_kill "))
        raise AssertionError("a control group without memory")


@pytest.fixture
def memory_group(not_tested: Callable[[str], None]) -> Iterator[Group]:
    parent = CGROUPS / "memory" if (CGROUPS / "memory").is_dir() else CGROUPS
    folder = parent / f"driftmeter-{secrets.token_hex(4)}"
    limit = "memory.limit_in_bytes" if parent != CGROUPS else "memory.max"
    try:
        folder.mkdir()
        (folder / limit).write_text(str(MEMORY_BYTES))
    except OSError:
        not_tested("this user or machine cannot limit the memory of processes")
    yield Group(folder)
    wait_for(lambda: not (folder / "cgroup.procs").read_text())
    folder.rmdir()


def large_row(n: int) -> bytes:
    return b'{"instances": [[1.5, "%b"]]}' % (b"x" * n)


@pytest.mark.parametrize("seconds", [3.0, pytest.param(180.0, marks=LONG)])
def test_with_nobody_to_send_to_memory_is_bounded_and_every_loss_counted(
    own_broker: Broker,
    supervisor: Supervisor,
    tmp_path: Path,
    model: HttpModel,
    memory_group: Group,
    seconds: float,
) -> None:
    """What KServe's payload logger dies of: https://github.com/kserve/kserve/issues/6167."""
    with Supervisor(tmp_path / "logs") as processes:
        collector = start(
            processes,
            own_broker,
            tmp_path / "spool",
            upstream=model.address,
            within=memory_group.within,
        )
        wait_for(lambda: collector.push("labels", [])[0] == 202)
        clients = Clients([collector.listen], body=large_row(64 * 1024))
        with stopped(supervisor.pid("broker")):
            with clients.asking():
                time.sleep(seconds)  # that the load lasts
            wait_for(is_balanced(collector, len(clients.answered)), timeout_s=60.0)
        assert clients.failures == []
        assert memory_group.n_killed() == 0
        print(f"{len(clients.answered)} requests answered in {seconds:g} s")


def trickle(connections: Sequence[socket.socket], ended: threading.Event) -> None:
    """A byte of a head each, again and again."""
    while not ended.wait(0.2):
        for connection in connections:
            with suppress(OSError):  # it was given up
                connection.sendall(b"x")


@pytest.mark.parametrize("seconds", [2.0, pytest.param(60.0, marks=LONG)])
def test_slow_clients_do_not_slow_the_others(
    embedded_broker: Broker,
    supervisor: Supervisor,
    tmp_path: Path,
    model: HttpModel,
    seconds: float,
) -> None:
    announce(embedded_broker, registration())
    collector = start(supervisor, embedded_broker, tmp_path / "spool", upstream=model.address)
    clients, ended = Clients([collector.listen]), threading.Event()
    address = ("127.0.0.1", collector.listen)
    with ExitStack() as opened:
        slow = [opened.enter_context(socket.create_connection(address)) for _ in range(N_SLOW)]
        for connection in slow:
            connection.sendall(b"GET / HTTP/1.1\r\nX: ")
        trickling = threading.Thread(target=trickle, args=(slow, ended))
        trickling.start()
        with clients.asking():
            time.sleep(seconds)  # that the load lasts
        ended.set()
        trickling.join()
    assert clients.failures == []
    wait_for(is_balanced(collector, len(clients.answered)), timeout_s=60.0)
    print(f"{len(clients.answered)} requests answered in {seconds:g} s")


def test_more_connections_than_files_may_be_open_cost_only_themselves(
    embedded_broker: Broker, supervisor: Supervisor, tmp_path: Path, model: HttpModel
) -> None:
    few_files = ["/bin/sh", "-c", 'ulimit -n 256; exec "$@"', "sh"]
    spool, upstream = tmp_path / "spool", model.address
    collector = start(supervisor, embedded_broker, spool, upstream=upstream, within=few_files)
    clients = Clients([collector.listen])
    with clients.asking(), ExitStack() as opened:
        wait_for(lambda: len(clients.answered) > 10)
        for _ in range(1_000):
            with suppress(OSError):  # no more are taken
                address = ("127.0.0.1", collector.listen)
                opened.enter_context(socket.create_connection(address, timeout=2.0))
        n_before = len(clients.answered)
        wait_for(lambda: len(clients.answered) > n_before + 10)
    assert clients.failures == []
    wait_for(lambda: collector.predict("later") == ANSWER)
