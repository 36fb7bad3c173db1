"""Whatever happens behind the proxy, the model's clients notice nothing, and losses are counted."""

import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from monitor.kafka.connecting import Broker
from monitor.up.supervisor import Supervisor
from tests.support.clients import Clients
from tests.support.http_model import HttpModel
from tests.support.long import LONG
from tests.support.recorders import is_balanced, n_dropped, recorder_of, stopped
from tests.support.running_collector import RunningCollector, start
from tests.support.waiting import wait_for

SECONDS = [1.5, pytest.param(60.0, marks=LONG)]


@dataclass
class Scene:
    """A collector with all that stands around it."""

    collector: RunningCollector
    supervisor: Supervisor

    @property
    def recorder(self) -> int:
        pid = recorder_of(self.supervisor.pid("collect"))
        assert pid is not None
        return pid


@pytest.fixture
def scene(supervisor: Supervisor, own_broker: Broker, tmp_path: Path, model: HttpModel) -> Scene:
    spool, upstream = tmp_path / "spool", model.address
    collector = start(
        supervisor, own_broker, spool, upstream=upstream, flags=("--spool-limit", "1MiB")
    )
    collector.predict("0")
    wait_for(lambda: collector.count("recorded_total") == 1)
    return Scene(collector, supervisor)


Fault = Callable[[Scene], AbstractContextManager[None]]


def no_broker(scene: Scene) -> AbstractContextManager[None]:
    return stopped(scene.supervisor.pid("broker"))


def no_recorder(scene: Scene) -> AbstractContextManager[None]:
    return stopped(scene.recorder)


@contextmanager
def failing_disk(scene: Scene) -> Iterator[None]:
    """Every write fails; what cannot be stored is lost, and counted."""
    unlimited = resource.RLIM_INFINITY
    resource.prlimit(scene.recorder, resource.RLIMIT_FSIZE, (0, unlimited))
    try:
        yield
        wait_for(lambda: n_dropped(scene.collector) > 0)
    finally:
        resource.prlimit(scene.recorder, resource.RLIMIT_FSIZE, (unlimited, unlimited))


@contextmanager
def slow_syncs(scene: Scene, strace: Path, not_tested: Callable[[str], None]) -> Iterator[None]:
    """Every fdatasync takes half a second longer."""
    pid = scene.recorder
    slow = ["-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=500000"]
    argv = [str(strace), "-f", "-qq", "-o", "/dev/null", *slow, "-p", str(pid)]
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as tracer:
        try:
            wait_for(lambda: is_traced(pid) or tracer.poll() is not None)
            if tracer.poll() is not None:
                not_tested("strace may not trace on this machine")
            yield
        finally:
            tracer.terminate()


def is_traced(pid: int) -> bool:
    return "TracerPid:\t0\n" not in Path(f"/proc/{pid}/status").read_text()


@pytest.mark.parametrize("seconds", SECONDS)
@pytest.mark.parametrize("fault", [no_broker, no_recorder, failing_disk])
def test_the_model_s_traffic_is_unchanged_and_every_loss_is_counted(
    scene: Scene, fault: Fault, seconds: float
) -> None:
    clients = Clients([scene.collector.listen])
    with fault(scene), clients.asking():
        time.sleep(seconds)  # that the fault lasts
    assert clients.failures == []
    wait_for(is_balanced(scene.collector, len(clients.answered) + 1), timeout_s=60.0)


@pytest.mark.parametrize("seconds", SECONDS)
def test_a_disk_whose_syncs_take_half_a_second_slows_nobody(
    scene: Scene,
    needs: Callable[[str], Path],
    not_tested: Callable[[str], None],
    seconds: float,
) -> None:
    clients = Clients([scene.collector.listen])
    with slow_syncs(scene, needs("strace"), not_tested), clients.asking():
        time.sleep(seconds)  # that the fault lasts
    assert clients.failures == []
    wait_for(is_balanced(scene.collector, len(clients.answered) + 1), timeout_s=60.0)
    assert n_dropped(scene.collector) == 0


def test_a_full_spool_costs_captures_alone(scene: Scene) -> None:
    clients = Clients([scene.collector.listen])
    with stopped(scene.supervisor.pid("broker")), clients.asking():
        wait_for(lambda: n_dropped(scene.collector) > 0, timeout_s=60.0)
    assert clients.failures == []
    wait_for(is_balanced(scene.collector, len(clients.answered) + 1), timeout_s=60.0)
