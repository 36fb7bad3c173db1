"""Whatever happens to the bytes, the records that were not hit are delivered."""

import errno
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.spool import Spool
from monitor.spool.cursor import NAME as CURSOR
from monitor.spool.format import HEADER_BYTES, parse_name
from monitor.spool.recovery import DAMAGED, MAX_DAMAGED
from monitor.spool.simulated import Content, SimulatedDisk, SimulatedFile, no_fault
from tests.monitor.spool.conftest import MIB, Open
from tests.support.spooling import numbered, store, stored

PAYLOADS = [f"{i}:".encode() + bytes([i]) * (37 * i % 301) for i in range(60)]


def filled() -> dict[str, bytes]:
    """The files of a spool of several segments."""
    disk = SimulatedDisk()
    spool = Spool(disk, limit_bytes=MIB, segment_bytes=2048)
    for payload in PAYLOADS:
        store(spool, payload)
    spool.close()
    return disk.files


FILES = filled()
SEGMENTS = sorted(name for name in FILES if parse_name(name))


def places() -> dict[str, list[tuple[int, int]]]:
    """By segment: where each record's bytes begin and end, from the sizes alone."""
    found: dict[str, list[tuple[int, int]]] = {name: [] for name in SEGMENTS}
    payloads = iter(PAYLOADS)
    for name in SEGMENTS:
        end = HEADER_BYTES
        while end < len(FILES[name]):
            start, end = end, end + 20 + len(next(payloads))
            found[name].append((start, end))
    return found


PLACES = places()


def unhurt(name: str, damaged: range) -> dict[int, bytes]:
    """The records that have no byte in the damage."""
    hurt = {
        parsed[0] + i
        for i, (start, end) in enumerate(PLACES[name])
        if (parsed := parse_name(name)) and start < damaged.stop and end > damaged.start
    }
    return {n: payload for n, payload in numbered(PAYLOADS).items() if n not in hurt}


def survivors(files: dict[str, bytes]) -> dict[int, bytes]:
    spool = Spool(SimulatedDisk(files), limit_bytes=MIB, segment_bytes=2048)
    try:
        found = stored(spool)
        assert spool.n_lost + len(found) <= len(PAYLOADS)
        store(spool, b"it goes on")
        assert list(stored(spool, max(found, default=0)).values())[-1] == b"it goes on"
        return found
    finally:
        spool.close()


@settings(max_examples=300)
@given(st.sampled_from(SEGMENTS), st.data())
def test_overwritten_bytes_cost_the_records_that_they_belong_to(
    name: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(FILES[name]) - 1))
    junk = data.draw(st.one_of(st.binary(min_size=1, max_size=600), st.just(bytes(512))))
    content = FILES[name]
    hurt = content[:start] + junk[: len(content) - start] + content[start + len(junk) :]
    changed = [i for i in range(len(content)) if hurt[i] != content[i]]
    found = survivors(FILES | {name: hurt})
    expected = unhurt(name, range(start, start + len(junk))).items()
    assert expected <= found.items() <= numbered(PAYLOADS).items()
    if changed:
        assert found.items() >= unhurt(name, range(changed[0], changed[-1] + 1)).items()


@given(st.sampled_from(SEGMENTS), st.integers(0, 4096))
def test_a_segment_that_was_cut_costs_what_was_cut_off(name: str, size: int) -> None:
    found = survivors(FILES | {name: FILES[name][:size]})
    assert found == unhurt(name, range(size, 10_000))


@pytest.mark.parametrize("name", SEGMENTS, ids=range(len(SEGMENTS)))
def test_a_segment_that_is_gone_costs_its_records(name: str) -> None:
    found = survivors({other: content for other, content in FILES.items() if other != name})
    assert found == unhurt(name, range(10_000))


def test_lost_records_are_counted_once(open_spool: Open) -> None:
    start, end = PLACES[SEGMENTS[1]][2]
    content = bytearray(FILES[SEGMENTS[1]])
    content[start:end] = bytes(end - start)
    spool = open_spool(SimulatedDisk(FILES | {SEGMENTS[1]: bytes(content)}))
    assert len(stored(spool)) == len(stored(spool)) == len(PAYLOADS) - 1
    assert spool.n_lost == 1


