"""How the model served, from the segments of requests to what people are told."""

import json
from pathlib import Path
from typing import Any

import pytest

from alerts import webhooks
from alerts.words import Ruling
from detectors.profile import count_served
from detectors.served import FAILED, slot_of
from monitor.kafka.messages import SERVED
from monitor.retraining import records
from tests.alerts import endpoint
from tests.monitor.detect.world import World, starts
from tests.monitor.server.deliveries.delivering import SECRET, deliver
from tests.support.counted import HOUR

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def requests(world: World, hour: float, slots: dict[int, int], **about: Any) -> None:
    profile = count_served(world.reference, slots)
    world.segment(profile, hour * HOUR, subset=SERVED, **about)


def test_requests_are_told_beside_rows_and_are_none(world: World) -> None:
    world.hour(0, n=100)
    requests(world, 0, {FAILED: 2, slot_of(200, 0.2): 198})
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
    world.hour(0)
    requests(world, 1, {FAILED: 400})
    world.watermark(2.0)
    outcome = world.tick()
    assert [one.report.n_rows for one in outcome.closed] == [100, 0]
    [fired] = [one for one in outcome.decided if one.reason is Ruling.FIRED]
    assert (fired.cause.value, fired.alert and fired.alert.facts.columns) == ("error rate", ())


@pytest.mark.parametrize(
    ("cause", "slots", "because"),
    [
        ("error rate", {FAILED: 400}, "100.0% of 400 requests were answered with errors"),
        ("latency", {slot_of(200, 2.0): 400}, "95 % of the answers took 2"),
    ],
)
def test_how_a_model_served_is_told_to_a_webhook_and_asks_for_a_retrain_where_that_is_wanted(
    world: World, tmp_path: Path, cause: str, slots: dict[int, int], because: str
) -> None:
    (tmp_path / "secret").write_text(SECRET)
    with endpoint.listening(endpoint.saying(endpoint.status(204))) as receiver:
        hook = {"name": "pager", "url": receiver.url, "secret_file": str(tmp_path / "secret")}
        limits = {"latency": {"above": 0.5}}
        world.apply(alerts={"webhooks": [hook], "causes": limits}, retrain={"causes": [cause]})
        requests(world, 0, slots)
        world.watermark(1.0)
        world.tick()
        deliver(world.database, world.now)
    [told] = receiver.requests
    webhooks.verify(SECRET, told.headers, told.body, now=world.now)
    data = json.loads(told.body)["data"]
    assert data["alert"]["cause"] == cause
    assert data["because"].startswith(because)
    with world.database.read() as connection:
        [asked] = records.latest(connection, monitor="seats")
    assert (asked.state, asked.event["data"]["retrain"]["cause"]) == ("requested", cause)


def test_while_nothing_but_errors_comes_windows_close_as_time_passes(world: World) -> None:
    world.idle_s = 30.0
    world.hour(0)
    world.watermark(0.5)
    world.tick()
    requests(world, 1, {FAILED: 400})
    world.now += 2 * HOUR
    assert starts(world.tick().closed) == [0, 1]


def test_requests_that_are_told_late_revise_a_report(world: World) -> None:
    world.hour(0)
    world.watermark(1.0)
    world.tick()
    requests(world, 0, {FAILED: 1, slot_of(200, 0.2): 9})
    [written] = world.tick().revised
    assert written.report.serving is not None
    assert written.report.serving.n_requests == 10
