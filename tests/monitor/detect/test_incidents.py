"""Incidents from rows to the outbox: what a keeper of real windows makes of them."""

from collections.abc import Mapping

import numpy as np
import pytest
from sqlalchemy import select

from detectors.columns import Rows
from detectors.profile import count, count_labels
from detectors.reference import Reference
from monitor.detect.judging import Judge
from monitor.sql import tables
from monitor.sql.database import Database, Ownership
from tests.monitor.detect.world import WEBHOOK, World, some_rows
from tests.support.counted import HOUR

Causes = Mapping[str, Mapping[str, object]]


@pytest.fixture
def world(reference: Reference, database: Database, ownership: Ownership, judge: Judge) -> World:
    return World(reference, database, ownership, judge)


def watch(world: World, causes: Causes | None = None) -> None:
    world.apply(alerts={"webhooks": [WEBHOOK], "causes": causes or {}})


def told(world: World) -> list[tuple[str, str]]:
    t = tables.outbox
    with world.database.read() as connection:
        payloads = connection.scalars(select(t.c.payload).order_by(t.c.at)).all()
    alerts = [payload["data"]["alert"] for payload in payloads]
    return [(alert["cause"], alert["state"]) for alert in alerts]


def tellings(world: World) -> dict[str, str]:
    t = tables.alerts
    with world.database.read() as connection:
        return {row.cause: row.telling for row in connection.execute(select(t))}


def test_values_that_are_missing_are_told_as_broken_data_and_not_as_drift(world: World) -> None:
    watch(world)
    rows = some_rows(0)
    x = np.array(rows.columns["x"], dtype=np.float64)
    x[np.arange(rows.n) % 5 < 3] = np.nan
    broken = count(Rows({**rows.columns, "x": x}, rows.n), world.reference)
    world.segment(broken, 0.0)
    world.watermark(1.0)
    world.tick()
    assert told(world) == [("data quality", "firing")]
    assert tellings(world) == {"data quality": "told", "drift": "another alert explains it"}


def test_inputs_that_moved_are_told_as_drift(world: World) -> None:
    watch(world, {"outlier rate": {}, "estimated performance": {}})
    world.hour(0, shift=4.0)
    world.watermark(1.0)
    world.tick()
    assert told(world) == [("drift", "firing")]


@pytest.mark.parametrize("causes", [None, {"concept drift": {}}])
def test_labels_that_disagree_are_told_when_they_come_and_so_is_their_end(
    world: World, causes: Causes | None
) -> None:
    watch(world, causes)
    for hour in (0, 1):
        world.hour(hour)
        world.watermark(hour + 1.0)
        world.tick()
    assert told(world) == []
    for hour, error in ((0, 3.0), (1, 0.0)):
        prediction = some_rows(hour).columns["prediction"]
        truth = np.array(prediction, dtype=np.float64) + error
        labels = count_labels(prediction, truth, world.reference)
        world.segment(labels, hour * HOUR, topic="t.labels")
        world.tick()
    assert told(world) == [("concept drift", "firing"), ("concept drift", "resolved")]


def test_predictions_that_stay_away_are_told_and_so_is_their_return(world: World) -> None:
    watch(world, {"silence": {"for": "30m"}})
    world.hour(0)
    world.watermark(0.5)
    world.tick()
    world.now += 1799
    world.tick()
    assert told(world) == []
    world.now += 2
    world.tick()
    world.tick()
    assert told(world) == [("silence", "firing")]
    world.watermark(0.6)
    world.tick()
    assert told(world) == [("silence", "firing"), ("silence", "resolved")]
