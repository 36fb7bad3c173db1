"""Keeper on segments that are made by hand, and a real database of each kind."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Table, func, select

from detectors.columns import Rows
from detectors.decision import Decision
from detectors.decision.performance import UsualPerformance
from detectors.profile import Profile, count, count_labels
from detectors.reference import Reference
from detectors.report.compare import report
from monitor.detect import keeper as module
from monitor.detect import state
from monitor.detect.judging import Judge, WrittenReport
from monitor.detect.keeper import Keeper, Outcome
from monitor.kafka import profile_messages
from monitor.kafka.messages import FROM_THE_FUTURE, Segment, Topics, Watermark
from monitor.kafka.profile_messages import SegmentProfile
from monitor.kafka.publishing import Message
from monitor.kafka.records import Partition, Record
from monitor.sql import registry, tables
from monitor.sql.database import Database, Ownership, StaleOwnerError, claim
from monitor.sql.store import ArtifactStore
from tests.support.counted import HOUR, fit_reference, monitor

TOPICS = Topics("t.")
PROFILES = Partition(TOPICS.profiles, 0)
WEBHOOK = {"name": "pager", "url": "https://example.org/hook", "secret_file": "/secret"}


def some_rows(number: float, n: int = 100, shift: float = 0.0) -> Rows:
    x = np.random.default_rng(int(number) + 7).normal(shift, 1, n)
    return Rows({"x": x, "prediction": 2 * x}, n)


@dataclass
class World:
    """A keeper, and the log that it reads."""

    reference: Reference
    database: Database
    ownership: Ownership
    judge: Judge
    idle_s: float = 1e9
    now: float = 1e6
    offset: int = 0
    version: int = 0
    waiting: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.apply()

    def apply(self, fitted: Reference | None = None, **spec: Any) -> None:
        fitted = fitted or self.reference
        document = monitor(**{"label": "truth", **spec})
        with self.database.write() as connection:
            found = registry.put(connection, document, self.now)
            registry.activate(connection, found, fitted.id, fitted.schema)

    def keeper(self) -> Keeper:
        return Keeper(
            self.database, self.ownership, TOPICS, self.judge, started_at=0.0, idle_s=self.idle_s
        )

    def say(self, message: Message) -> None:
        self.waiting.append(
            Record(
                topic=message.topic,
                partition=0,
                offset=self.offset,
                time=0.0,
                value=message.value,
                headers=message.headers,
            )
        )
        self.offset += 1

    def segment(self, profile: Profile, pane_start: float, **about: Any) -> None:
        self.version += 1
        named = {
            "monitor": "seats",
            "reference_id": profile.reference_id,
            "pane_s": HOUR,
            "topic": TOPICS.predictions,
            "partition": 0,
            "start": 0,
            "version": self.version,
            **about,
        }
        said = SegmentProfile(Segment(pane_start=pane_start, **named), profile.to_bytes())
        self.say(profile_messages.of_segment(said, TOPICS.profiles, 1))

    def hour(self, number: float, *, n: int = 100, shift: float = 0.0, **about: Any) -> Profile:
        """Rows of one pane, all in one segment."""
        profile = count(some_rows(number, n, shift), self.reference)
        self.segment(profile, number * HOUR, **about)
        return profile

    def labels(self, number: float) -> Profile:
        prediction = some_rows(number).columns["prediction"]
        profile = count_labels(prediction, prediction, self.reference)
        self.segment(profile, number * HOUR, topic=TOPICS.labels)
        return profile

    def watermark(self, hours: float, partition: int = 0, source: str = "") -> None:
        mark = Watermark(
            monitor="seats",
            topic=TOPICS.predictions,
            partition=partition,
            event_time=hours * HOUR,
            offset=0,
            source=source,
        )
        self.say(profile_messages.of_watermark(mark, TOPICS.profiles, 1))

    def tick(self) -> Outcome:
        """The keeper takes what has been said; a new one every time, for it remembers nothing."""
        records, self.waiting = self.waiting, []
        return self.keeper().tick(records, {PROFILES: self.offset}, self.now)

    def rows(self, table: Table) -> int:
        with self.database.read() as connection:
            return connection.scalar(select(func.count()).select_from(table)) or 0

    def bodies(self) -> list[dict[str, Any]]:
        t = tables.reports
        with self.database.read() as connection:
            return list(connection.scalars(select(t.c.body).order_by(t.c.window_start)))


@pytest.fixture
def world(reference: Reference, database: Database, ownership: Ownership, judge: Judge) -> World:
    return World(reference, database, ownership, judge)


def starts(reports: Iterable[WrittenReport]) -> list[float]:
    return [written.start / HOUR for written in reports]


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


def test_a_report_says_what_the_sum_of_its_segments_says(world: World) -> None:
    parts = [world.hour(0, partition=0), world.hour(0.1, partition=1), world.hour(0.2, start=4)]
    world.waiting.clear()
    for i, part in enumerate(parts):
        world.segment(part, 0.0, partition=i)
    world.watermark(1.0)
    [written] = world.tick().closed
    total = parts[0] + parts[1] + parts[2]
    spec = monitor(label="truth").spec
    decision = world.judge.alone(written.series, spec, total)
    usual = UsualPerformance.learn(
        world.reference, window_s=HOUR, minimum_rows=spec.detection.minimum_rows
    )
    assert written.report == report(world.reference, total, decision, usual=usual)


def test_a_newer_version_replaces_and_an_older_one_does_not(world: World) -> None:
    world.hour(0, n=30, version=8)
    world.hour(0, n=50, version=9)
    world.hour(0, n=20, version=7)
    world.tick()
    world.hour(0, n=10, version=6)
    world.watermark(1.0)
    assert [written.report.n_rows for written in world.tick().closed] == [50]


def test_windows_close_in_order_with_the_evidence_of_those_before(world: World) -> None:
    for number in (2, 0, 1):
        world.hour(number)
    world.watermark(3.0)
    closed = world.tick().closed
    assert starts(closed) == [0, 1, 2]
    evidence = None
    for written in closed:
        profile = count(some_rows(written.start / HOUR), world.reference)
        spec = monitor(label="truth").spec
        evidence, decision = world.judge.step(written.series, spec, evidence, profile)
        assert written.decision == decision


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


def test_windows_that_overlap_carry_the_evidence_of_their_own_phase(world: World) -> None:
    world.apply(windows=[{"length": "2h", "every": "1h"}])
    for number in range(6):
        world.hour(number)
        world.watermark(number + 1.0)
        world.tick()
    spec = monitor(label="truth", windows=[{"length": "2h", "every": "1h"}]).spec
    series = state.Series("seats", world.reference.id, 2 * HOUR, HOUR)
    evidence = None
    for start in (1, 3):
        both = [count(some_rows(hour), world.reference) for hour in (start, start + 1)]
        total = world.judge.total(series, [one.to_bytes() for one in both])
        evidence, decision = world.judge.step(series, spec, evidence, total)
    with world.database.read() as connection:
        assert state.read_closed(connection)[series].evidence == evidence
    bodies = {body["window"]["start"]: body for body in world.bodies()}
    assert bodies["1970-01-01T03:00:00.000Z"]["evidence"] == decision.evidence


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


def test_so_many_windows_close_in_one_tick_and_the_rest_in_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WINDOWS", 2)
    for number in range(3):
        world.hour(number)
    world.watermark(3.0)
    first, second = world.tick(), world.tick()
    assert (starts(first.closed), starts(second.closed)) == ([0, 1], [2])
    assert (first.is_done, second.is_done) == (False, True)


def test_a_late_label_makes_a_new_revision_with_the_same_decision(world: World) -> None:
    world.hour(0)
    world.watermark(1.0)
    [before] = world.tick().closed
    world.labels(0)
    [after] = world.tick().revised
    assert (before.revision, after.revision) == (1, 2)
    assert before.decision == after.decision
    assert before.report.realised is None or before.report.realised.n == 0
    assert after.report.realised is not None
    assert (after.report.realised.n, after.report.realised.coverage) == (100, 1.0)
    assert [body["revision"] for body in world.bodies()] == [2]


def test_a_late_row_does_not_step_the_evidence_again(world: World) -> None:
    world.hour(0)
    world.watermark(1.0)
    world.tick()
    with world.database.read() as connection:
        before = state.read_closed(connection)
    world.hour(0, shift=5.0, partition=1)
    [revised] = world.tick().revised
    assert (revised.report.n_rows, revised.report.verdict) == (200, "quiet")
    with world.database.read() as connection:
        assert state.read_closed(connection) == before


def test_a_window_that_was_too_small_is_judged_when_its_rows_have_come(world: World) -> None:
    world.hour(0, n=5)
    world.watermark(1.0)
    assert world.tick().closed[0].report.verdict == "undecided"
    world.hour(0, n=200, shift=5.0)
    [revised] = world.tick().revised
    assert revised.report.verdict == "drift"


def test_rows_of_a_window_that_was_empty_make_its_first_report(world: World) -> None:
    world.hour(1)
    world.watermark(2.0)
    world.tick()
    world.hour(0)
    [written] = world.tick().revised
    assert (written.start, written.revision, written.report.n_rows) == (0.0, 1, 100)


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


def test_a_new_reference_begins_its_own_evidence(world: World, store: ArtifactStore) -> None:
    world.hour(0)
    world.hour(1)
    world.watermark(1.5)
    world.tick()
    another = fit_reference(seed=5)
    store.put(another.to_bytes())
    world.apply(another, reference="newer.csv")
    world.segment(count(some_rows(1), another), HOUR)
    world.watermark(2.0)
    [written] = world.tick().closed
    assert (written.series.reference_id, written.start) == (another.id, HOUR)
    assert written.monitor_revision == 2
    world.labels(0)
    [revised] = world.tick().revised
    assert revised.series.reference_id == world.reference.id


def test_what_was_running_when_a_new_reference_came_is_judged_by_the_old_one(
    world: World, store: ArtifactStore
) -> None:
    another = fit_reference(seed=5)
    store.put(another.to_bytes())
    for number in range(3):
        world.hour(number)
    world.watermark(1.5)
    assert starts(world.tick().closed) == [0]
    world.apply(another, reference="newer.csv")
    world.segment(count(some_rows(2), another), 2 * HOUR)
    world.segment(count(some_rows(3), another), 3 * HOUR)
    world.watermark(4.0)
    by = [(one.start / HOUR, one.series.reference_id) for one in world.tick().closed]
    assert by == [(1, world.reference.id), (2, another.id), (3, another.id)]
    assert world.tick().closed == []


def test_panes_of_another_length_are_left_alone(world: World) -> None:
    world.hour(0)
    world.watermark(1.0)
    world.tick()
    world.hour(0, pane_s=HOUR / 2, partition=1)
    assert world.tick().revised == []


def test_drift_becomes_an_alert_and_notifications_in_the_same_transaction(world: World) -> None:
    world.apply(alerts={"webhooks": [WEBHOOK]}, retrain={"webhooks": [WEBHOOK]})
    world.hour(0, shift=5.0)
    world.watermark(1.0)
    [alert] = world.tick().alerts
    assert alert.state == "firing"
    t = tables.outbox
    with world.database.read() as connection:
        kinds = [(row.kind, row.endpoint) for row in connection.execute(select(t))]
    assert kinds == [("alert", "pager")]
    assert world.rows(tables.retrains) == 1
    world.hour(1)
    world.watermark(2.0)
    [alert] = world.tick().alerts
    assert alert.state == "resolved"
    assert world.rows(tables.outbox) == 2


def test_every_channel_gets_a_row_of_its_own(world: World) -> None:
    slack = {"name": "team", "slack": {"url_file": "/secret"}}
    world.apply(alerts={"webhooks": [WEBHOOK], "channels": [slack]})
    world.hour(0, shift=5.0)
    world.watermark(1.0)
    world.tick()
    t = tables.outbox
    with world.database.read() as connection:
        targets = {row.endpoint: row.target for row in connection.execute(select(t))}
    assert {name: target["kind"] for name, target in targets.items()} == {
        "pager": "webhook",
        "team": "slack",
    }


def test_a_retrain_is_asked_for_once_in_the_cooldown(world: World) -> None:
    world.apply(retrain={"webhooks": [WEBHOOK], "cooldown": "10h"})
    for number in range(8):
        world.hour(number, shift=5.0 * (number % 4 == 0))
    world.watermark(8.0)
    world.tick()
    assert world.rows(tables.alerts) == 2
    assert world.rows(tables.retrains) == 1


def test_the_same_windows_again_write_the_same_ids(world: World) -> None:
    world.apply(alerts={"webhooks": [WEBHOOK]})
    world.hour(0, shift=5.0)
    world.watermark(1.0)
    world.tick()
    counted = [tables.reports, tables.alerts, tables.outbox]
    before = [world.rows(table) for table in counted]
    with world.database.write() as connection:
        connection.execute(tables.evidence.delete())
    assert len(world.tick().closed) == 1
    assert [world.rows(table) for table in counted] == before


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
    kept = (tables.segments, tables.watermarks, tables.past_windows)
    assert [world.rows(table) for table in kept] == [2, 1, 1]
    with world.database.write() as connection:
        registry.delete(connection, "seats", 2.0)
    world.watermark(2.5)
    keeper.tick(world.waiting, {}, world.now)
    assert [world.rows(table) for table in kept] == [0, 0, 0]
    assert world.rows(tables.reports) == 1


def test_labels_of_before_a_deletion_leave_the_report_as_it_was(world: World) -> None:
    world.hour(0)
    world.watermark(1.5)
    [written] = world.tick().closed
    with world.database.write() as connection:
        registry.delete(connection, "seats", 2.0)
    world.tick()
    world.apply()
    world.labels(0)
    assert world.tick().revised == []
    assert world.bodies()[0]["n_rows"] == written.report.n_rows


def test_several_lengths_share_the_budget(world: World) -> None:
    one, two = monitor(windows=["1h"]), monitor(windows=["1h", "2h"])
    profile = count(some_rows(0), world.reference)

    def decided(document: Any) -> Decision:
        series = state.Series("seats", world.reference.id, HOUR)
        return world.judge.alone(series, document.spec, profile)

    assert decided(two).threshold == pytest.approx(2 * decided(one).threshold)


COMPARED: dict[str, Any] = {
    "label_horizon": "1h",
    "lateness": "0s",
    "detection": {"compare_with": [{"trailing": "6h"}]},
}


def test_a_window_is_compared_with_those_before_it(world: World) -> None:
    world.apply(**COMPARED)
    for number in range(6):
        world.hour(number, shift=3.0)
    world.watermark(6.0)
    *_, last = world.tick().closed
    [beside] = last.report.comparisons
    assert last.report.verdict == "drift"
    assert (beside.name, beside.n_windows, beside.verdict) == ("the last 6h", 5, "quiet")
    assert world.bodies()[-1]["comparisons"][0]["verdict"] == "quiet"


def test_a_revised_report_is_compared_again(world: World) -> None:
    world.apply(**COMPARED)
    for number in range(5):
        world.hour(number)
    world.watermark(5.0)
    world.tick()
    world.labels(4)
    [revised] = world.tick().revised
    assert [one.n_windows for one in revised.report.comparisons] == [4]


def test_past_windows_are_kept_no_longer_than_somebody_may_ask_for_them(world: World) -> None:
    world.apply(**COMPARED)
    for number in range(12):
        world.hour(number)
    world.watermark(12.0)
    world.tick()
    assert world.rows(tables.past_windows) == 8  # 6 h back, 1 h for labels, and the last


def test_without_being_asked_no_past_window_is_kept(world: World) -> None:
    world.hour(0)
    world.watermark(1.0)
    [closed] = world.tick().closed
    assert closed.report.comparisons == ()
    assert world.rows(tables.past_windows) == 0


def test_a_change_below_the_documents_floor_is_no_drift(world: World) -> None:
    floor = {"wasserstein_sd": 5.0, "kolmogorov_smirnov": 1.0}
    world.apply(detection={"ignore_below": floor})
    world.hour(0, shift=3.0)
    world.watermark(1.0)
    [closed] = world.tick().closed
    assert (closed.report.verdict, closed.report.reason) == ("quiet", "below effect floor")
