import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from queue import SimpleQueue
from shutil import copytree
from time import time
from typing import Any

import httpx2
import pyarrow.parquet as pq
import pytest
from fastapi import FastAPI

from alerts.webhooks import new_secret, sign
from monitor.apply.client import Client
from monitor.demo import model
from monitor.demo.days import working_days
from monitor.demo.model_server import Repository, application
from monitor.demo.pipeline import Pipeline, Step, receiver
from monitor.demo.rides import simulate
from monitor.demo.world import Folder

Serve = Callable[[FastAPI], httpx2.Client]

LOCKDOWN = date(2020, 3, 16)
REQUEST = {"data": {"alert": {"first_window": {"start": "2020-03-16T00:00:00Z"}}}}
SECRET = new_secret(lambda n: b"s" * n)


def signed(body: bytes, message: str = "msg_1", secret: str = SECRET) -> dict[str, str]:
    return sign(secret, message, time(), body)


@pytest.fixture
def requests() -> SimpleQueue[date]:
    return SimpleQueue()


@pytest.fixture
def told() -> list[Step]:
    return []


@pytest.fixture
def endpoint(serve: Serve, requests: SimpleQueue[date], told: list[Step]) -> httpx2.Client:
    return serve(receiver(SECRET, requests, told.append))


def test_a_signed_request_is_accepted_once(
    endpoint: httpx2.Client, requests: SimpleQueue[date], told: list[Step]
) -> None:
    body = json.dumps(REQUEST).encode()
    for _ in range(2):
        answer = endpoint.post("/retrain", content=body, headers=signed(body))
        assert answer.status_code == 202
    assert requests.get_nowait() == LOCKDOWN
    assert requests.empty()
    assert told == [{"step": "webhook verified", "id": "msg_1"}]


def test_a_forged_request_is_refused(
    endpoint: httpx2.Client, requests: SimpleQueue[date], told: list[Step]
) -> None:
    body, other = json.dumps(REQUEST).encode(), new_secret(lambda n: b"o" * n)
    answer = endpoint.post("/retrain", content=body, headers=signed(body, secret=other))
    assert answer.status_code == 401
    assert requests.empty()
    assert told[0]["step"] == "refused"


def test_a_signed_request_that_names_no_incident_is_refused(
    endpoint: httpx2.Client, requests: SimpleQueue[date]
) -> None:
    answer = endpoint.post("/retrain", content=b"{}", headers=signed(b"{}"))
    assert answer.status_code == 422
    assert requests.empty()


class Api:
    """As much of the monitor's API as the pipeline uses."""

    def __init__(self, status: str = "active") -> None:
        self.documents: list[dict[str, Any]] = []
        self.app = FastAPI()

        @self.app.put("/api/v1/monitors/free-seats")
        async def put(document: dict[str, Any]) -> dict[str, Any]:
            self.documents.append(document)
            return {"name": "free-seats", "revision": 2, "status": "resolving"}

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
    with Client(str(serve(request.param.app).base_url)) as api:
        yield Pipeline(folder, 10, 7, server, api, wait=lambda _: None)


@pytest.mark.parametrize("pipeline", [api := Api()], indirect=True)
def test_it_learns_from_the_incident_and_promotes_model_and_reference(
    pipeline: Pipeline, folder: Folder
) -> None:
    steps = {}
    for step in pipeline.retrain(LOCKDOWN):
        steps[step["step"]] = step
        assert folder.night.exists()
    assert not folder.night.exists()
    assert list(steps)[-2:] == ["reference promoted", "model promoted"]
    reference = pq.read_table(folder.reference(version=2))
    assert reference.num_rows == 10 * 96
    assert steps["trained"]["error_after"] < steps["trained"]["error_before"]
    assert pipeline.model_server.get("/v2/models/free-seats").json()["versions"] == ["2"]
    assert api.documents[0]["spec"]["reference"]["url"] == str(folder.reference(version=2))
    assert steps["reference promoted"]["revision"] == 2


@pytest.mark.parametrize("pipeline", [Api("failed")], indirect=True)
def test_a_refused_reference_is_told_with_its_reason(pipeline: Pipeline) -> None:
    with pytest.raises(RuntimeError, match="no rows"):
        list(pipeline.retrain(LOCKDOWN))
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

    steps = Pipeline(folder, 10, 7, pipeline.model_server, pipeline.api, wait).retrain(LOCKDOWN)
    assert [next(steps)["step"], next(steps)["step"]] == ["waiting", "training"]
    assert len(waited) == 1
