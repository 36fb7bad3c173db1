"""How the model served, from the segments of requests to what people are told."""

from typing import Any

import pytest
from sqlalchemy import select

from alerts.words import Ruling
from detectors.profile import count_served
from detectors.served import FAILED, slot_of
from monitor.kafka.messages import SERVED
from monitor.sql import tables
from tests.monitor.detect.world import WEBHOOK, World, starts
from tests.support.counted import HOUR

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def requests(
    world: World, hour: float, *, n_failed: int, n_answered: int = 0, **about: Any
) -> None:
    slots = {FAILED: n_failed, slot_of(200, 0.2): n_answered}
    profile = count_served(world.reference, slots)
    world.segment(profile, hour * HOUR, subset=SERVED, **about)


def test_requests_are_told_beside_rows_and_are_none(world: World) -> None:
    world.hour(0, n=100)
    requests(world, 0, n_failed=2, n_answered=198)
    world.watermark(1.0)
    world.tick()
    [body] = world.bodies()
    assert (body["n_rows"], body["versions"]) == (100, [])
    told = body["serving"]
    assert (told["n_requests"], told["error_share"]) == (200, 0.01)
    assert 0.19 < told["latencies_s"]["0.95"] < 0.21


def test_a_window_in_which_every_request_fails_alerts_although_it_has_no_rows(
    world: World,
) -> None:
    world.apply(alerts={"webhooks": [WEBHOOK]})
    world.hour(0)
    requests(world, 1, n_failed=400)
    world.watermark(2.0)
    outcome = world.tick()
    assert [one.report.n_rows for one in outcome.closed] == [100, 0]
    [fired] = [one for one in outcome.decided if one.reason is Ruling.FIRED]
    assert (fired.cause.value, fired.alert and fired.alert.facts.columns) == ("error rate", ())
    with world.database.read() as connection:
        [payload] = connection.scalars(select(tables.outbox.c.payload))
    assert payload["data"]["because"] == "100.0% of 400 requests were answered with errors"
    assert payload["data"]["alert"]["cause"] == "error rate"


def test_while_nothing_but_errors_comes_windows_close_as_time_passes(world: World) -> None:
    world.idle_s = 30.0
    world.hour(0)
    world.watermark(0.5)
    world.tick()
    requests(world, 1, n_failed=400)
    world.now += 2 * HOUR
    assert starts(world.tick().closed) == [0, 1]


def test_requests_that_are_told_late_revise_a_report(world: World) -> None:
    world.hour(0)
    world.watermark(1.0)
    world.tick()
    requests(world, 0, n_failed=1, n_answered=9)
    [written] = world.tick().revised
    assert written.report.serving is not None
    assert written.report.serving.n_requests == 10
