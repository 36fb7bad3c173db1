"""A collector whose disk fails or is full, with the kernel's own errors."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from monitor.kafka.connecting import Broker
from monitor.up.supervisor import ProcessDiedError, Supervisor
from tests.durability.conftest import Images
from tests.support.kafka_topics import read_until
from tests.support.long import LONG
from tests.support.recorders import all_of, stopped
from tests.support.registrations import announce, registration
from tests.support.running_collector import RunningCollector, request, start
from tests.support.waiting import wait_for

N_PUSHES = 60


def pushed(collector: RunningCollector, prefix: str, n_rows: int = 1) -> set[str]:
    """The ids that were acknowledged of one push."""
    ids = {f"{prefix}/{i}" for i in range(n_rows)}
    rows = [{"id": i, "label": "x" * 100} for i in ids]
    return ids if collector.push("labels", rows)[0] == 202 else set()


def failing(strace: Path, nth: int) -> Sequence[str]:
    """Runs the command that follows; the nth sync of each of its threads fails, with EIO."""
    inject = f"inject=fsync,fdatasync:error=EIO:when={nth}"
    return [
        str(strace),
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=fsync,fdatasync",
        "-e",
        inject,
    ]


@contextmanager
def collector_within(
    within: Sequence[str], broker: Broker, folder: Path
) -> Iterator[RunningCollector | None]:
    """None where it ended at its start, saying so: its first syncs are the spool's own."""
    with Supervisor(folder / "logs") as processes:
        try:
            collector = start(processes, broker, folder / "spool", within=within)
        except ProcessDiedError as death:
            exit_code = death.exit_code
        else:
            wait_for(lambda: collector.push("labels", [])[0] == 202)
            yield collector
            return
        assert exit_code == 2
        yield None


@pytest.mark.parametrize("nths", [(1, 9), pytest.param(range(1, 51), marks=LONG)])
def test_a_sync_that_fails_costs_nothing_that_was_acknowledged_and_the_next_push_is_taken(
    embedded_broker: Broker,
    supervisor: Supervisor,
    tmp_path: Path,
    needs: Callable[[str], Path],
    nths: Sequence[int],
) -> None:
    announce(embedded_broker, registration(label="truth"))
    acknowledged: set[str] = set()
    for nth in nths:
        within = failing(needs("strace"), nth)
        with collector_within(within, embedded_broker, tmp_path) as collector:
            if collector is None:
                continue
            answers = [pushed(collector, f"{nth}-{i}") for i in range(N_PUSHES)]
            assert answers.count(set()) <= 1
            assert answers[-1]
            acknowledged |= set().union(*answers)
    start(supervisor, embedded_broker, tmp_path / "spool")
    assert len(acknowledged) >= N_PUSHES - 1
    read_until(embedded_broker, embedded_broker.topics.labels, all_of(acknowledged), 60.0)
    print(f"{len(nths)} failing syncs, {len(acknowledged)} rows acknowledged")


def test_a_full_disk_refuses_pushes_and_takes_them_again_once_kafka_has_made_room(
    own_broker: Broker, supervisor: Supervisor, images: Images
) -> None:
    announce(own_broker, registration(label="truth"))
    place = images.mount("tmpfs", "-t", "tmpfs", "-o", "size=8m")
    with Supervisor(place.parent / "logs") as processes:
        collector = start(processes, own_broker, place / "spool", flags=("--spool-limit", "1GiB"))
        wait_for(lambda: bool(pushed(collector, "first")))
        acknowledged: set[str] = {"first/0"}
        with stopped(supervisor.pid("broker")):
            while found := pushed(collector, str(len(acknowledged)), 1000):
                acknowledged |= found
            assert collector.count('refused_total{reason="spool full"}') > 0
            assert request(collector.ingest, "GET", "/readyz")[0] == 200
        wait_for(lambda: bool(pushed(collector, "last")), timeout_s=60.0)
        assert len(acknowledged) > 10_000
        read_until(own_broker, own_broker.topics.labels, all_of(acknowledged | {"last/0"}), 60.0)
