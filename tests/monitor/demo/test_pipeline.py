import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from queue import SimpleQueue
from shutil import copytree
from time import time
from typing import Any

import httpx2
import pyarrow.parquet as pq
import pytest
from fastapi import FastAPI, Request

from alerts.webhooks import new_secret, sign, verify
from monitor.apply.client import Client
from monitor.demo import model
from monitor.demo.days import working_days
from monitor.demo.model_server import Repository, application
from monitor.demo.pipeline import Callback, Pipeline, Step, Wanted, receiver
from monitor.demo.rides import simulate
from monitor.demo.world import Folder

Serve = Callable[[FastAPI], httpx2.Client]

LOCKDOWN = date(2020, 3, 16)
CALLBACK = "/api/v1/retrains/retrain_1/callback"
REQUEST = {
    "data": {
        "alert": {"first_window": {"start": "2020-03-16T00:00:00Z"}},
        "retrain": {"callback": CALLBACK},
    }
}
WANTED = Wanted(LOCKDOWN, CALLBACK)
SECRET = new_secret(lambda n: b"s" * n)


def signed(body: bytes, message: str = "msg_1", secret: str = SECRET) -> dict[str, str]:
    return sign(secret, message, time(), body)


@pytest.fixture
def requests() -> SimpleQueue[Wanted]:
    return SimpleQueue()


@pytest.fixture
def told() -> list[Step]:
    return []


@pytest.fixture
def endpoint(serve: Serve, requests: SimpleQueue[Wanted], told: list[Step]) -> httpx2.Client:
    return serve(receiver(SECRET, requests, told.append))


def test_a_signed_request_is_accepted_once(
    endpoint: httpx2.Client, requests: SimpleQueue[Wanted], told: list[Step]
) -> None:
    body = json.dumps(REQUEST).encode()
    for _ in range(2):
        answer = endpoint.post("/retrain", content=body, headers=signed(body))
        assert answer.status_code == 202
    assert requests.get_nowait() == Wanted(LOCKDOWN, CALLBACK)
    assert requests.empty()
    assert told == [{"step": "webhook verified", "id": "msg_1"}]


def test_a_forged_request_is_refused(
    endpoint: httpx2.Client, requests: SimpleQueue[Wanted], told: list[Step]
) -> None:
    body, other = json.dumps(REQUEST).encode(), new_secret(lambda n: b"o" * n)
    answer = endpoint.post("/retrain", content=body, headers=signed(body, secret=other))
    assert answer.status_code == 401
    assert requests.empty()
    assert told[0]["step"] == "refused"


def test_a_signed_request_that_names_no_incident_and_no_callback_is_refused(
    endpoint: httpx2.Client, requests: SimpleQueue[Wanted]
) -> None:
    answer = endpoint.post("/retrain", content=b"{}", headers=signed(b"{}"))
    assert answer.status_code == 422
    assert requests.empty()


class Api:
    """As much of the monitor's API as the pipeline uses."""

    def __init__(self, status: str = "active") -> None:
        self.news: list[dict[str, Any]] = []
        self.app = FastAPI()

        @self.app.post(CALLBACK)
        async def take(request: Request) -> dict[str, Any]:
            body = await request.body()
            verify(SECRET, request.headers, body, now=time())
            self.news.append(json.loads(body))
            return {"state": self.news[-1]["state"], "revision": 2}

        @self.app.get("/api/v1/monitors/free-seats")
        async def get() -> dict[str, Any]:
            reason = None if status == "active" else "no rows"
            reference = {"id": "sha256:2"}
            return {"revision": 2, "status": status, "reason": reason, "reference": reference}


@pytest.fixture
def folder(models: Path, tmp_path: Path) -> Folder:
    """A demo's folder with one model and eleven labelled days, ten of them of a lockdown."""
    folder = Folder(tmp_path)
    copytree(models, folder.models)
    folder.write_monitor("http://127.0.0.1:1/retrain")
    folder.warehouse.mkdir()
    for day in working_days(date(2020, 3, 13), 15):
        rides = simulate(day, 1, 240, seed=7, lockdown=LOCKDOWN)
        table = model.predicted(rides, model.newest(folder.models)[1])
        pq.write_table(table, folder.warehouse / f"{day}.parquet")
    return folder


@pytest.fixture
def pipeline(folder: Folder, serve: Serve, request: pytest.FixtureRequest) -> Iterator[Pipeline]:
    server = serve(application(Repository(folder.models)))
    http = serve(request.param.app)
    with Client(str(http.base_url)) as api:
        yield Pipeline(
            folder=folder,
            days=10,
            seed=7,
            model_server=server,
            api=api,
            callback=Callback(http, SECRET, wait=lambda _: None),
            wait=lambda _: None,
        )


@pytest.mark.parametrize("pipeline", [api := Api()], indirect=True)
def test_it_learns_from_the_incident_promotes_model_and_reference_and_reports_that(
    pipeline: Pipeline, folder: Folder
) -> None:
    steps = {}
    for step in pipeline.retrain(WANTED):
        steps[step["step"]] = step
        assert folder.night.exists()
    assert not folder.night.exists()
    assert list(steps)[-2:] == ["reference promoted", "model promoted"]
    reference = pq.read_table(folder.reference(version=2))
    assert reference.num_rows == 10 * 96
    assert steps["trained"]["error_after"] < steps["trained"]["error_before"]
    assert pipeline.model_server.get("/v2/models/free-seats").json()["versions"] == ["2"]
    assert [one["state"] for one in api.news] == ["running", "succeeded", "promoted"]
    assert api.news[-1]["model_version"] == "2"
    where = {"url": str(folder.reference(version=2)), "time": "departed_at"}
    assert api.news[-1]["reference"] == where
    assert steps["reference promoted"]["revision"] == 2


@pytest.mark.parametrize("pipeline", [Api("failed")], indirect=True)
def test_a_refused_reference_is_told_with_its_reason(pipeline: Pipeline) -> None:
    with pytest.raises(RuntimeError, match="no rows"):
        list(pipeline.retrain(WANTED))
    assert pipeline.model_server.get("/v2/models/free-seats").json()["versions"] == ["1"]
    assert not pipeline.folder.night.exists()


@pytest.mark.parametrize("pipeline", [Api()], indirect=True)
def test_it_waits_until_there_are_enough_days(pipeline: Pipeline, folder: Folder) -> None:
    last = max(folder.warehouse.iterdir())
    hidden = last.rename(last.with_suffix(".unfinished"))
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        hidden.rename(last)

    steps = replace(pipeline, wait=wait).retrain(WANTED)
    assert [next(steps)["step"], next(steps)["step"]] == ["waiting", "training"]
    assert len(waited) == 1
