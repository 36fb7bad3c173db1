"""Aggregator on logs that are lists: no Kafka, no clock."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from detectors.profile import Profile, count, count_labels
from detectors.reference import Reference
from monitor import batches
from monitor.aggregate.counting import CUT_SHORT_PATIENCE_S, Aggregator
from monitor.aggregate.lane import TOLERATED_FUTURE_S
from monitor.aggregate.tally import Tally
from monitor.batches import to_rows
from monitor.messages import Registration, Segment, Topics, Watermark
from monitor.metrics import Instruments
from monitor.records import Partition, Record, TopicsError
from monitor.store import References
from tests.support.counted import HOUR, monitor, predictions, record, registered

TOPICS = Topics("t.")
PREDICTIONS, LABELS = Partition("t.predictions", 0), Partition("t.labels", 0)
SIZE = 4


def predicted(offset: int, ids: Sequence[str], times: Sequence[float], **about: Any) -> Record:
    x = np.array([hash_of(i) for i in ids])
    return record(TOPICS.predictions, offset, predictions(ids, times, x), **about)


def hash_of(prediction_id: str) -> float:
    """A value that is a function of the id."""
    return float(sum(prediction_id.encode()) % 7 - 3)


def labelled(offset: int, ids: Sequence[str], labels: Sequence[object]) -> Record:
    batch = batches.labels(ids, [0.0] * len(ids), labels)
    return record(TOPICS.labels, offset, batch)


@dataclass
class World:
    """Registry, store and metrics around an aggregator; and what is left of it after a crash."""

    reference: Reference
    references: References
    metrics: CollectorRegistry = field(default_factory=CollectorRegistry)
    published: dict[bytes, tuple[Segment, Profile]] = field(default_factory=dict)
    committed: dict[Partition, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tally = Tally(Instruments(self.metrics))
        self.registrations: dict[str, Registration] = {}
        self.register(label="truth")
        self.start()

    def register(self, name: str = "seats", **spec: Any) -> None:
        self.registrations[name] = registered(self.reference, monitor(name, **spec))

    def start(self) -> None:
        """A new process; it reads both partitions from their beginning to rebuild the join."""
        self.aggregator = Aggregator(TOPICS, self.references, self.tally, segment_size=SIZE)
        for partition in (PREDICTIONS, LABELS):
            first = self.committed.get(partition, 0)
            self.aggregator.assign(partition, first=first, reading_from=0)

    def read(self, *records: Record, now: float = 0.0) -> list[str]:
        letters = self.aggregator.read(records, self.registrations, now)
        return [letter.topic for letter in letters]

    def flush(self, *, commits: bool = True) -> None:
        for segment, profile in self.aggregator.changed():
            known = self.published.get(segment.key)
            if known is None or segment.version > known[0].version:
                self.published[segment.key] = (segment, profile)
        if commits:
            self.committed |= self.aggregator.settle([])

    def watermarks(self, others: Mapping[Partition, int] | None = None) -> list[Watermark]:
        """With the partition read to its end, and others that end where they are said to."""
        lane = self.aggregator._lanes.get(0)
        read_to = lane.predictions.next_offset if lane and lane.predictions else 0
        self.aggregator.note_ends({PREDICTIONS: read_to, **(others or {})}, 0.0)
        return self.aggregator.watermarks()

    def skipped(self, reason: str, name: str = "seats") -> float:
        labels = {"monitor": name, "reason": reason}
        found = self.metrics.get_sample_value("driftmeter_aggregate_skipped_total", labels)
        return found or 0.0

    def panes(self) -> dict[float, Profile]:
        """What detect makes of it: the sum of all segments, by pane."""
        totals: dict[float, Profile] = {}
        for segment, profile in self.published.values():
            known = totals.get(segment.pane_start)
            totals[segment.pane_start] = profile if known is None else known + profile
        return totals


@pytest.fixture
def world(reference: Reference, references: References) -> World:
    return World(reference, references)


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
    assert starts == [(0, 4), (4, 8), (8, 10)]
    assert world.committed[PREDICTIONS] == 8


def test_what_is_read_twice_is_counted_once(world: World) -> None:
    batch = predicted(0, ["a"], [1.0])
    world.read(batch, batch)
    world.read(batch)
    world.flush()
    assert world.panes()[0.0].n == 1


def test_records_of_a_partition_that_is_not_ours_are_passed_over(world: World) -> None:
    world.read(predicted(0, ["a"], [1.0], partition=3))
    assert world.aggregator.changed() == []


def test_a_label_is_counted_in_the_pane_of_its_prediction(world: World) -> None:
    world.read(predicted(0, ["a", "b"], [10.0, HOUR + 10.0]))
    world.read(labelled(0, ["b"], [5.0]))
    world.flush()
    panes = world.panes()
    value = np.array([2 * hash_of("b")])
    expected = count_labels(value, np.array([5.0]), world.reference)
    assert np.array_equal(panes[HOUR].outcomes, expected.outcomes)
    assert panes[HOUR].n_labelled == 1
    assert panes[0.0].n_labelled == 0


def test_an_early_label_waits_and_its_stretch_is_not_committed(world: World) -> None:
    world.read(*(labelled(i, [f"{i}"], [1.0]) for i in range(9)))
    world.flush()
    assert world.committed[LABELS] == 0
    world.read(predicted(0, [f"{i}" for i in range(9)], [1.0] * 9))
    world.flush()
    assert world.committed[LABELS] == 8
    assert world.panes()[0.0].n_labelled == 9


def test_a_label_whose_prediction_never_comes_is_given_up_and_counted(world: World) -> None:
    world.read(*(labelled(i, [f"{i}"], [1.0]) for i in range(5)), now=100.0)
    world.aggregator.note_ends({PREDICTIONS: 0}, 0.0)
    world.aggregator.give_up_waiting(now=5_000.0)
    world.flush()
    assert world.committed[LABELS] == 4
    assert world.skipped("unmatched label") == 5


def test_nobody_gives_up_while_predictions_are_still_to_be_read(world: World) -> None:
    world.read(labelled(0, ["a"], [1.0]), now=100.0)
    world.aggregator.note_ends({PREDICTIONS: 10}, 0.0)
    world.aggregator.give_up_waiting(now=5_000.0)
    assert world.skipped("unmatched label") == 0


def test_duplicate_and_missing_labels_are_counted_by_reason(world: World) -> None:
    world.read(predicted(0, ["a", "b"], [1.0, 1.0]))
    world.read(labelled(0, ["a", "a", "b"], [1.0, 2.0, None]))
    world.flush()
    assert world.panes()[0.0].n_labelled == 1
    assert (world.skipped("duplicate label"), world.skipped("no label")) == (1, 1)


def test_a_duplicate_is_recognised_after_a_restart(world: World) -> None:
    log = [predicted(0, ["a"], [1.0]), *(labelled(i, ["a"], [1.0 + i]) for i in range(SIZE))]
    world.read(*log)
    world.flush()
    assert world.committed[LABELS] == SIZE
    world.start()
    world.read(*log, labelled(SIZE, ["a"], [9.0]))
    world.flush()
    assert world.panes()[0.0].n_labelled == 1


def test_a_label_counts_against_the_reference_of_its_prediction(
    world: World, reference: Reference
) -> None:
    world.read(predicted(0, ["a"], [1.0]))
    world.registrations["seats"] = registered(reference, monitor(label="truth"), revision=2)
    world.read(labelled(0, ["a"], [1.0]))
    assert {segment.reference_id for segment, _ in world.aggregator.changed()} == {reference.id}


def test_rows_are_skipped_and_counted_by_reason(world: World, reference: Reference) -> None:
    world.registrations["gone"] = Registration(monitor=monitor("gone"), revision=2, state="deleted")
    world.registrations["new"] = Registration(monitor=monitor("new"), revision=1, state="resolving")
    for offset, name in enumerate(("nobody", "gone", "new")):
        world.read(predicted(offset, ["a", "b"], [1.0, 1.0], name=name))
    assert world.skipped("unknown monitor", name="") == 1
    assert world.skipped("deleted monitor", name="gone") == 2
    assert world.skipped("no reference yet", name="new") == 2
    assert world.aggregator.changed() == []


def test_labels_that_nobody_expects_are_skipped(world: World) -> None:
    world.register()
    world.read(predicted(0, ["a"], [1.0]), labelled(0, ["a"], [1.0]))
    assert world.skipped("labels not expected") == 1


def test_rows_from_the_future_are_skipped_and_do_not_move_time(world: World) -> None:
    late = 1000.0 + TOLERATED_FUTURE_S
    world.read(predicted(0, ["a", "b"], [late + 1.0, late], time=1000.0))
    world.flush()
    assert world.skipped("from the future") == 1
    [mark] = world.watermarks()
    assert mark.event_time == late


def test_poison_goes_to_the_dead_letters_and_the_next_message_is_counted(world: World) -> None:
    poison = Record(
        topic=TOPICS.predictions,
        partition=0,
        offset=0,
        time=0,
        value=b"poison",
        headers=[("monitor", b"seats")],
    )
    assert world.read(poison, predicted(1, ["a"], [1.0])) == [TOPICS.dead_letters]
    world.flush()
    assert world.panes()[0.0].n == 1


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


def test_lag_is_the_distance_to_the_end(world: World) -> None:
    world.read(predicted(0, ["a"], [1.0]))
    world.aggregator.note_ends({PREDICTIONS: 11}, 0.0)
    labels = {"topic": TOPICS.predictions, "partition": "0"}
    assert world.metrics.get_sample_value("driftmeter_aggregate_lag_messages", labels) == 10


def test_messages_that_have_expired_are_counted(world: World) -> None:
    world.read(predicted(0, ["a"], [1.0]), predicted(5, ["b"], [1.0]))
    assert world.skipped("no longer in the log", name="") == 4


def test_a_log_that_was_made_anew_is_refused(world: World) -> None:
    world.read(*(predicted(i, [f"{i}"], [1.0]) for i in range(5)))
    world.aggregator.note_ends({PREDICTIONS: 4}, 100.0)
    with pytest.raises(TopicsError, match="made anew"):
        world.aggregator.note_ends({PREDICTIONS: 4}, 100.0 + CUT_SHORT_PATIENCE_S)


def test_a_new_leader_may_not_know_the_end_for_a_moment(world: World) -> None:
    world.read(predicted(0, ["a"], [1.0]))
    for now, end in ((0.0, 0), (50.0, 1), (70.0, 0), (120.0, 0)):
        world.aggregator.note_ends({PREDICTIONS: end}, now)


def test_names_that_no_registration_knows_are_told(world: World) -> None:
    records = [predicted(0, ["a"], [1.0], name=name) for name in ("seats", "nobody")]
    assert world.aggregator.unknown(records, world.registrations) == {"nobody"}


LOG = [
    *(predicted(i, [f"p{i}", f"q{i}"], [i * 400.0, i * 500.0]) for i in range(13)),
    *(labelled(i, [f"p{(i * 5) % 14}", f"q{i % 6}"], [1.0 * i, 2.0]) for i in range(13)),
]
"""Labels come early, late, twice, and for p13 without a prediction."""


def outcome(world: World) -> dict[bytes, Profile]:
    return {key: profile for key, (_, profile) in world.published.items()}


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
