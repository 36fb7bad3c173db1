"""What the API answers is what it says that it answers, and so are its examples."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator
from sqlalchemy import insert

from monitor.server.examples import ANSWERS
from monitor.server.operating_examples import SUBSCRIPTION
from monitor.sql import tables
from monitor.sql.database import Database
from tests.monitor.retraining.days import Days
from tests.monitor.retraining.days import monitor as retrained

IDS = {
    "name": "free-seats",
    "report_id": "free-seats-6",
    "alert_id": "alert-1",
    "delivery_id": "delivery_1",
}
NEEDS_KAFKA = {"/dead-letters", "/monitors/{name}/outliers"}
SILENCE = {"matchers": ["monitor=free-seats"], "duration": "2h", "comment": "rebuilt"}


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One database is enough here."""
    return f"sqlite:///{tmp_path / 'driftmeter.db'}"


@pytest.fixture
def described(client: TestClient) -> dict[str, Any]:
    """The API's description, in which a key that it does not tell of is wrong."""
    found: dict[str, Any] = client.get("/api/openapi.json").json()
    for schema in found["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return found


def faults(described: dict[str, Any], operation: tuple[str, str], answer: Any) -> list[str]:
    method, path = operation
    responses = described["paths"][f"/api/v1{path}"][method]["responses"]
    [told] = [one for status, one in responses.items() if status.startswith("2")]
    schema = told["content"]["application/json"]["schema"]
    whole = {**schema, "components": described["components"]}
    return [
        f"{one.json_path}: {one.message}" for one in Draft202012Validator(whole).iter_errors(answer)
    ]


def test_every_example_is_as_it_is_described(described: dict[str, Any]) -> None:
    for operation, answer in ANSWERS.items():
        assert faults(described, operation, answer.example) == [], operation


def test_every_success_that_says_something_has_an_example(described: dict[str, Any]) -> None:
    told = {
        (method, path.removeprefix("/api/v1"))
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
        for status, response in operation["responses"].items()
        if status.startswith("2") and "application/json" in response.get("content", {})
    }
    assert told == ANSWERS.keys()


def test_every_answer_is_as_it_is_described(
    told: None, watched: Database, client: TestClient, described: dict[str, Any]
) -> None:
    Days(watched, retrained({"webhooks": []})).drift()
    place = {"place": "endpoint_1", "target": {"kind": "webhook"}, "n_failed": 0}
    with watched.write() as connection:
        connection.execute(insert(tables.endpoints), place)
    ids = IDS | {"silence_id": client.post("/api/v1/silences", json=SILENCE).json()["id"]}
    subscription = {**SUBSCRIPTION, "metadata": {"name": "free-seats"}}
    client.put("/api/v1/subscriptions/free-seats", json=subscription)
    client.post("/api/v1/tokens", json={"name": "grafana"})
    ids |= {"retrain_id": client.get("/api/v1/retrains").json()["items"][0]["id"]}
    for method, path in ANSWERS:
        if method == "get" and path not in NEEDS_KAFKA:
            answer = client.get(f"/api/v1{path.format(**ids)}").json()
            assert answer.get("items", [...]) != [], path
            assert faults(described, (method, path), answer) == [], path


def test_a_declared_and_a_paused_monitor_are_as_they_are_described(
    watched: Database, client: TestClient, described: dict[str, Any]
) -> None:
    for method, path in (("post", "/monitors/{name}/pause"), ("post", "/monitors/{name}/resume")):
        answer = client.post(f"/api/v1{path.format(**IDS)}").json()
        assert faults(described, (method, path), answer) == []
