"""The recorder beside a collector's proxy: a process of its own, seen from outside."""

import http.client
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from monitor.batches import decode
from monitor.kafka.messages import Header, header
from monitor.kafka.records import Record
from tests.support.running_collector import RunningCollector, request
from tests.support.waiting import wait_for

LOST = ("fault", "spool full", "spool failed", "shutdown")


def recorder_of(collector: int) -> int | None:
    """The process id of a collector's recorder, if it has one now."""
    children = Path(f"/proc/{collector}/task/{collector}/children").read_text().split()
    return int(children[0]) if children else None


def kill_recorder(collector: RunningCollector) -> None:
    """Kills the one that runs, and waits until the next one does."""
    process = collector.supervisor.pid("collect")
    pid = recorder_of(process)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: recorder_of(process) not in (pid, None))
    wait_for(lambda: _answers(collector), timeout_s=60.0)


def _answers(collector: RunningCollector) -> bool:
    try:
        return request(collector.ingest, "GET", "/healthz")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that does nothing until the block ends."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def n_dropped(collector: RunningCollector) -> float:
    """After they were captured."""
    return sum(collector.count(f'dropped_total{{reason="{reason}"}}') for reason in LOST)


def n_settled(collector: RunningCollector) -> float:
    """Captured exchanges of which it is known what became of them."""
    return (
        collector.count("recorded_total")
        + collector.count('failed_total{reason="not JSON"}')
        + n_dropped(collector)
    )


def is_balanced(collector: RunningCollector, n: int) -> Callable[[], bool]:
    """Whether all of n answered requests are accounted for; False while nobody can be asked."""

    def check() -> bool:
        try:
            captured = collector.count("captured_total")
            missed = collector.count('dropped_total{reason="queue full"}')
            return captured + missed == n and captured == n_settled(collector)
        except (OSError, http.client.HTTPException):
            return False

    return check


def ids(records: list[Record]) -> list[str]:
    """Of all rows, those once that came again as the same message."""
    messages: dict[tuple[str | None, str | None, int], bytes] = {}
    for record in records:
        collector = header(record.headers, Header.COLLECTOR)
        key = (collector, header(record.headers, Header.SEQUENCE), record.partition)
        assert messages.setdefault(key, record.value) == record.value
    return [i for value in messages.values() for i in decode(value)["dm.id"].to_pylist()]


def all_of(wanted: set[str]) -> Callable[[list[Record]], bool]:
    """Whether a growing list of records has them all; looks at each record once."""
    missing, n_seen = set(wanted), 0

    def has_all(records: list[Record]) -> bool:
        nonlocal n_seen
        missing.difference_update(ids(records[n_seen:]))
        n_seen = len(records)
        return not missing

    return has_all


def has_rows(n: int) -> Callable[[list[Record]], bool]:
    """Whether a growing list of records has so many rows; looks at each record once."""
    found: set[str] = set()
    n_seen = 0

    def has_all(records: list[Record]) -> bool:
        nonlocal n_seen
        found.update(ids(records[n_seen:]))
        n_seen = len(records)
        return len(found) >= n

    return has_all
