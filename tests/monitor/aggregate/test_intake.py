"""Repeats, poison, deaths and lost logs, on logs that are lists."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from detectors.reference import Reference
from monitor.aggregate.attempts import Attempts
from monitor.aggregate.counting import CUT_SHORT_PATIENCE_S, Aggregator, Limits
from monitor.kafka.messages import Header, header
from monitor.kafka.records import Record, TopicsError
from monitor.sql.store import References
from tests.support.aggregated import (
    PREDICTIONS,
    SIZE,
    TOPICS,
    World,
    labelled,
    outcome,
    poison,
    predicted,
    sent,
)


def test_what_is_read_twice_is_counted_once(world: World) -> None:
    batch = predicted(0, ["a"], [1.0])
    world.read(batch, batch)
    world.read(batch)
    world.flush()
    assert world.panes()[0.0].n == 1


def test_a_message_that_its_collector_sent_twice_is_counted_once(world: World) -> None:
    world.read(sent(0, "c1", 1), sent(1, "c2", 1), sent(2, "c1", 1), sent(3, "c1", 2))
    world.read(sent(4, "c2", 1), sent(5, "c1", 2))
    world.flush()
    assert world.panes()[0.0].n == 3
    assert world.skipped("repeated message", name="") == 3


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(0, 40))
@example([0] * 40, 12)
def test_repeats_are_told_by_the_log_alone(
    reference: Reference, references: References, sequences: list[int], crash: int
) -> None:
    log = [sent(i, "c1", sequence) for i, sequence in enumerate(sequences)]
    calm, shaken = World(reference, references), World(reference, references)
    calm.read(*log)
    calm.flush()
    shaken.read(*log[:crash])
    shaken.flush()
    shaken.aggregator.close()
    first = shaken.committed.get(PREDICTIONS, 0)
    shaken.aggregator = Aggregator(
        TOPICS, references, shaken.tally, limits=Limits(segment_size=SIZE)
    )
    reading_from = max(0, first - 2 * SIZE)
    shaken.aggregator.assign(PREDICTIONS, first=first, reading_from=reading_from)
    shaken.read(*log[reading_from:])
    shaken.flush()
    assert outcome(shaken) == outcome(calm)


def test_records_of_a_partition_that_is_not_ours_are_passed_over(world: World) -> None:
    world.read(predicted(0, ["a"], [1.0], partition=3))
    assert world.aggregator.changed() == []


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


def test_lag_is_the_distance_to_the_end(world: World) -> None:
    world.read(predicted(0, ["a"], [1.0]))
    world.aggregator.note_ends({PREDICTIONS: 11}, 0.0)
    labels = {"topic": TOPICS.predictions, "partition": "0"}
    assert world.metrics.get_sample_value("driftmeter_aggregate_lag_messages", labels) == 10


def test_messages_that_have_expired_are_counted(world: World) -> None:
    world.read(predicted(0, ["a"], [1.0]), predicted(5, ["b"], [1.0]))
    assert world.skipped("no longer in the log", name="") == 4


def test_lag_in_seconds_is_the_age_of_what_was_read_last(world: World) -> None:
    world.read(predicted(0, ["a"], [1.0], time=1_000.0))
    labels = {"topic": TOPICS.predictions, "partition": "0"}
    for end, expected in ((2, 60.0), (1, 0.0)):
        world.aggregator.note_ends({PREDICTIONS: end}, 1_060.0)
        found = world.metrics.get_sample_value("driftmeter_aggregate_lag_seconds", labels)
        assert found == expected


def test_a_run_of_dead_letters_stops_the_partition(world: World) -> None:
    letters = world.read(*(poison(i) for i in range(3)), predicted(3, ["a"], [1.0]))
    assert letters == [TOPICS.dead_letters] * 3
    assert world.aggregator.stopped == {PREDICTIONS}
    assert world.read(poison(4), predicted(5, ["b"], [1.0])) == []
    world.read(labelled(0, ["a"], [1.0]))
    name = "driftmeter_aggregate_stopped_partitions"
    labels = {"topic": TOPICS.predictions, "partition": "0"}
    assert world.metrics.get_sample_value(name, labels) == 1
    world.aggregator.note_ends({PREDICTIONS: 10}, 0.0)
    lag = world.metrics.get_sample_value("driftmeter_aggregate_lag_messages", labels)
    assert lag == 6


def test_too_many_dead_letters_among_others_stop_the_partition(world: World) -> None:
    for i in range(40):
        world.read(poison(i) if i % 4 == 0 else predicted(i, [f"{i}"], [1.0]))
    assert world.aggregator.stopped == {PREDICTIONS}


def test_a_few_dead_letters_stop_nothing(world: World) -> None:
    for i in range(40):
        world.read(poison(i) if i % 7 == 0 else predicted(i, [f"{i}"], [1.0]))
    assert world.aggregator.stopped == set()


def test_a_dead_letter_that_was_committed_is_not_set_aside_again(world: World) -> None:
    log = [poison(0), *(predicted(i, [f"{i}"], [1.0]) for i in range(1, SIZE))]
    assert world.read(*log) == [TOPICS.dead_letters]
    world.flush()
    world.start()
    assert world.read(*log) == []


def test_a_record_that_kills_the_process_twice_is_set_aside_unread(
    reference: Reference, references: References, tmp_path: Path
) -> None:
    world = World(reference, references)
    log = [predicted(i, [f"{i}"], [1.0]) for i in range(3)]
    for _ in range(2):
        dying = Attempts(tmp_path)
        assert not dying.is_condemned(log[1])
        dying.reading(log[1], log[1])
        os.close(dying._mark)  # as the end of the process does, without `close`
    world.attempts = Attempts(tmp_path)
    world.start()
    letters = world.aggregator.read(log, world.known, 0.0)
    assert [header(letter.headers, Header.SOURCE) for letter in letters] == [log[1].place]
    assert letters[0].value == log[1].value
    world.flush()
    assert world.panes()[0.0].n == 2
    world.aggregator.close()
    world.attempts.close()


def test_a_log_that_was_made_anew_is_refused(world: World) -> None:
    world.read(*(predicted(i, [f"{i}"], [1.0]) for i in range(5)))
    world.aggregator.note_ends({PREDICTIONS: 4}, 100.0)
    with pytest.raises(TopicsError, match="made anew"):
        world.aggregator.note_ends({PREDICTIONS: 4}, 100.0 + CUT_SHORT_PATIENCE_S)


def test_another_message_where_one_was_read_is_another_log(world: World) -> None:
    log = [predicted(i, [f"{i}"], [1.0], time=1e9 + i) for i in range(3)]
    world.read(*log)
    world.read(*log)
    anew = [predicted(i, [f"n{i}"], [1.0], time=2e9 + i) for i in range(3)]
    world.read(*anew[:2])
    with pytest.raises(TopicsError, match="made anew"):
        world.read(anew[2])


def test_a_new_leader_may_not_know_the_end_for_a_moment(world: World) -> None:
    world.read(predicted(0, ["a"], [1.0]))
    for now, end in ((0.0, 0), (50.0, 1), (70.0, 0), (120.0, 0)):
        world.aggregator.note_ends({PREDICTIONS: end}, now)


def test_it_is_said_whose_registrations_are_wanted(world: World) -> None:
    world.read(
        *(predicted(i, ["a"], [1.0], name=name) for i, name in enumerate(["seats", "nobody"]))
    )
    assert world.asked_for == {"seats", "nobody"}
