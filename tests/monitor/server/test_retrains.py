"""Retrains and subscriptions over the API: approving, reporting back, and being told why not."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from standardwebhooks import Webhook

from monitor.retraining import records
from monitor.sql import registry
from monitor.sql.database import Database
from tests.monitor.retraining.days import Days, monitor, subscription
from tests.monitor.server.conftest import NOW

SECRET = "whsec_" + "a2V5" * 8


def asked(database: Database, **retrain: Any) -> str:
    """The id of a retrain that an incident has asked for."""
    watched = monitor(retrain)
    with database.write() as connection:
        registry.put(connection, watched, NOW)
    Days(database, watched).drift()
    with database.read() as connection:
        [record] = records.latest(connection)
    return str(record.id)


def signed(secret: str, body: dict[str, Any]) -> dict[str, Any]:
    """A request as the Standard Webhooks library signs it."""
    text, moment = json.dumps(body), datetime.fromtimestamp(NOW, UTC)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(NOW)),
        "webhook-signature": Webhook(secret).sign("msg_1", moment, text),
    }
    return {"content": text, "headers": headers}


@pytest.fixture
def secret_file(tmp_path: Path) -> str:
    path = tmp_path / "secret"
    path.write_text(SECRET)
    return str(path)


def test_a_retrain_is_listed_and_shown(client: TestClient, database: Database) -> None:
    id_ = asked(database)
    [listed] = client.get("/api/v1/retrains", params={"monitor": "free-seats"}).json()["items"]
    assert listed == client.get(f"/api/v1/retrains/{id_}").json()
    assert (listed["state"], listed["cause"]) == ("requested", "drift")
    assert client.get("/api/v1/retrains", params={"state": "failed"}).json()["items"] == []


def test_a_retrain_that_there_is_not_is_not_found(client: TestClient) -> None:
    assert client.get("/api/v1/retrains/retrain_0").status_code == 404
    assert client.post("/api/v1/retrains/retrain_0/approve").status_code == 404


def test_approval_is_given_once(client: TestClient, database: Database) -> None:
    id_ = asked(database, approval=True)
    assert client.post(f"/api/v1/retrains/{id_}/approve").json()["state"] == "requested"
    again = client.post(f"/api/v1/retrains/{id_}/reject")
    assert (again.status_code, again.json()["detail"]) == (
        409,
        "it does not wait for approval: it is requested",
    )


def test_a_button_of_a_page_decides_and_goes_on_there(
    client: TestClient, database: Database
) -> None:
    id_ = asked(database, approval=True)
    decided = client.post(f"/api/v1/retrains/{id_}/decision?approved=false", follow_redirects=False)
    assert (decided.status_code, decided.headers["location"]) == (
        303,
        "/retrains?monitor=free-seats",
    )
    assert client.get(f"/api/v1/retrains/{id_}").json()["state"] == "rejected"


def test_a_signed_callback_is_taken_and_repeated_without_effect(
    client: TestClient, database: Database, secret_file: str
) -> None:
    id_ = asked(database, callback_secret_file=secret_file)
    request = signed(SECRET, {"state": "succeeded"})
    first = client.post(f"/api/v1/retrains/{id_}/callback", **request).json()
    second = client.post(f"/api/v1/retrains/{id_}/callback", **request).json()
    assert (first["state"], first["changed"], second["changed"]) == ("succeeded", True, False)


def test_a_callback_that_is_not_signed_is_refused(
    client: TestClient, database: Database, secret_file: str
) -> None:
    id_ = asked(database, callback_secret_file=secret_file)
    other = signed("whsec_" + "b3RoZXI=" * 4, {"state": "succeeded"})
    assert client.post(f"/api/v1/retrains/{id_}/callback", **other).status_code == 401
    assert client.get(f"/api/v1/retrains/{id_}").json()["state"] == "requested"


def test_without_a_secret_nobody_can_call_back(client: TestClient, database: Database) -> None:
    id_ = asked(database)
    request = signed(SECRET, {"state": "succeeded"})
    assert client.post(f"/api/v1/retrains/{id_}/callback", **request).status_code == 403


def test_a_callback_is_bounded_and_strict(
    client: TestClient, database: Database, secret_file: str
) -> None:
    id_ = asked(database, callback_secret_file=secret_file)
    path = f"/api/v1/retrains/{id_}/callback"
    assert client.post(path, **signed(SECRET, {"state": "x" * 20_001})).status_code == 413
    answer = client.post(path, **signed(SECRET, {"state": "done"}))
    assert (answer.status_code, answer.json()["faults"][0]["path"]) == (422, "state")


def test_a_promotion_told_by_hand_rebases_the_monitor(
    client: TestClient, database: Database
) -> None:
    id_ = asked(database)
    said = {"state": "promoted", "model_version": "7", "reference": {"url": "new.parquet"}}
    assert client.post(f"/api/v1/retrains/{id_}/news", json=said).json()["revision"] == 2
    found = client.get("/api/v1/monitors/free-seats").json()
    assert found["document"]["spec"]["reference"]["url"] == "new.parquet"
    promoted = client.get(f"/api/v1/retrains/{id_}").json()["promoted"]
    assert (promoted["model_version"], promoted["revision"], promoted["result"]) == ("7", 2, None)


def test_a_subscription_is_put_shown_and_deleted(client: TestClient) -> None:
    wanted = subscription(select={"labels": {"team": "transit"}}, cooldown="3d").to_json()
    assert client.put("/api/v1/subscriptions/nightly", json=wanted).json() == wanted
    assert client.get("/api/v1/subscriptions").json()["items"] == [wanted]
    assert client.get("/api/v1/subscriptions/nightly").json() == wanted
    assert client.delete("/api/v1/subscriptions/nightly").status_code == 204
    assert client.delete("/api/v1/subscriptions/nightly").status_code == 404
    assert client.get("/api/v1/subscriptions/nightly").status_code == 404


def test_a_subscription_with_faults_is_refused_with_all_of_them(client: TestClient) -> None:
    wanted = subscription().to_json()
    wanted["spec"] = {"cooldown": "soon", "start": {"airflow": {"url": "ftp://x", "dag": "d"}}}
    answer = client.put("/api/v1/subscriptions/nightly", json=wanted)
    assert answer.status_code == 422
    paths = [fault["path"] for fault in answer.json()["faults"]]
    assert paths == ["spec.start.airflow.url", "spec.cooldown"]
    other = client.put("/api/v1/subscriptions/other", json=subscription().to_json())
    assert other.status_code == 422


def test_why_nothing_is_asked_for_is_told(client: TestClient, database: Database) -> None:
    client.put("/api/v1/subscriptions/nightly", json=subscription(severity="critical").to_json())
    Days(database, monitor()).drift()
    [told] = client.get("/api/v1/subscriptions/decisions").json()["items"]
    assert (told["monitor"], told["answer"]) == ("free-seats", "severity too low")
