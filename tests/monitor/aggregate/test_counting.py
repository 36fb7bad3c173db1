"""Aggregator on logs that are lists: what is counted, and where."""

import random
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.profile import count
from detectors.reference import Reference
from monitor.aggregate.lane import TOLERATED_FUTURE_S
from monitor.batches import to_rows
from monitor.kafka.messages import FROM_THE_FUTURE, SERVED, Header, Registration
from monitor.kafka.records import Partition, Record
from monitor.kafka.served import Served, to_header
from monitor.sql.store import References
from tests.support.aggregated import (
    LABELS,
    PREDICTIONS,
    TOPICS,
    World,
    hash_of,
    labelled,
    outcome,
    predicted,
    sent_by,
)
from tests.support.counted import HOUR, monitor, predictions, registered


def test_rows_are_counted_in_the_pane_of_their_event_time(world: World) -> None:
    batch = predicted(0, ["a", "b", "c"], [10.0, HOUR + 10.0, 20.0])
    world.read(batch)
    world.flush()
    panes = world.panes()
    assert {start: profile.n for start, profile in panes.items()} == {0.0: 2, HOUR: 1}
    assert (panes[0.0].first_time, panes[0.0].last_time) == (10.0, 20.0)


def test_many_messages_count_as_one_batch_would(world: World) -> None:
    records = [predicted(i, [f"{i}", f"{i}!"], [1.0, 2.0]) for i in range(10)]
    world.read(*records[:3])
    world.read(*records[3:])
    world.flush()
    ids = [f"{i}{end}" for i in range(10) for end in ("", "!")]
    rows, _, times = to_rows(
        predictions(ids, [1.0, 2.0] * 10, np.array([hash_of(i) for i in ids])),
        world.reference.schema,
    )
    assert world.panes() == {0.0: count(rows, world.reference, times=times, ids=ids)}


def test_each_stretch_of_the_log_has_a_segment_of_its_own(world: World) -> None:
    world.read(*(predicted(i, [f"{i}"], [1.0]) for i in range(10)))
    world.flush()
    starts = [(segment.start, segment.version) for segment, _ in world.published.values()]
    assert starts == [(0, 4), (4, 4), (8, 2)]
    assert world.committed[PREDICTIONS] == 8


def test_rows_are_skipped_and_counted_by_reason(world: World, reference: Reference) -> None:
    world.registrations["gone"] = Registration(monitor=monitor("gone"), revision=2, state="deleted")
    world.registrations["new"] = Registration(monitor=monitor("new"), revision=1, state="resolving")
    for offset, name in enumerate(("nobody", "gone", "new")):
        world.read(predicted(offset, ["a", "b"], [1.0, 1.0], name=name))
    assert world.skipped("unknown monitor", name="") == 1
    assert world.skipped("deleted monitor", name="gone") == 2
    assert world.skipped("no reference yet", name="new") == 2
    assert world.aggregator.changed() == []


def test_rows_from_the_future_are_skipped_and_do_not_move_time(world: World) -> None:
    late = 1000.0 + TOLERATED_FUTURE_S
    world.read(predicted(0, ["a", "b"], [late + 1.0, late], time=1000.0))
    world.flush()
    assert world.skipped("from the future") == 1
    [mark] = world.watermarks()
    assert mark.event_time == late


def test_rows_from_the_future_are_told_of_in_the_time_of_their_messages(world: World) -> None:
    far = 10 * HOUR
    world.read(predicted(0, ["a", "b", "c"], [far, far + 1.0, 20.0], time=HOUR + 5.0))
    world.read(predicted(1, ["d"], [far], time=2 * HOUR))
    world.flush()
    said = {s.pane_start: s.version for s, _ in world.published.values() if s.subset}
    assert said == {HOUR: 2, 2 * HOUR: 1}
    assert {s.subset for s, _ in world.published.values()} == {0, FROM_THE_FUTURE}
    assert {start: one.n for start, one in world.panes().items()} == {0.0: 1, HOUR: 0, 2 * HOUR: 0}


def serving(record: Record, *told: Served) -> Record:
    """The message with what a collector tells of requests."""
    header = (Header.SERVED.value, to_header(told))
    return record._replace(headers=[*record.headers, header])


def requests(world: World) -> dict[float, dict[int, int]]:
    """Of every pane, how many requests by slot."""
    found: dict[float, dict[int, int]] = {}
    for segment, profile in world.published.values():
        if segment.subset == SERVED:
            pane = found.setdefault(segment.pane_start, {})
            for slot in np.flatnonzero(profile.served).tolist():
                pane[slot] = pane.get(slot, 0) + int(profile.served[slot])
    return found


def test_requests_are_counted_beside_rows_and_once_whatever_dies(world: World) -> None:
    told = [Served(20.0, {0: 1, 9: 3}), Served(HOUR + 1.0, {1: 2})]
    records = [serving(predicted(i, [f"{i}"], [10.0]), *told) for i in range(6)]
    records.append(serving(predicted(6, [], []), *told))
    world.read(*records[:3])
    world.flush(commits=False)
    world.start()
    world.read(*records)
    world.flush()
    assert requests(world) == {0.0: {0: 7, 9: 21}, HOUR: {1: 14}}
    assert world.panes()[0.0].n == 6
    versions = [s.version for s, _ in world.published.values() if s.subset == SERVED]
    assert sum(versions) == 7 * 6


