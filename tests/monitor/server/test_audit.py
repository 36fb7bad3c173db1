"""Every change is written down, and looking is not."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from monitor.sql import tables
from monitor.sql.database import Database
from tests.monitor.server.conftest import monitor


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One database is enough here."""
    return f"sqlite:///{tmp_path / 'driftmeter.db'}"


def said(client: TestClient) -> list[tuple[str, str, int]]:
    found = client.get("/api/v1/audit").json()["items"]
    return [(entry["what"], entry["path"], entry["status"]) for entry in found]


def test_changes_are_written_down_with_what_came_of_them(client: TestClient) -> None:
    path = "/api/v1/monitors/free-seats"
    client.put(path, json=monitor().to_json())
    client.delete(path)
    client.delete(path)
    client.get(path)
    assert said(client) == [
        ("Delete a monitor", path, 404),
        ("Delete a monitor", path, 204),
        ("Create or change a monitor", path, 202),
    ]


def test_who_asked_is_written_down(client: TestClient) -> None:
    client.delete("/api/v1/monitors/free-seats")
    (entry,) = client.get("/api/v1/audit").json()["items"]
    assert (entry["who"], entry["role"], entry["via"]) == ("local", "admin", "loopback")


def test_what_has_no_address_is_written_down_too(client: TestClient) -> None:
    client.post("/api/v1/nothing")
    assert said(client) == [("", "/api/v1/nothing", 404)]


def test_a_change_is_written_down_before_it_is_made(database: Database, client: TestClient) -> None:
    client.delete("/api/v1/monitors/free-seats")
    with database.write() as connection:
        connection.execute(tables.audit.update().values(status=None))
    assert "unknown" in client.get("/audit").text


def test_a_change_that_cannot_be_written_down_is_not_made(
    database: Database, client: TestClient
) -> None:
    with database.write() as connection:
        tables.audit.drop(connection)
    assert client.put("/api/v1/monitors/a", json=monitor("a").to_json()).is_server_error
    with database.read() as connection:
        assert connection.execute(select(tables.monitors)).all() == []


def test_the_audit_is_read_page_by_page(client: TestClient) -> None:
    for _ in range(3):
        client.delete("/api/v1/monitors/free-seats")
    first = client.get("/api/v1/audit?limit=2").json()["items"]
    rest = client.get(f"/api/v1/audit?before={first[-1]['n']}").json()["items"]
    assert [entry["n"] for entry in [*first, *rest]] == [3, 2, 1]
