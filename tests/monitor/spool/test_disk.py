"""What the spool relies on, of the real disk and of its double."""

from pathlib import Path

import pytest

from monitor.spool import RealDisk, SpoolInUseError
from monitor.spool.disk import Disk, write_all
from monitor.spool.simulated import SimulatedDisk


def test_what_is_written_is_read(disk: Disk) -> None:
    file = disk.create("a")
    write_all(file, b"hello", 0)
    write_all(file, b"p!", 3)
    file.sync()
    assert (file.read(100, 1), file.size()) == (b"elp!", 5)
    file.close()
    disk.sync()
    assert disk.open("a").read(2, 0) == b"he"


def test_a_write_beyond_the_end_leaves_zeros_between(disk: Disk) -> None:
    file = disk.create("a")
    write_all(file, b"x", 3)
    assert file.read(10, 0) == b"\0\0\0x"


def test_a_file_is_cut(disk: Disk) -> None:
    file = disk.create("a")
    write_all(file, b"hello", 0)
    file.truncate(2)
    assert (file.read(10, 0), file.size()) == (b"he", 2)


def test_a_name_is_made_once(disk: Disk) -> None:
    disk.create("a").close()
    with pytest.raises(FileExistsError):
        disk.create("a")
    with pytest.raises(FileNotFoundError):
        disk.open("b")


def test_names_come_and_go(disk: Disk) -> None:
    for name in ("a", "b"):
        disk.create(name).close()
    disk.rename("a", "c")
    disk.unlink("b")
    assert disk.names() == ["c"]
    disk.rename("gone", "d")
    disk.unlink("gone")
    assert disk.names() == ["c"]


def test_what_is_open_can_be_read_when_its_name_is_gone(disk: Disk) -> None:
    file = disk.create("a")
    write_all(file, b"hello", 0)
    disk.unlink("a")
    assert file.read(10, 0) == b"hello"


def test_a_folder_is_locked_until_it_is_closed(tmp_path: Path) -> None:
    first, second = RealDisk(tmp_path), RealDisk(tmp_path)
    first.lock()
    with pytest.raises(SpoolInUseError, match=str(tmp_path)):
        second.lock()
    first.close()
    second.lock()
    second.close()


def test_the_double_is_locked_until_it_is_closed() -> None:
    disk = SimulatedDisk()
    disk.lock()
    with pytest.raises(SpoolInUseError):
        disk.lock()
    disk.close()
    disk.lock()


def test_a_full_double_takes_a_part_and_then_fails() -> None:
    file = SimulatedDisk(capacity_bytes=4).create("a")
    assert file.write(b"hello", 0) == 4
    with pytest.raises(OSError, match="no space"):
        file.write(b"o", 4)
    assert file.write(b"J", 0) == 1


def test_a_loss_of_power_keeps_what_was_synced_and_nothing_else() -> None:
    disk = SimulatedDisk()
    file = disk.create("a")
    file.write(b"safe", 0)
    file.sync()
    disk.sync()
    file.write(b"lost", 4)
    disk.create("b").write(b"nameless", 0)
    assert disk.after_power_loss(len(disk.trace), lambda: False).files == {"a": b"safe"}
    assert disk.after_power_loss(len(disk.trace), lambda: True).files == disk.files
    assert disk.after_power_loss(2, lambda: False).files == {}


def test_after_a_failed_sync_another_one_saves_nothing() -> None:
    failing = True

    def fault(operation: str, name: str) -> None:
        if (operation, name) == ("sync", "a") and failing:
            raise OSError("broken")

    disk = SimulatedDisk(fault=fault)
    file = disk.create("a")
    disk.sync()
    file.write(b"lost", 0)
    with pytest.raises(OSError, match="broken"):
        file.sync()
    failing = False
    file.sync()
    assert disk.after_power_loss(len(disk.trace), lambda: False).files == {"a": b""}
