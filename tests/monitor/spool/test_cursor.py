import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.spool import SpoolVersionError
from monitor.spool.cursor import BLOCK_BYTES, NAME, Cursor, slot
from monitor.spool.disk import Disk
from monitor.spool.simulated import SimulatedDisk


def test_a_cursor_begins_at_zero_and_is_found_where_it_was(disk: Disk) -> None:
    cursor = Cursor.open(disk)
    assert cursor.sequence == 0
    for sequence in (3, 4, 90):
        cursor.move(sequence)
        assert Cursor.open(disk).sequence == sequence


def test_a_move_needs_no_room(disk: Disk) -> None:
    cursor = Cursor.open(disk)
    size = disk.open(NAME).size()
    for sequence in range(1, 10):
        cursor.move(sequence)
    assert disk.open(NAME).size() == size


@given(st.integers(0, 2 * BLOCK_BYTES - 1), st.integers(1, 255))
def test_damage_to_one_slot_costs_one_move_at_most(place: int, change: int) -> None:
    disk = SimulatedDisk()
    cursor = Cursor.open(disk)
    cursor.move(5)
    cursor.move(9)
    disk.contents[NAME].data[place] ^= change
    assert Cursor.open(disk).sequence in (5, 9)


@given(st.integers(0, 2), st.booleans())
def test_a_torn_move_leaves_the_place_before_or_after(n_operations: int, survives: bool) -> None:
    disk = SimulatedDisk()
    cursor = Cursor.open(disk)
    cursor.move(5)
    settled = len(disk.trace)
    cursor.move(9)
    after = disk.after_power_loss(settled + n_operations, lambda: survives)
    assert Cursor.open(after).sequence in ((9,) if n_operations == 2 else (5, 9))


def test_a_move_that_failed_is_written_to_the_same_slot_again() -> None:
    disk = SimulatedDisk()
    cursor = Cursor.open(disk)
    cursor.move(5)

    def fault(operation: str, name: str) -> None:
        if operation == "sync":
            raise OSError("broken")

    disk.fault = fault
    for _ in range(2):
        with pytest.raises(OSError, match="broken"):
            cursor.move(9)
    assert cursor.sequence == 5
    after = disk.after_power_loss(len(disk.trace), lambda: True)
    assert after.files[NAME][BLOCK_BYTES:].startswith(slot(1, 5))


def test_with_both_slots_damaged_nobody_knows() -> None:
    assert Cursor.open(SimulatedDisk({NAME: b"x" * 2 * BLOCK_BYTES})).sequence == 0
    assert Cursor.open(SimulatedDisk({NAME: b""})).sequence == 0


def test_a_later_version_is_refused() -> None:
    with pytest.raises(SpoolVersionError):
        Cursor.open(SimulatedDisk({NAME: slot(1, 5, version=2)}))