def test_requests_that_cannot_be_are_set_aside_with_their_rows(world: World) -> None:
    plain = predicted(0, ["a"], [1.0])
    broken = plain._replace(headers=[*plain.headers, (Header.SERVED.value, b"[[1,{}")])
    assert world.read(broken) == [TOPICS.dead_letters]
    assert world.aggregator.changed() == []


def test_requests_from_the_future_are_skipped(world: World) -> None:
    late = 1000.0 + TOLERATED_FUTURE_S + 1.0
    world.read(serving(predicted(0, [], [], time=1000.0), Served(late, {0: 3})))
    assert world.skipped("requests from the future") == 3
    assert world.aggregator.changed() == []


def test_a_reference_that_cannot_be_read_is_counted(world: World, reference: Reference) -> None:
    lost = registered(reference, monitor("lost"))
    world.registrations["lost"] = Registration(
        monitor=lost.monitor, revision=1, state="active", reference_id="sha256:" + 64 * "0"
    )
    world.read(predicted(0, ["a"], [1.0], name="lost"), predicted(1, ["a"], [1.0]))
    world.flush()
    assert world.skipped("reference not readable", name="lost") == 1
    assert world.panes()[0.0].n == 1


def test_a_watermark_is_the_latest_event_time_and_is_said_once(world: World) -> None:
    world.read(predicted(0, ["a", "b"], [50.0, 20.0]))
    [mark] = world.watermarks()
    assert (mark.monitor, mark.partition, mark.event_time, mark.offset) == ("seats", 0, 50.0, 1)
    world.aggregator.settle([mark])
    assert world.watermarks() == []


def test_every_source_has_a_watermark_of_its_own(world: World) -> None:
    world.read(sent_by("a", predicted(0, ["a"], [50.0])), sent_by("b", predicted(1, ["b"], [9.0])))
    world.read(sent_by("a", predicted(2, ["c"], [40.0])))
    marks = world.watermarks()
    assert {mark.source: mark.event_time for mark in marks} == {"a": 50.0, "b": 9.0}
    world.aggregator.settle(marks)
    world.read(sent_by("b", predicted(3, ["d"], [60.0])))
    assert [(mark.source, mark.event_time) for mark in world.watermarks()] == [("b", 60.0)]


@pytest.mark.parametrize(("end", "n_marks"), [(None, 0), (5, 0), (0, 1)])
def test_watermarks_wait_for_partitions_that_may_hold_earlier_rows(
    world: World, end: int | None, n_marks: int
) -> None:
    other = Partition(TOPICS.predictions, 1)
    world.aggregator.assign(other, first=0, reading_from=0)
    world.read(predicted(0, ["a"], [50.0]))
    ends = {} if end is None else {other: end}
    assert len(world.watermarks(ends)) == n_marks


def test_a_busy_partition_that_has_caught_up_once_holds_nothing_back(world: World) -> None:
    other = Partition(TOPICS.predictions, 1)
    world.aggregator.assign(other, first=0, reading_from=0)
    assert world.watermarks({other: 0}) == []
    world.read(predicted(0, ["a"], [50.0]))
    assert len(world.watermarks({other: 1_000})) == 1


def test_a_revoked_partition_is_forgotten(world: World) -> None:
    world.read(predicted(0, ["a"], [1.0]))
    world.aggregator.revoke(PREDICTIONS)
    world.aggregator.revoke(LABELS)
    assert world.aggregator.changed() == []
    assert world.watermarks() == []
    assert world.aggregator.settle([]) == {}


LOG = [
    *(predicted(i, [f"p{i}", f"q{i}"], [i * 400.0, i * 500.0]) for i in range(13)),
    *(labelled(i, [f"p{(i * 5) % 14}", f"q{i % 6}"], [1.0 * i, 2.0]) for i in range(13)),
]
"""Labels come early, late, twice, and for p13 without a prediction."""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.randoms(use_true_random=True))
def test_crashes_anywhere_change_nothing(
    reference: Reference, references: References, chance: random.Random
) -> None:
    calm, shaken = World(reference, references), World(reference, references)
    for log_of in (LOG[:13], LOG[13:]):
        calm.read(*log_of)
    calm.flush()
    while any(offset < 13 for offset in read_to(shaken).values()):
        shaken.read(*chance.choice(list(chunks(shaken))))
        event = chance.choice(["nothing", "flush", "uncommitted", "crash"])
        if event in ("flush", "uncommitted"):
            shaken.flush(commits=event == "flush")
        if event in ("crash", "uncommitted") and chance.randrange(4) == 0:
            shaken.start()
    shaken.flush()
    assert outcome(shaken) == outcome(calm)


def read_to(world: World) -> dict[str, int]:
    lane = world.aggregator._lanes[0]
    assert lane.predictions is not None
    assert lane.labels is not None
    return {"predictions": lane.predictions.next_offset, "labels": lane.labels.next_offset}


def chunks(world: World) -> Iterable[list[Record]]:
    """Some of the next records of either partition."""
    at = read_to(world)
    for log_of, start in ((LOG[:13], at["predictions"]), (LOG[13:], at["labels"])):
        for n in (1, 3, 8):
            if start < 13:
                yield log_of[start : start + n]
