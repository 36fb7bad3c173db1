"""Every state that a loss of power can leave behind recovers, without a loss."""

import random
from collections.abc import Callable

import pytest

from monitor.spool import Spool
from monitor.spool.simulated import SimulatedDisk
from tests.support.spooling import store, stored

LIMIT_BYTES = 1024 * 1024


class History:
    """A spool that was used for a while, and after how many operations of its disk it said what.

    acknowledged: places in the trace, with the number and the payload that was safe by then.
    begun, ended: places in the trace where the cursor was on its way to a number, and was there.
    """

    def __init__(self, n_steps: int, seed: int) -> None:
        self.disk = SimulatedDisk()
        self.acknowledged: list[tuple[int, int, bytes]] = []
        self.begun: list[tuple[int, int]] = [(0, 0)]
        self.ended: list[tuple[int, int]] = [(0, 0)]
        self._spool = Spool(self.disk, limit_bytes=LIMIT_BYTES, segment_bytes=1500)
        bits = random.Random(seed)
        for i in range(n_steps):
            self._append([f"{i}/{j}".encode() * bits.randrange(40) for j in range(3)])
            if i % 5 == 4:
                self._advance(bits.randrange(self._spool.delivered, self.acknowledged[-1][1]))
            if i % 17 == 16:
                self._spool.close()
                self._spool = Spool(self.disk, limit_bytes=LIMIT_BYTES, segment_bytes=1500)
        self._spool.close()

    def _append(self, payloads: list[bytes]) -> None:
        last = store(self._spool, *payloads)
        first = last - len(payloads) + 1
        at = len(self.disk.trace)
        self.acknowledged += [(at, first + i, payload) for i, payload in enumerate(payloads)]

    def _advance(self, to: int) -> None:
        self.begun.append((len(self.disk.trace), to))
        self._spool.advance(to)
        self.ended.append((len(self.disk.trace), to))

    def check(self, at: int, disk: SimulatedDisk) -> None:
        """The disk is what was left after `at` operations."""
        delivered, found = recovered(disk)
        assert max(to for place, to in self.ended if place <= at) <= delivered
        assert delivered <= max(to for place, to in self.begun if place <= at)
        safe = {n: payload for place, n, payload in self.acknowledged if place <= at}
        assert {n: p for n, p in safe.items() if n > delivered}.items() <= found.items()
        written = {n: payload for _, n, payload in self.acknowledged}
        assert found.items() <= written.items()
        assert recovered(disk) == (delivered, found), "a second recovery finds the same"


def recovered(disk: SimulatedDisk) -> tuple[int, dict[int, bytes]]:
    spool = Spool(disk, limit_bytes=LIMIT_BYTES, segment_bytes=1500)
    try:
        return spool.delivered, stored(spool)
    finally:
        spool.close()


@pytest.fixture(scope="module")
def history() -> History:
    return History(n_steps=100, seed=3)


def nothing() -> bool:
    return False


def everything() -> bool:
    return True


@pytest.mark.parametrize("survives", [nothing, everything])
def test_every_prefix_of_what_was_done_recovers(
    history: History, survives: Callable[[], bool]
) -> None:
    for at in range(len(history.disk.trace) + 1):
        history.check(at, history.disk.after_power_loss(at, survives))


def test_any_part_of_what_was_not_synced_may_survive(history: History) -> None:
    bits = random.Random(5)
    for at in range(len(history.disk.trace) + 1):
        for _ in range(2):
            after = history.disk.after_power_loss(at, lambda: bits.random() < 0.5)
            history.check(at, after)


def test_without_its_syncs_the_same_history_loses_records(history: History) -> None:
    """The control: the check can fail."""
    unsynced = SimulatedDisk()
    unsynced.trace = [o for o in history.disk.trace if "sync" not in o.kind or not o.name]
    with pytest.raises(AssertionError):
        history.check(len(history.disk.trace), unsynced.after_power_loss(10_000, nothing))
