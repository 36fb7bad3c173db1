from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import orjson
import pyarrow.parquet as pq
import pytest
from fastapi import FastAPI

from monitor.demo.model_server import Repository, application
from monitor.demo.rides import TARGET
from monitor.demo.traffic import ID, Pace, World, post, run
from monitor.demo.world import PREDICTION

Serve = Callable[[FastAPI], httpx2.Client]
MONDAY = date(2020, 2, 10)


class Ingest:
    """Takes labels as the collector does, and keeps them."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        body = orjson.loads(request.content)
        assert request.url.path == "/v1/labels"
        assert body["monitor"] == "free-seats"
        self.rows += body["rows"]
        return httpx2.Response(200, json={"accepted": len(body["rows"]), "rejected": []})


def client(answer: Any) -> httpx2.Client:
    return httpx2.Client(base_url="http://test", transport=httpx2.MockTransport(answer))


@pytest.fixture
def instant() -> Pace:
    return Pace(0.0, clock=lambda: 0.0, sleep=lambda _: None)


@pytest.fixture
def model(models: Path, serve: Serve) -> httpx2.Client:
    return serve(application(Repository(models)))


def test_every_ride_is_predicted_labelled_a_day_later_and_stored(
    model: httpx2.Client, instant: Pace, tmp_path: Path
) -> None:
    ingest, world = Ingest(), World(MONDAY, 120, 7, None)
    told = list(run(world, world.days(3), model, client(ingest), tmp_path, instant))
    assert [line["labelled"] for line in told] == [0, 120, 120]
    assert [line["failed"] for line in told] == [0, 0, 0]
    stored = [pq.read_table(path) for path in sorted(tmp_path.glob("*.parquet"))]
    truth = {
        id_: label
        for table in stored
        for id_, label in zip(table[ID].to_pylist(), table[TARGET].to_pylist(), strict=True)
    }
    assert {row["id"]: row["label"] for row in ingest.rows} == truth
    assert len(truth) == 360
    assert np.all(np.isfinite(stored[0][PREDICTION].to_numpy()))


def test_requests_carry_an_id_and_the_time_of_the_ride(instant: Pace, tmp_path: Path) -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        body = orjson.loads(request.content)
        n = len(body["instances"]) if "instances" in body else body["inputs"][0]["shape"][0]
        return httpx2.Response(200, json={"predictions": [1.0] * n})

    world = World(MONDAY, 60, 7, None)
    list(run(world, world.days(1), client(answer), client(Ingest()), tmp_path, instant))
    paths = [request.url.path for request in seen]
    assert paths[:2] == ["/v1/models/free-seats:predict", "/v2/models/free-seats/infer"]
    assert [request.headers["X-Request-Id"] for request in seen[:2]] == [
        "2020-02-10-000",
        "2020-02-10-001",
    ]
    assert seen[0].headers["X-Event-Time"].startswith("2020-02-10T07:")


def test_what_fails_again_and_again_is_counted_and_left_out(instant: Pace, tmp_path: Path) -> None:
    world = World(MONDAY, 60, 7, None)
    down = client(lambda _: httpx2.Response(503))
    (told,) = run(world, world.days(1), down, client(Ingest()), tmp_path, instant)
    assert told["failed"] == told["requests"] != 0
    assert told["rows"] == 0


@pytest.mark.parametrize(("status", "attempts"), [(503, 4), (404, 1)])
def test_only_what_may_get_better_is_tried_again(status: int, attempts: int) -> None:
    asked: list[httpx2.Request] = []
    pauses: list[float] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(status)

    with pytest.raises(httpx2.HTTPStatusError):
        post(client(answer), "/", {}, sleep=pauses.append)
    assert len(asked) == attempts
    assert pauses == sorted(pauses)


def test_a_second_attempt_may_succeed() -> None:
    answers = iter([httpx2.Response(502), httpx2.Response(200, json={"ok": True})])
    assert post(client(lambda _: next(answers)), "/", {}, sleep=lambda _: None) == {"ok": True}


def test_a_days_requests_are_spread_over_its_seconds() -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    pace = Pace(2.0, clock=lambda: now[0], sleep=sleep)
    times = [now[0] for _ in pace.over(4)]
    assert times == [0.0, 0.5, 1.0, 1.5]
    assert now[0] == 2.0


def test_a_world_without_end_goes_on_after_its_first_weeks() -> None:
    days = World(MONDAY, 60, 7, None).days(None)
    assert [next(days) for _ in range(11)][-1] == date(2020, 2, 24)


def test_no_day_begins_while_a_model_is_deployed(model: httpx2.Client, tmp_path: Path) -> None:
    night, slept = tmp_path / "night", list[float]()
    night.write_text('{"since": "2020-02-10", "days": 1}')

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        night.unlink()

    world, pace = World(MONDAY, 30, 7, None), Pace(0.0, clock=lambda: 0.0, sleep=sleep)
    days = run(world, world.days(5), model, client(Ingest()), tmp_path, pace, night)
    told = [(line["day"], len(slept)) for line in days]
    assert told[:3] == [("2020-02-10", 0), ("2020-02-11", 0), ("2020-02-12", 1)]
