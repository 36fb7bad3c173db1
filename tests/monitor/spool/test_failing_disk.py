"""A disk that is full or fails: nothing acknowledged is lost, and it goes on by itself."""

import errno
from collections import Counter

import pytest

from monitor.spool import Spool, SpoolError, SpoolFailedError, SpoolFullError
from monitor.spool.format import parse_name
from monitor.spool.simulated import SimulatedDisk
from tests.monitor.spool.conftest import MIB, Open
from tests.support.spooling import store, stored


class Failing:
    """Fails the nth operation of a kind on segments and on the folder, and some after it."""

    def __init__(self, operation: str, nth: int, n_times: int = 1, code: int = errno.EIO) -> None:
        self._failing = range(nth, nth + n_times)
        self._operation = operation
        self._code = code
        self._seen: Counter[str] = Counter()

    def __call__(self, operation: str, name: str) -> None:
        if name and not parse_name(name):
            return
        self._seen[operation] += 1
        if operation == self._operation and self._seen[operation] in self._failing:
            raise OSError(self._code, "it failed", name)


def fill(spool: Spool, n: int = 60) -> tuple[dict[int, bytes], int]:
    """What was acknowledged, by its number, and how many were refused."""
    acknowledged, n_refused = {}, 0
    for i in range(n):
        payload = f"{i}".encode() * 100
        try:
            acknowledged[store(spool, payload)] = payload
        except SpoolError:
            n_refused += 1
    return acknowledged, n_refused


@pytest.mark.parametrize("nth", range(1, 51))
def test_after_a_failed_sync_nothing_acknowledged_is_lost(nth: int) -> None:
    disk = SimulatedDisk()
    spool = Spool(disk, limit_bytes=MIB, segment_bytes=2048)
    disk.fault = Failing("sync", nth)
    acknowledged, n_refused = fill(spool)
    assert n_refused == 1
    assert stored(spool) == acknowledged
    assert spool.n_lost == 0
    spool.close()
    crashed = disk.after_power_loss(len(disk.trace), lambda: False)
    spool = Spool(crashed, limit_bytes=MIB)
    assert stored(spool) == acknowledged
    spool.close()


@pytest.mark.parametrize("operation", ["create", "write", "truncate", "unlink", "sync", "close"])
@pytest.mark.parametrize("n_times", [1, 3])
def test_a_disk_that_fails_for_a_while_costs_what_was_refused(
    operation: str, n_times: int, open_spool: Open
) -> None:
    disk = SimulatedDisk()
    spool = open_spool(disk, segment_bytes=2048)
    disk.fault = Failing(operation, 3, n_times)
    acknowledged, n_refused = fill(spool)
    assert n_refused <= n_times
    assert stored(spool) == acknowledged


def test_no_file_is_written_to_after_its_sync_has_failed() -> None:
    disk = SimulatedDisk(fault=Failing("sync", 7))
    spool = Spool(disk, limit_bytes=MIB)
    fill(spool)
    spool.close()
    after = disk.trace[[o.kind for o in disk.trace].index("failed sync") :]
    assert after[1].kind == "truncate"
    assert [o.kind for o in after[2:] if o.content is after[0].content] == []


def test_what_was_refused_is_not_delivered_by_the_next_process(open_spool: Open) -> None:
    disk = SimulatedDisk(fault=Failing("sync", 5))
    spool = open_spool(disk)
    acknowledged, _ = fill(spool, 3)
    spool.close()
    assert len(acknowledged) == 2
    assert stored(open_spool(disk)) == acknowledged


def test_a_disk_that_fails_is_noticed_and_a_probe_finds_it_well_again(open_spool: Open) -> None:
    disk = SimulatedDisk()
    spool = open_spool(disk)
    disk.fault = Failing("sync", 1, n_times=2)
    with pytest.raises(SpoolFailedError):
        store(spool, b"a")
    assert spool.is_failing
    with pytest.raises(SpoolFailedError):
        store(spool)
    assert store(spool) == 0
    assert not spool.is_failing


def test_a_full_disk_refuses_and_takes_again_when_there_is_room(open_spool: Open) -> None:
    disk = SimulatedDisk(capacity_bytes=20_000)
    spool = open_spool(disk)
    acknowledged, n_refused = fill(spool, 120)
    assert n_refused
    assert not spool.is_failing
    with pytest.raises(SpoolFullError):
        store(spool, bytes(1000))
    assert stored(spool) == acknowledged
    spool.advance(max(acknowledged))
    assert store(spool, bytes(1000)) == max(acknowledged) + 1


def test_a_full_disk_keeps_the_cursor_moving_over_restarts(open_spool: Open) -> None:
    disk = SimulatedDisk(capacity_bytes=20_000)
    spool = open_spool(disk)
    acknowledged, _ = fill(spool, 120)
    for delivered in list(acknowledged)[:-1:10]:
        spool.advance(delivered)
        spool.close()
        spool = open_spool(disk)
        assert stored(spool) == {n: p for n, p in acknowledged.items() if n > delivered}


def test_a_quota_is_a_full_disk_too(open_spool: Open) -> None:
    spool = open_spool(SimulatedDisk(fault=Failing("write", 2, code=errno.EDQUOT)))
    with pytest.raises(SpoolFullError):
        store(spool, b"a")
    assert store(spool, b"a") == 1
