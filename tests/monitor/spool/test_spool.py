import threading
from pathlib import Path

import pytest

from monitor.spool import (
    RealDisk,
    Spool,
    SpoolFailedError,
    SpoolFullError,
    SpoolInUseError,
    SpoolVersionError,
)
from monitor.spool.cursor import slot
from monitor.spool.disk import Disk
from monitor.spool.format import HEADER_BYTES, header, parse_name, segment_name
from monitor.spool.simulated import SimulatedDisk
from monitor.spool.spool import PENDING_BYTES
from tests.monitor.spool.conftest import MIB, Open
from tests.support.spooling import numbered, store, stored

KB = bytes(1000)


def segments(disk: Disk) -> list[str]:
    return sorted(name for name in disk.names() if parse_name(name))


def fill(spool: Spool, payload: bytes) -> None:
    while True:
        store(spool, payload)


def test_records_come_back_in_order_with_their_numbers(disk: Disk, open_spool: Open) -> None:
    spool = open_spool(disk)
    assert store(spool, b"a", b"") == 2
    assert store(spool, b"c") == 3
    assert stored(spool) == {1: b"a", 2: b"", 3: b"c"}


def test_nothing_is_read_before_it_is_stored(open_spool: Open) -> None:
    spool = open_spool(SimulatedDisk())
    assert spool.read(0, 1000) == []
    assert not spool.wait(0, 0.0)
    store(spool, b"a")
    assert spool.wait(0, 0.0)


def test_a_read_takes_about_as_much_as_is_asked_for(open_spool: Open) -> None:
    spool = open_spool(SimulatedDisk())
    store(spool, *[KB] * 4)
    assert [len(spool.read(after, 2100)) for after in (0, 2)] == [2, 2]
    assert len(spool.read(0, 10)) == 1


def test_what_was_read_can_be_read_again(disk: Disk, open_spool: Open) -> None:
    spool = open_spool(disk)
    payloads = [bytes([i]) * 900 for i in range(30)]
    store(spool, *payloads)
    for after in (0, 17, 4, 0):
        assert stored(spool, after) == numbered(payloads[after:], after + 1)


def test_a_process_goes_on_where_the_last_one_ended(disk: Disk, open_spool: Open) -> None:
    spool = open_spool(disk)
    store(spool, b"a", b"b", b"c")
    spool.advance(2)
    spool.close()
    spool = open_spool(disk)
    assert spool.delivered == 2
    assert store(spool, b"d") == 4
    assert stored(spool) == {3: b"c", 4: b"d"}


def test_numbers_go_on_although_everything_was_delivered(disk: Disk, open_spool: Open) -> None:
    spool = open_spool(disk)
    spool.advance(store(spool, b"a", b"b"))
    spool.close()
    for name in segments(disk):
        disk.unlink(name)
    assert store(open_spool(disk), b"c") == 3


def test_delivered_segments_are_removed(disk: Disk, open_spool: Open) -> None:
    spool = open_spool(disk)
    for _ in range(20):
        last = store(spool, KB)
    assert len(segments(disk)) == 5
    spool.advance(last)
    assert len(segments(disk)) == 1
    assert spool.size_bytes <= 4096


def test_a_record_larger_than_a_segment_has_one_of_its_own(disk: Disk, open_spool: Open) -> None:
    spool = open_spool(disk)
    payloads = [b"small", bytes(10_000), b"small too"]
    for payload in payloads:
        store(spool, payload)
    assert stored(spool) == numbered(payloads)
    assert len(segments(disk)) == 3


def test_what_was_handed_in_is_stored_by_a_close(disk: Disk, open_spool: Open) -> None:
    spool = open_spool(disk)
    waiting = [spool.append([b"x"]) for _ in range(100)]
    spool.close()
    assert [future.result(0) for future in waiting] == list(range(1, 101))
    with pytest.raises(SpoolFailedError):
        spool.append([b"late"])


