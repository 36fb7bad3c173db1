"""What is said of windows when they close and when they change, on a real database of each kind."""

from typing import Any

import pytest
from sqlalchemy import select

from detectors.decision import Decision
from detectors.decision.performance import UsualPerformance
from detectors.profile import count
from detectors.report.compare import report
from monitor.detect import state
from monitor.sql import registry, tables
from monitor.sql.store import ArtifactStore
from tests.monitor.detect.world import WEBHOOK, World, some_rows, starts
from tests.support.counted import HOUR, fit_reference, monitor


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