def test_a_lost_cursor_means_that_everything_is_delivered_again(open_spool: Open) -> None:
    disk = SimulatedDisk(FILES)
    spool = open_spool(disk)
    spool.advance(30)
    spool.close()
    disk.contents[CURSOR].data[:] = b""
    spool = open_spool(disk)
    found = stored(spool)
    assert len(found) > 30
    assert found.items() <= numbered(PAYLOADS).items()
    assert spool.n_lost == 0


def test_a_damaged_segment_is_kept_apart(open_spool: Open) -> None:
    content = bytearray(FILES[SEGMENTS[0]])
    content[HEADER_BYTES + 20] ^= 1
    disk = SimulatedDisk(FILES | {SEGMENTS[0]: bytes(content)})
    spool = open_spool(disk)
    spool.advance(max(stored(spool)))
    kept = [name for name in disk.names() if name.endswith(DAMAGED)]
    assert [disk.files[name] for name in kept] == [bytes(content)]


def test_no_more_than_a_few_are_kept(open_spool: Open) -> None:
    flipped = {
        name: FILES[name][:20] + bytes([FILES[name][20] ^ 1]) + FILES[name][21:]
        for name in SEGMENTS
    }
    disk = SimulatedDisk(FILES | flipped)
    spool = open_spool(disk)
    spool.advance(max(stored(spool)))
    assert len([name for name in disk.names() if name.endswith(DAMAGED)]) == MAX_DAMAGED


def test_a_torn_end_is_cut_off_and_counted(open_spool: Open) -> None:
    last = SEGMENTS[-1]
    disk = SimulatedDisk(FILES | {last: FILES[last] + b"torn"})
    spool = open_spool(disk)
    assert spool.n_torn_bytes == 4
    assert disk.files[last] == FILES[last]
    assert stored(spool) == numbered(PAYLOADS)
    assert spool.n_lost == 0


BAD_BLOCK = range(8192, 12_288)


class _BadFile(SimulatedFile):
    def read(self, n: int, offset: int) -> bytes:
        if offset < BAD_BLOCK.stop and offset + n > BAD_BLOCK.start:
            raise OSError(errno.EIO, "unreadable")
        return super().read(n, offset)


class _BadDisk(SimulatedDisk):
    def open(self, name: str) -> SimulatedFile:
        return _BadFile(self, name, self.contents[name])


def test_a_block_that_cannot_be_read_costs_its_records(open_spool: Open) -> None:
    spool = open_spool(_BadDisk(), segment_bytes=64 * 1024)
    store(spool, *[bytes(100)] * 300)
    found = stored(spool)
    n_hit = len(BAD_BLOCK) // 120
    assert n_hit <= spool.n_lost <= 2 * n_hit + 2  # it is looked for in steps of a block
    assert spool.n_lost == 300 - len(found)


def test_a_read_that_fails_otherwise_costs_nothing(open_spool: Open) -> None:
    disk = SimulatedDisk(FILES)
    spool = open_spool(disk)

    def fault(operation: str, name: str) -> None:
        if operation == "open":
            raise OSError(errno.EMFILE, "too many open files", name)

    disk.fault = fault
    with pytest.raises(OSError, match="too many"):
        spool.read(0, 1000)
    disk.fault = no_fault
    assert stored(spool) == numbered(PAYLOADS)


def test_bytes_that_look_like_markers_are_found_out(open_spool: Open) -> None:
    """A record that is full of its segment's markers costs time, not records."""
    disk = SimulatedDisk()
    spool = Spool(disk, limit_bytes=MIB, new_marker=lambda: 0x41414141)
    store(spool, b"A" * 2000, b"next")
    spool.close()
    (name,) = (name for name in disk.names() if parse_name(name))
    disk.contents[name] = Content(bytearray(disk.files[name]))
    disk.contents[name].data[HEADER_BYTES + 4] ^= 1
    assert stored(open_spool(disk)) == {2: b"next"}


def test_random_files_never_stop_a_spool(open_spool: Open) -> None:
    bits = random.Random(7)
    for _ in range(50):
        files = {name: bits.randbytes(bits.randrange(3000)) for name in [*SEGMENTS, CURSOR]}
        assert survivors(files) == {}
