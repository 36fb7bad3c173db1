"""The API as a client sees it, over a real database."""

import pytest
from fastapi.testclient import TestClient

from monitor.sql import registry
from monitor.sql.database import Database
from tests.monitor.server.conftest import DAY, FIRST_DAY, NOW, monitor, report, store_report


def put(client: TestClient, name: str = "free-seats", **spec: object) -> int:
    return client.put(f"/api/v1/monitors/{name}", json=monitor(name, **spec).to_json()).status_code


def test_a_monitor_that_was_put_is_listed_as_resolving(client: TestClient) -> None:
    assert put(client) == 202
    (listed,) = client.get("/api/v1/monitors").json()["items"]
    assert (listed["name"], listed["revision"], listed["status"]) == ("free-seats", 1, "resolving")


def test_the_same_document_again_changes_nothing(client: TestClient) -> None:
    put(client)
    put(client)
    assert client.get("/api/v1/monitors/free-seats").json()["revision"] == 1


def test_a_changed_document_is_the_next_revision(client: TestClient) -> None:
    put(client)
    put(client, lateness="5m")
    answer = client.get("/api/v1/monitors/free-seats")
    assert (answer.json()["revision"], answer.headers["etag"]) == (2, '"2"')


def test_a_change_of_what_has_changed_meanwhile_is_refused(client: TestClient) -> None:
    put(client)
    body = monitor(lateness="5m").to_json()
    headers = {"If-Match": '"7"'}
    answer = client.put("/api/v1/monitors/free-seats", json=body, headers=headers)
    assert answer.status_code == 412
    assert "revision 1" in answer.json()["detail"]


def test_a_deletion_of_what_has_changed_meanwhile_is_refused(client: TestClient) -> None:
    put(client)
    refused = client.delete("/api/v1/monitors/free-seats", headers={"If-Match": '"7"'})
    assert refused.status_code == 412
    held = client.delete("/api/v1/monitors/free-seats", headers={"If-Match": '"1"'})
    assert held.status_code == 204


def test_every_revision_stays_to_be_read_even_after_the_end(client: TestClient) -> None:
    put(client)
    put(client, lateness="5m")
    client.delete("/api/v1/monitors/free-seats")
    revisions = client.get("/api/v1/monitors/free-seats/revisions").json()["items"]
    assert [(r["revision"], r["status"]) for r in revisions] == [
        (3, "deleted"),
        (2, "resolving"),
        (1, "resolving"),
    ]
    assert revisions[1]["document"]["spec"]["lateness"] == "5m"
    assert client.get("/api/v1/monitors/no-such/revisions").status_code == 404


