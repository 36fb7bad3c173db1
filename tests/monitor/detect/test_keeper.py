"""When windows close, and what is taken in of what comes, on a real database of each kind."""

from collections.abc import Sequence

import pytest
from sqlalchemy import select

from detectors.profile import Profile
from monitor.detect import state
from monitor.detect.keeper import in_turn
from monitor.detect.reporting import Outcome
from monitor.kafka.messages import FROM_THE_FUTURE
from monitor.kafka.publishing import Message
from monitor.sql import registry, tables
from monitor.sql.database import StaleOwnerError, claim
from tests.monitor.detect.world import PROFILES, TOPICS, World, starts
from tests.support.counted import HOUR


def test_a_window_closes_when_event_time_has_passed_its_end(world: World) -> None:
    world.hour(0)
    world.watermark(0.9)
    assert world.tick().closed == []
    world.watermark(1.0)
    [written] = world.tick().closed
    assert (written.start, written.end, written.report.n_rows) == (0.0, HOUR, 100)
    assert world.tick().closed == []


def test_lateness_keeps_a_window_open(world: World) -> None:
    world.apply(lateness="10m")
    world.hour(0)
    world.watermark(1.1)
    assert world.tick().closed == []
    world.watermark(1.2)
    assert len(world.tick().closed) == 1


def test_the_slowest_partition_keeps_a_window_open(world: World) -> None:
    world.hour(0)
    world.watermark(5.0, partition=0)
    world.watermark(0.5, partition=1)
    assert world.tick().closed == []
    world.watermark(1.5, partition=1)
    assert len(world.tick().closed) == 1


def test_the_slowest_collector_keeps_a_window_open(world: World) -> None:
    world.hour(0)
    world.watermark(1.5, source="a")
    world.watermark(0.6, source="b")
    assert world.tick().closed == []
    world.watermark(1.1, source="b")
    assert len(world.tick().closed) == 1


@pytest.mark.parametrize("wrong", [-24.0, 400.0])
def test_one_wrong_clock_neither_closes_windows_nor_keeps_them_open(
    world: World, wrong: float
) -> None:
    world.now = 100 * HOUR
    world.hour(99)
    world.watermark(99.9, source="right")
    world.watermark(99.9 + wrong, source="wrong")
    assert world.tick().closed == []
    world.now += 0.2 * HOUR
    world.watermark(100.1, source="right")
    assert starts(world.tick().closed) == [99]


def test_sources_that_are_long_gone_are_forgotten(world: World) -> None:
    world.idle_s = 30.0
    world.hour(0)
    world.watermark(0.5, source="gone")
    world.tick()
    world.now += 25 * HOUR
    world.watermark(1.0, source="here")
    world.tick()
    assert world.rows(tables.watermarks) == 1


def test_silence_closes_windows_as_time_passes(world: World) -> None:
    world.idle_s = 30.0
    world.hour(0)
    world.watermark(0.5)
    world.tick()
    world.now += HOUR / 2 - 1
    assert world.tick().closed == []
    world.now += 2
    assert len(world.tick().closed) == 1


def test_a_newer_version_replaces_and_an_older_one_does_not(world: World) -> None:
    world.hour(0, n=30, version=8)
    world.hour(0, n=50, version=9)
    world.hour(0, n=20, version=7)
    world.tick()
    world.hour(0, n=10, version=6)
    world.watermark(1.0)
    assert [written.report.n_rows for written in world.tick().closed] == [50]


def test_closing_at_once_or_one_by_one_is_the_same(world: World) -> None:
    for number in range(3):
        world.hour(number)
        world.watermark(number + 1)
        world.tick()
    one_by_one = world.bodies()
    with world.database.write() as connection:
        for table in (tables.reports, tables.evidence):
            connection.execute(table.delete())
    world.tick()
    assert world.bodies() == one_by_one


def test_hours_add_up_to_days(world: World) -> None:
    world.apply(windows=["1h", "3h"])
    for number in range(3):
        world.hour(number)
    world.watermark(3.0)
    closed = world.tick().closed
    by_length = [(written.series.window_s / HOUR, written.report.n_rows) for written in closed]
    assert by_length == [(1, 100), (1, 100), (1, 100), (3, 300)]


