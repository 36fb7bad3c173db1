"""Whose monitors there are, how they are, and how much of their quotas they use."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from monitor.server import identities
from monitor.server.app import create_app
from monitor.server.identities import read_tokens
from monitor.spec.quotas import Quota
from monitor.sql import registry
from monitor.sql.database import Database
from tests.monitor.server.conftest import DAY, FIRST_DAY, NOW, monitor, report, store_report
from tests.monitor.server.test_access import bearer

ROOT, TRANSIT = (f"{name}-token-0123456789abcdef" for name in ("root", "transit"))
NAMES = ("transit.seats", "transit.trams", "seats")


class ThreeMonitors:
    """What each namespace may have."""

    def of(self, _namespace: str, /) -> Quota:
        return Quota(monitors=3, rows_per_second=2_000)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One database is enough here."""
    return f"sqlite:///{tmp_path / 'driftmeter.db'}"


@pytest.fixture
def client(database: Database, tmp_path: Path) -> Iterator[TestClient]:
    """Of a server with two namespaces, in one of which a monitor drifts."""
    with database.write() as connection:
        for name in NAMES:
            put = registry.put(connection, monitor(name), NOW)
            registry.activate(connection, put, "sha256:" + "0" * 64, ())
    for day, name in ((6, "transit.seats"), (0, "transit.trams")):
        store_report(database, report(day, name=name, n_rows=864_000), FIRST_DAY + day * DAY)
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{ROOT}\n{TRANSIT} viewer@transit\n")
    known = [identities.in_file(lambda: read_tokens(tokens))]
    app = create_app(
        database, CollectorRegistry(), lambda: NOW, identify=known, quotas=ThreeMonitors()
    )
    with TestClient(app, headers=bearer(ROOT)) as opened:
        yield opened


def cells(page: str, namespace: str) -> str:
    """The row of a namespace as plain words."""
    row = page.partition(f">{namespace}</a>")[2].partition("</tr>")[0]
    return " ".join(re.sub("<[^>]*>", " ", row).split())


def test_a_namespace_says_how_its_monitors_are_and_what_they_use(client: TestClient) -> None:
    page = client.get("/namespaces").text
    assert cells(page, "transit") == "1 drift 1 quiet 2 of 3 0 20 of 2 000"
    assert cells(page, "default") == "1 waiting 1 of 3 0 0 of 2 000"


def test_who_is_confined_to_a_namespace_sees_that_one(client: TestClient) -> None:
    page = client.get("/namespaces", headers=bearer(TRANSIT)).text
    assert cells(page, "transit").startswith("1 drift 1 quiet 2 of 3")
    assert "default" not in page


def test_a_namespace_leads_to_its_monitors(client: TestClient) -> None:
    assert "of 2 namespaces" in client.get("/").text
    shown = client.get("/", params={"q": "namespace:default"}).text
    assert "/monitors/seats" in shown
    assert "/monitors/transit" not in shown
    assert "of 2 namespaces" not in client.get("/", headers=bearer(TRANSIT)).text