def test_every_fault_of_a_document_is_named_with_its_path(client: TestClient) -> None:
    body = monitor().to_json() | {"kind": "Monitr", "spec": {"windows": ["1 hour"], "colour": 1}}
    answer = client.put("/api/v1/monitors/free-seats", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    paths = {fault["path"] for fault in answer.json()["faults"]}
    assert paths >= {"kind", "spec.reference", "spec.windows.0", "spec.colour"}


def test_a_document_under_another_name_is_refused(client: TestClient) -> None:
    answer = client.put("/api/v1/monitors/other", json=monitor().to_json())
    assert answer.status_code == 422
    assert "'free-seats'" in answer.json()["detail"]


def test_what_is_not_there_is_a_problem_document(client: TestClient) -> None:
    for path in ("/api/v1/monitors/nobody", "/api/v1/monitors/nobody/reports", "/api/v1/nothing"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert answer.json()["title"] == "Not Found"
    assert client.get("/api/v1/nothing").json()["detail"] == "There is nothing at /api/v1/nothing."


def test_a_deleted_monitor_is_gone(client: TestClient) -> None:
    put(client)
    assert client.delete("/api/v1/monitors/free-seats").status_code == 204
    assert client.get("/api/v1/monitors").json() == {"items": [], "next": None}
    assert client.delete("/api/v1/monitors/free-seats").status_code == 404


def test_reports_come_newest_first_and_page_by_page(watched: Database, client: TestClient) -> None:
    path = "/api/v1/monitors/free-seats/reports"
    first = client.get(path, params={"limit": 2}).json()["items"]
    assert [r["id"] for r in first] == ["free-seats-6", "free-seats-5"]
    before = 1_583_712_000.0 + 5 * 86_400
    rest = client.get(path, params={"before": before}).json()["items"]
    assert [r["id"] for r in rest] == [f"free-seats-{day}" for day in (4, 3, 2, 1, 0)]


def test_a_monitor_carries_its_last_report(watched: Database, client: TestClient) -> None:
    found = client.get("/api/v1/monitors/free-seats").json()
    assert found["state"] == "drift"
    assert found["last_report"]["id"] == "free-seats-6"
    assert client.get("/api/v1/reports/free-seats-6").json() == found["last_report"]


def test_a_failed_revision_leaves_the_earlier_one_in_force(
    watched: Database, client: TestClient
) -> None:
    put(client, lateness="5m")
    with watched.write() as connection:
        (waiting,) = registry.resolving(connection)
        registry.fail(connection, waiting, "no such file")
    found = client.get("/api/v1/monitors/free-seats").json()
    assert (found["status"], found["reason"]) == ("failed", "no such file")
    assert (found["revision"], found["active_revision"]) == (2, 1)


def test_the_documentation_loads_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs").text
    assert "http://" not in page
    assert "https://" not in page
    assert client.get("/api/openapi.json").json()["info"]["title"] == "Driftmeter"


def test_the_probes_answer(client: TestClient) -> None:
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200


def test_times_are_given_by_the_clock(client: TestClient, database: Database) -> None:
    put(client)
    with database.read() as connection:
        (at,) = connection.exec_driver_sql("SELECT created_at FROM monitors").one()
    assert at == NOW


def test_a_monitor_is_paused_and_resumed_by_revisions_that_are_in_force_at_once(
    watched: Database, client: TestClient
) -> None:
    paused = client.post("/api/v1/monitors/free-seats/pause")
    assert (paused.status_code, paused.headers["etag"]) == (200, '"2"')
    found = client.get("/api/v1/monitors/free-seats").json()
    assert (found["status"], found["active_revision"]) == ("active", 2)
    assert found["document"]["spec"]["paused"] is True
    refused = client.post("/api/v1/monitors/free-seats/resume", headers={"If-Match": '"1"'})
    assert refused.status_code == 412
    assert client.post("/api/v1/monitors/free-seats/resume").json()["revision"] == 3


def test_what_is_not_in_force_cannot_be_paused(client: TestClient) -> None:
    assert client.post("/api/v1/monitors/free-seats/pause").status_code == 404
    put(client)
    assert client.post("/api/v1/monitors/free-seats/pause").status_code == 409


def test_monitors_come_page_by_page(client: TestClient) -> None:
    for name in ("a", "b", "c"):
        put(client, name)
    first = client.get("/api/v1/monitors?limit=2").json()
    assert ([m["name"] for m in first["items"]], first["next"]) == (["a", "b"], "b")
    last = client.get("/api/v1/monitors?limit=2&after=b").json()
    assert ([m["name"] for m in last["items"]], last["next"]) == (["c"], None)


@pytest.mark.parametrize(
    ("query", "n"),
    [
        ("label=owner:transit", 1),
        ("label=owner:other", 0),
        ("label=owner:transit&label=a:b", 0),
        ("state=drift", 1),
        ("state=quiet", 0),
    ],
)
def test_monitors_are_chosen_by_label_and_state(
    watched: Database, client: TestClient, query: str, n: int
) -> None:
    assert len(client.get(f"/api/v1/monitors?{query}").json()["items"]) == n


def test_figures_of_windows_come_oldest_first(watched: Database, client: TestClient) -> None:
    found = client.get("/api/v1/monitors/free-seats/windows?limit=2").json()["items"]
    assert [(w["report"], w["verdict"]) for w in found] == [
        ("free-seats-5", "drift"),
        ("free-seats-6", "drift"),
    ]
    assert found[0]["outlier_share"] == pytest.approx(130 / 500)


def test_alerts_and_deliveries_are_chosen_by_state(told: None, client: TestClient) -> None:
    for kind, state, other in (
        ("alerts", "firing", "resolved"),
        ("deliveries", "delivered", "pending"),
    ):
        assert len(client.get(f"/api/v1/{kind}?state={state}").json()["items"]) == 1
        assert client.get(f"/api/v1/{kind}?state={other}").json() == {"items": []}
        assert client.get(f"/api/v1/{kind}?state=odd").status_code == 422
    assert client.get("/api/v1/alerts/alert-1").json()["cause"] == "drift"


def test_what_has_not_changed_is_not_sent_again(watched: Database, client: TestClient) -> None:
    path = "/api/v1/monitors/free-seats/reports"
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": f'"x", {first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    store_report(watched, report(7), FIRST_DAY + 7 * DAY)
    assert client.get(path, headers={"If-None-Match": first.headers["etag"]}).status_code == 200


def test_a_change_with_a_key_is_made_once(client: TestClient) -> None:
    body, key = monitor().to_json(), {"Idempotency-Key": "8e03978e"}
    first = client.put("/api/v1/monitors/free-seats", json=body, headers=key)
    client.delete("/api/v1/monitors/free-seats")
    again = client.put("/api/v1/monitors/free-seats", json=body, headers=key)
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert client.get("/api/v1/monitors/free-seats").status_code == 404


def test_a_key_is_for_one_request(client: TestClient) -> None:
    key = {"Idempotency-Key": "8e03978e"}
    client.delete("/api/v1/monitors/a", headers=key)
    assert client.delete("/api/v1/monitors/b", headers=key).status_code == 422
    assert client.delete("/api/v1/monitors/b", headers={"Idempotency-Key": ""}).status_code == 400


def test_the_secret_of_a_token_is_not_kept_for_repeats(client: TestClient) -> None:
    made = [
        client.post("/api/v1/tokens", json={"name": "a"}, headers={"Idempotency-Key": "k"}).json()
        for _ in range(2)
    ]
    assert made[0]["token"] != made[1]["token"]


def test_every_operation_says_what_it_does_and_how_it_fails(client: TestClient) -> None:
    described = client.get("/api/openapi.json").json()
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (path, method)
            assert "application/problem+json" in operation["responses"]["4XX"]["content"]