def test_windows_may_overlap(world: World) -> None:
    world.apply(windows=[{"length": "3h", "every": "1h"}])
    for number in range(5):
        world.hour(number)
    world.watermark(5.0)
    closed = world.tick().closed
    assert [(w.start / HOUR, w.end / HOUR, w.report.n_rows) for w in closed] == [
        (start, start + 3, 300) for start in range(3)
    ]
    assert world.rows(tables.evidence) == 3


def test_windows_by_rows_are_over_when_they_hold_enough(world: World) -> None:
    world.apply(windows=[{"rows": 250, "every": "1h"}])
    for number in (1, 2, 5, 6, 7):
        world.hour(number)
    world.watermark(6.0)
    first = world.tick().closed
    world.watermark(8.0)
    second = world.tick().closed
    assert [(w.start / HOUR, w.end / HOUR, w.report.n_rows) for w in first] == [(1, 6, 300)]
    assert second == []
    world.hour(9, n=60)
    world.watermark(10.0)
    [third] = world.tick().closed
    assert (third.start / HOUR, third.end / HOUR, third.report.n_rows) == (6, 10, 260)
    window = third.body()["window"]
    assert (window["start"], window["seconds"]) == (
        "1970-01-01T06:00:00.000Z",
        4 * HOUR,
    )


def test_a_late_row_revises_the_window_by_rows_that_it_lies_in(world: World) -> None:
    world.apply(windows=[{"rows": 250, "every": "1h"}])
    for number in (1, 2, 3, 4, 5, 6):
        world.hour(number)
    world.watermark(7.0)
    assert [w.end / HOUR for w in world.tick().closed] == [4, 7]
    world.hour(2, n=30, partition=1)
    [revised] = world.tick().revised
    assert (revised.start / HOUR, revised.end / HOUR, revised.revision) == (1, 4, 2)
    assert revised.report.n_rows == 330


def test_a_gap_in_the_traffic_is_no_window(world: World) -> None:
    world.hour(0)
    world.hour(5)
    world.watermark(6.0)
    assert starts(world.tick().closed) == [0, 5]


def test_so_many_windows_close_in_one_tick_and_the_rest_in_the_next(world: World) -> None:
    world.max_windows = 2
    for number in range(3):
        world.hour(number)
    world.watermark(3.0)
    first, second = world.tick(), world.tick()
    assert (starts(first.closed), starts(second.closed)) == ([0, 1], [2])
    assert (first.is_done, second.is_done) == (False, True)


def test_a_tenant_with_a_backlog_keeps_no_other_one_waiting(world: World) -> None:
    world.declare("a-noisy.seats")
    world.declare("victim.seats")
    world.max_windows = 2
    for number in range(3):
        world.hour(number, monitor="a-noisy.seats")
    world.watermark(3.0, monitor="a-noisy.seats")
    world.hour(9, monitor="victim.seats")
    world.watermark(10.0, monitor="victim.seats")
    ticks = [sorted(w.series.monitor for w in world.tick().closed) for _ in range(2)]
    assert ticks == [["a-noisy.seats", "victim.seats"], ["a-noisy.seats", "a-noisy.seats"]]


def test_turns_are_taken_as_long_as_there_is_something_left() -> None:
    assert in_turn([[1, 2, 3], [4], [], [5, 6]]) == [1, 4, 5, 2, 6, 3]


def test_labels_alone_are_no_window(world: World) -> None:
    world.hour(1)
    world.watermark(2.0)
    world.tick()
    world.labels(0)
    assert world.tick() == Outcome()


def test_what_comes_after_the_label_horizon_is_counted_and_dropped(world: World) -> None:
    world.apply(label_horizon="2h")
    for number in range(4):
        world.hour(number)
    world.watermark(4.0)
    world.tick()
    assert world.rows(tables.segments) == 2
    world.labels(1)
    world.labels(2)
    outcome = world.tick()
    assert outcome.too_late == {"seats": 1}
    assert starts(outcome.revised) == [2]


