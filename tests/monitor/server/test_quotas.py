"""How much the API lets each namespace have."""

from typing import Any

from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from monitor.server.app import create_app
from monitor.spec.documents import parse
from monitor.spec.quotas import Quotas
from monitor.sql.database import Database
from tests.monitor.server.conftest import NOW


class Declared:
    """Clients of an API with quotas."""

    def __init__(self, database: Database, **others: object) -> None:
        spec = {"others": others}
        quotas = Quotas.model_validate(
            {"apiVersion": "driftmeter.dev/v1", "kind": "Quotas", "spec": spec}
        )
        app = create_app(database, CollectorRegistry(), lambda: NOW, quotas=quotas)
        self.client = TestClient(app)

    def put(self, name: str) -> Any:
        text = (
            "apiVersion: driftmeter.dev/v1\nkind: Monitor\n"
            f"metadata: {{name: {name}}}\nspec: {{reference: rides.parquet}}"
        )
        [document] = parse(text)
        return self.client.put(f"/api/v1/monitors/{name}", json=document.to_json())


def test_a_monitor_beyond_the_quota_is_refused_with_the_limit(database: Database) -> None:
    declared = Declared(database, monitors=1)
    assert declared.put("transit.a").status_code == 202
    refused = declared.put("transit.b")
    assert (refused.status_code, refused.headers["content-type"]) == (
        403,
        "application/problem+json",
    )
    assert refused.json()["detail"] == (
        "the namespace 'transit' has 1 other monitors, and may have 1 in all"
    )
    assert declared.put("transit.a").status_code == 202
    assert declared.put("billing.a").status_code == 202


def test_a_deleted_monitor_leaves_room_for_another(database: Database) -> None:
    declared = Declared(database, monitors=1)
    declared.put("transit.a")
    assert declared.client.delete("/api/v1/monitors/transit.a").status_code == 204
    assert declared.put("transit.b").status_code == 202


def test_what_each_namespace_uses_and_may_use_is_told(database: Database) -> None:
    declared = Declared(database, monitors=3)
    declared.put("transit.a")
    [told] = declared.client.get("/api/v1/namespaces").json()["items"]
    assert (told["name"], told["used"], told["quota"]["monitors"]) == (
        "transit",
        {"monitors": 1, "columns": 0, "reports": 0},
        3,
    )
