"""Versions of a model and revisions of a monitor, on segments that are made by hand."""

from detectors.profile import count
from monitor.sql import registry
from tests.monitor.detect.world import World, some_rows
from tests.support.counted import monitor


def test_versions_add_up_to_the_window_and_are_told_apart(world: World) -> None:
    world.hour(0, n=300, model_version="1")
    world.hour(0, n=200, shift=2.0, model_version="2")
    world.watermark(1.0)
    [written] = world.tick().closed
    assert written.report.n_rows == 500
    stable, canary = written.report.versions
    assert (stable.version, stable.n_rows, stable.verdict) == ("1", 300, "quiet")
    assert (canary.version, canary.n_rows, canary.verdict) == ("2", 200, "drift")
    assert (stable.differences, stable.columns) == ((), ())
    assert {one.name for one in canary.differences if one.named} >= {"x", "prediction"}
    assert world.bodies()[0]["versions"][1]["differences"][0]["p_value"] < 1e-6


def test_a_canary_that_is_like_the_others_is_said_to_be(world: World) -> None:
    world.hour(0, n=300, model_version="1")
    other = count(some_rows(0.5e9, 300), world.reference)
    world.segment(other, 0.0, model_version="2")
    world.watermark(1.0)
    [written] = world.tick().closed
    assert [one.verdict for one in written.report.versions] == ["quiet", "quiet"]
    assert not any(one.named for one in written.report.versions[1].differences)


def test_one_version_alone_is_named_and_none_is_not(world: World) -> None:
    world.hour(0, model_version="7")
    world.hour(1)
    world.watermark(2.0)
    first, second = (written.report.versions for written in world.tick().closed)
    assert [(one.version, one.n_rows, one.verdict) for one in first] == [("7", 100, None)]
    assert second == ()


def test_a_window_keeps_the_revision_that_it_began_with(world: World) -> None:
    world.hour(0, n=50)
    world.tick()
    world.apply(detection={"minimum_rows": 10})
    world.hour(0, n=60)
    world.hour(1, n=60)
    world.watermark(2.0)
    first, second = world.tick().closed
    assert (first.monitor_revision, first.report.verdict) == (1, "undecided")
    assert (second.monitor_revision, second.report.verdict) == (2, "quiet")


def pause(world: World, *, paused: bool) -> None:
    with world.database.write() as connection:
        assert registry.pause(connection, "seats", world.now, paused=paused) is not None


def test_a_paused_monitor_reports_and_decides_nothing(world: World) -> None:
    world.apply(alerts={"webhooks": []})
    world.hour(0)
    world.watermark(1.0)
    world.tick()
    pause(world, paused=True)
    world.hour(1, shift=5.0)
    world.watermark(2.0)
    outcome = world.tick()
    [written] = outcome.closed
    assert (written.report.verdict, written.report.reason) == ("undecided", "paused")
    assert written.report.n_rows == 100
    assert outcome.alerts == []


def test_what_ended_in_the_pause_stays_undecided_and_leaves_no_evidence(world: World) -> None:
    pause(world, paused=True)
    world.hour(0, shift=5.0)
    world.watermark(1.0)
    before = world.tick().closed[0].decision.evidence
    pause(world, paused=False)
    world.hour(0, n=10, shift=5.0, partition=1)
    world.hour(1)
    world.watermark(2.0)
    outcome = world.tick()
    [late] = outcome.revised
    assert (late.report.n_rows, late.report.reason) == (110, "paused")
    [next_] = outcome.closed
    assert (next_.report.verdict, before) == ("quiet", 0.0)
    assert next_.monitor_revision == 3


def test_pausing_changes_nothing_else_of_a_document() -> None:
    document = monitor(lateness="5m")
    paused = document.as_paused(True)
    assert paused.spec.paused
    assert paused.as_paused(False).to_json() == document.to_json()