def test_predictions_that_came_too_late_are_known_by_the_window_that_lacks_them(
    world: World,
) -> None:
    world.apply(label_horizon="2h")
    for number in range(5):
        world.hour(number)
    world.watermark(5.0)
    world.tick()
    world.hour(0, n=30, partition=1, version=20)
    world.hour(0, n=30, partition=1, version=30)
    world.hour(0, n=30, partition=1, version=25)  # an older one of it, redelivered
    world.segment(Profile.empty(world.reference), -100 * HOUR, partition=1)  # of no window
    world.tick()
    with world.database.read() as connection:
        t = tables.too_late
        known = connection.execute(select(t.c.pane_start, t.c.n_rows)).all()
    assert [tuple(row) for row in known] == [(0.0, 30)]


def test_a_report_tells_of_rows_from_the_future_which_make_no_window_alone(world: World) -> None:
    nothing = Profile.empty(world.reference)
    world.hour(0)
    for number, n in ((0, 3), (0, 4), (1, 5)):
        world.segment(nothing, number * HOUR, subset=FROM_THE_FUTURE, version=n)
    world.hour(2)
    world.watermark(3.0)
    assert starts(world.tick().closed) == [0, 2]
    told = [body["not_counted"]["from_the_future"] for body in world.bodies()]
    assert told == [4, 0]


def test_panes_of_another_length_are_left_alone(world: World) -> None:
    world.hour(0)
    world.watermark(1.0)
    world.tick()
    world.hour(0, pane_s=HOUR / 2, partition=1)
    assert world.tick().revised == []


def test_offsets_and_state_change_together_or_not_at_all(world: World) -> None:
    world.hour(0)
    world.watermark(1.0)
    with world.database.write() as connection:
        claim(connection, "detect", "somebody else", 1e9)
    with pytest.raises(StaleOwnerError):
        world.tick()
    assert world.rows(tables.offsets) == world.rows(tables.segments) == 0
    assert world.rows(tables.reports) == 0


def test_offsets_are_kept_with_what_was_read(world: World) -> None:
    world.hour(0)
    world.tick()
    with world.database.read() as connection:
        assert state.read_offsets(connection, TOPICS.profiles) == {PROFILES: 1}


@pytest.mark.parametrize(
    "headers",
    [[], [("segment", b"{}")], [("segment", b"nonsense")], [("watermark", b"[]")]],
)
def test_what_is_no_profile_is_passed_over(
    world: World, headers: Sequence[tuple[str, bytes]]
) -> None:
    world.say(Message(TOPICS.profiles, None, b"", headers))
    world.hour(0)
    damaged = world.waiting[-1]
    world.waiting[-1] = damaged._replace(value=damaged.value[:-3])
    world.hour(1)
    world.watermark(2.0)
    assert starts(world.tick().closed) == [1]


def test_segments_of_a_deleted_monitor_are_not_kept(world: World) -> None:
    with world.database.write() as connection:
        registry.delete(connection, "seats", 2.0)
    world.hour(0)
    world.watermark(1.0)
    assert world.tick() == Outcome()
    assert world.rows(tables.segments) == 0


def test_what_was_kept_of_a_deleted_monitor_is_forgotten_but_for_its_reports(
    world: World,
) -> None:
    world.apply(detection={"compare_with": [{"trailing": "6h"}]})
    world.hour(0)
    world.hour(1)
    world.watermark(1.5)
    keeper = world.keeper()
    records, world.waiting = world.waiting, []
    keeper.tick(records, {}, world.now)
    kept = (tables.segments, tables.watermarks, tables.past_windows, tables.scraped)
    assert [world.rows(table) for table in kept] == [2, 1, 1, 1]
    with world.database.write() as connection:
        registry.delete(connection, "seats", 2.0)
    world.watermark(2.5)
    keeper.tick(world.waiting, {}, world.now)
    assert [world.rows(table) for table in kept] == [0, 0, 0, 0]
    assert world.rows(tables.reports) == 1
