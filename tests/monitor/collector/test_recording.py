"""A recorder that died between storing a batch of captures and saying so."""

from collections import Counter

import pytest
from prometheus_client import CollectorRegistry

from monitor.collector.envelope import Envelope
from monitor.collector.intake import Intake
from monitor.collector.pipeline import messages_by_batch, spooled
from monitor.collector.screening import Screening
from monitor.collector.telemetry import Telemetry
from monitor.spool import Spool
from monitor.spool.simulated import SimulatedDisk
from tests.support.spooling import stored

NOON = 1_700_000_000.0
LIMIT_BYTES = 64 * 1024 * 1024


def letters(intake: Intake, *names: str) -> list[Envelope]:
    return [intake.dead_letter(name.encode(), "not JSON") for name in names]


def intake_on(spool: Spool, collector_id: str = "c0") -> Intake:
    before = messages_by_batch(spooled(spool), collector_id)
    screening = Screening(Telemetry(CollectorRegistry()))
    return Intake(
        spool,
        collector_id=collector_id,
        clock=lambda: NOON,
        screening=screening,
        stored=before,
    )


def values(spool: Spool) -> list[bytes]:
    return [Envelope.from_bytes(raw).value for raw in stored(spool).values()]


@pytest.fixture
def disk() -> SimulatedDisk:
    return SimulatedDisk()


@pytest.fixture
def first(disk: SimulatedDisk) -> Spool:
    """A spool in which a recorder that has died stored batches 1 and 2, and something pushed."""
    spool = Spool(disk, limit_bytes=LIMIT_BYTES)
    intake = intake_on(spool)
    intake.store(letters(intake, "1a", "1b"), batch=1).result(60)
    intake.store(letters(intake, "pushed")).result(60)
    intake.store(letters(intake, "2a"), batch=2).result(60)
    return spool


def test_the_next_one_finds_what_was_stored_of_each_batch(
    disk: SimulatedDisk, first: Spool
) -> None:
    first.close()
    spool = Spool(disk, limit_bytes=LIMIT_BYTES)
    assert messages_by_batch(spooled(spool), "c0") == Counter({1: 2, 2: 1})
    spool.close()


def test_it_finds_it_although_everything_was_delivered(disk: SimulatedDisk, first: Spool) -> None:
    first.advance(4)
    first.close()
    spool = Spool(disk, limit_bytes=LIMIT_BYTES)
    assert messages_by_batch(spooled(spool), "c0") == Counter({1: 2, 2: 1})
    assert stored(spool) == {}
    spool.close()


def test_it_finds_what_the_one_before_the_last_stored(disk: SimulatedDisk, first: Spool) -> None:
    first.close()
    second = Spool(disk, limit_bytes=LIMIT_BYTES)
    intake = intake_on(second)
    intake.store(letters(intake, "3a"), batch=3).result(60)
    second.close()
    spool = Spool(disk, limit_bytes=LIMIT_BYTES)
    assert messages_by_batch(spooled(spool), "c0") == Counter({1: 2, 2: 1, 3: 1})
    spool.close()


def test_what_other_collectors_stored_is_nothing_to_it(disk: SimulatedDisk, first: Spool) -> None:
    first.close()
    spool = Spool(disk, limit_bytes=LIMIT_BYTES)
    assert messages_by_batch(spooled(spool), "c1") == {}
    spool.close()


def test_a_batch_that_comes_again_is_not_stored_again(disk: SimulatedDisk, first: Spool) -> None:
    first.close()
    spool = Spool(disk, limit_bytes=LIMIT_BYTES)
    intake = intake_on(spool)
    intake.store(letters(intake, "2a"), batch=2).result(60)
    intake.store(letters(intake, "3a"), batch=3).result(60)
    assert values(spool) == [b"1a", b"1b", b"pushed", b"2a", b"3a"]
    spool.close()


def test_a_batch_of_which_a_part_was_stored_is_completed(disk: SimulatedDisk, first: Spool) -> None:
    first.close()
    spool = Spool(disk, limit_bytes=LIMIT_BYTES)
    intake = intake_on(spool)
    intake.store(letters(intake, "2a", "2b", "2c"), batch=2).result(60)
    assert values(spool) == [b"1a", b"1b", b"pushed", b"2a", b"2b", b"2c"]
    spool.close()


def test_an_empty_spool_has_no_tail(disk: SimulatedDisk) -> None:
    spool = Spool(disk, limit_bytes=LIMIT_BYTES)
    assert spool.tail() == []
    spool.close()
