from collections.abc import Callable
from datetime import date
from pathlib import Path
from shutil import copytree

import httpx2
import pytest
from fastapi import FastAPI

from monitor.demo import kserve, model
from monitor.demo.model_server import Repository, application
from monitor.demo.rides import FEATURES, simulate

Serve = Callable[[FastAPI], httpx2.Client]
COLUMNS = {
    name: column.to_pylist()
    for name, column in zip(
        FEATURES, simulate(date(2019, 9, 2), 1, 24, seed=1).select(FEATURES).columns, strict=True
    )
}


@pytest.fixture
def server(models: Path, tmp_path: Path, serve: Serve) -> httpx2.Client:
    return serve(application(Repository(copytree(models, tmp_path / "models"))))


def test_both_protocols_give_the_models_predictions(server: httpx2.Client, models: Path) -> None:
    expected = model.newest(models)[1].predict(COLUMNS).tolist()
    v1 = server.post("/v1/models/free-seats:predict", json=kserve.v1_request(COLUMNS)).json()
    v2 = server.post("/v2/models/free-seats/infer", json=kserve.v2_request("r", COLUMNS)).json()
    assert v1 == {"predictions": expected}
    assert v2["outputs"] == [
        {
            "name": "predicted_free_seats",
            "shape": [len(expected)],
            "datatype": "FP64",
            "data": expected,
        }
    ]
    assert (v2["id"], v2["model_name"], v2["model_version"]) == ("r", "free-seats", "1")


def test_rows_may_be_objects(server: httpx2.Client) -> None:
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in zip(*COLUMNS.values(), strict=True)]
    path = "/v1/models/free-seats:predict"
    as_lists = server.post(path, json=kserve.v1_request(COLUMNS)).json()
    assert server.post(path, json={"instances": rows}).json() == as_lists


@pytest.mark.parametrize("path", ["/v1/models/free-seats:predict", "/v2/models/free-seats/infer"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"instances": [[1]], "inputs": [1]}'])
def test_a_bad_request_is_answered_400_with_the_reason(
    server: httpx2.Client, path: str, body: bytes
) -> None:
    answer = server.post(path, content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "path", ["/v1/models/free-seats", "/v2/health/ready", "/v2/models/free-seats/ready"]
)
def test_it_says_that_it_is_ready(server: httpx2.Client, path: str) -> None:
    assert server.get(path).status_code == 200


def test_metadata_names_every_column(server: httpx2.Client) -> None:
    metadata = server.get("/v2/models/free-seats").json()
    assert [tensor["name"] for tensor in metadata["inputs"]] == list(FEATURES)
    assert metadata["versions"] == ["1"]


def test_loading_promotes_the_newest_version(server: httpx2.Client, tmp_path: Path) -> None:
    model.save(model.newest(tmp_path / "models")[1], tmp_path / "models", version=2)
    assert server.get("/v2/models/free-seats").json()["versions"] == ["1"]
    loaded = server.post("/v2/repository/models/free-seats/load").json()
    assert loaded == {"name": "free-seats", "version": "2", "state": "READY"}
    assert server.get("/v2/models/free-seats").json()["versions"] == ["2"]