def test_everybody_who_appends_is_answered_for_his_own(open_spool: Open, tmp_path: Path) -> None:
    spool = open_spool(RealDisk(tmp_path))
    answers = {}

    def append(thread: int) -> None:
        for i in range(50):
            payload = f"{thread}/{i}".encode()
            answers[payload] = spool.append([b"first", payload])

    threads = [threading.Thread(target=append, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {future.result(60): payload for payload, future in answers.items()}
    records = stored(spool)
    assert {n: records[n] for n in found} == found
    assert len(records) == 800


def test_one_wait_for_the_disk_serves_all_who_came_meanwhile(open_spool: Open) -> None:
    at_the_disk, go_on = threading.Event(), threading.Event()

    def fault(operation: str, name: str) -> None:
        if operation == "sync" and parse_name(name):
            at_the_disk.set()
            go_on.wait(60)

    disk = SimulatedDisk(fault=fault)
    spool = open_spool(disk)
    first = spool.append([b"first"])
    assert at_the_disk.wait(60)
    others = [spool.append([b"other"]) for _ in range(50)]
    go_on.set()
    assert first.result(60) == 1
    assert others[-1].result(60) == 51
    assert len([o for o in disk.trace if o.kind == "sync" and parse_name(o.name)]) == 3


def test_at_its_limit_it_refuses_until_something_was_delivered(
    disk: Disk, open_spool: Open
) -> None:
    spool = open_spool(disk, limit_bytes=16 * 1024)
    with pytest.raises(SpoolFullError, match="16384"):
        fill(spool, KB)
    last = max(stored(spool))
    assert last > 12
    assert spool.size_bytes <= 16 * 1024
    spool.advance(last)
    assert store(spool, KB) == last + 1


def test_a_full_spool_that_was_delivered_takes_records_after_a_crash(open_spool: Open) -> None:
    disk = SimulatedDisk()
    spool = open_spool(disk, limit_bytes=16 * 1024)
    for _ in range(14):
        last = store(spool, KB)
    before_unlinking = disk.files
    spool.advance(last)
    crashed = SimulatedDisk(before_unlinking | {"cursor": disk.files["cursor"]})
    assert store(open_spool(crashed, limit_bytes=16 * 1024), KB) == last + 1


def test_what_waits_for_the_disk_is_bounded(open_spool: Open) -> None:
    go_on = threading.Event()

    def fault(operation: str, name: str) -> None:
        if operation == "create" and parse_name(name):
            go_on.wait(60)

    spool = open_spool(SimulatedDisk(fault=fault), limit_bytes=1024 * MIB)
    waiting = [spool.append([bytes(MIB)]) for _ in range(PENDING_BYTES // MIB - 1)]
    with pytest.raises(SpoolFullError, match="wait for the disk"):
        spool.append([bytes(MIB)])
    go_on.set()
    assert waiting[-1].result(60) == len(waiting)


def test_a_second_process_is_refused(open_spool: Open, tmp_path: Path) -> None:
    first = open_spool(RealDisk(tmp_path))
    with pytest.raises(SpoolInUseError):
        open_spool(RealDisk(tmp_path))
    first.close()
    open_spool(RealDisk(tmp_path))


@pytest.mark.parametrize(
    ("name", "content"),
    [(segment_name(1, 7), header(2) + b"who knows"), ("cursor", slot(1, 5, version=2))],
)
def test_a_later_version_is_refused_and_nothing_is_touched(name: str, content: bytes) -> None:
    files = {name: content, segment_name(9, 7): b"", segment_name(10, 7): header() + b"torn"}
    disk = SimulatedDisk(files)
    with pytest.raises(SpoolVersionError):
        Spool(disk, limit_bytes=MIB)
    assert {name: disk.files[name] for name in files} == files
    disk.lock()  # others may have it


def test_a_folder_that_cannot_be_made_is_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        RealDisk(tmp_path / "file" / "spool")


def test_others_files_are_left_alone(disk: Disk, open_spool: Open) -> None:
    disk.create("notes.txt").close()
    spool = open_spool(disk)
    spool.advance(store(spool, *[KB] * 20))
    assert "notes.txt" in disk.names()


def test_only_the_owner_may_read_the_files(open_spool: Open, tmp_path: Path) -> None:
    store(open_spool(RealDisk(tmp_path)), b"personal")
    assert {path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {0}


def test_a_segment_is_as_long_as_its_records(disk: Disk, open_spool: Open) -> None:
    spool = open_spool(disk)
    store(spool, b"abc")
    assert disk.open(segments(disk)[0]).size() == HEADER_BYTES + 20 + 3 == spool.size_bytes
