"""Two tenants of one installation: neither learns anything of the other."""

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request
from fastapi.testclient import TestClient
from sqlalchemy import insert, select
from starlette.routing import Route

from monitor.server import identities
from monitor.server.access import Role
from monitor.server.identities import Proxy, read_tokens
from monitor.spec.model import Monitor
from monitor.sql import registry, silences, tables
from monitor.sql.database import Database
from tests.monitor.retraining.days import Days, subscription
from tests.monitor.retraining.days import monitor as retrained
from tests.monitor.server.conftest import FIRST_DAY, NOW, report, store_report
from tests.monitor.server.test_access import bearer, serving

ROOT = "root-token-0123456789abcdef"
TRANSIT, BILLING = (f"{name}-token-0123456789abcdef" for name in ("transit", "billing"))
MONITORS = {"transit": "transit.seats", "billing": "billing.invoices"}
OTHERS = re.compile("invoices|pager-of-billing")
"""What is nowhere to be read but by the one of the tenants."""

IDS = {
    "alert_id": "alert-{name}",
    "delivery_id": "delivery_{hex}",
    "endpoint_id": "endpoint_{hex}",
    "retrain_id": "{retrain}",
    "report_id": "{name}-0",
    "silence_id": "silence-{name}",
    "name": "{name}",
    "revision": "1",
    "column": "boarded",
    "channel": "pager",
    "token_id": "{token}",
    "letter_id": "1",
}


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One database is enough here."""
    return f"sqlite:///{tmp_path / 'driftmeter.db'}"


def watched(namespace: str) -> Monitor:
    """With a channel that both tell, and a name of its own for a webhook."""
    made = retrained({"webhooks": []}, owner=f"pager-of-{namespace}")
    name = MONITORS[namespace].partition(".")[2]
    metadata = made.metadata.model_copy(update={"namespace": namespace, "name": name})
    return made.model_copy(update={"metadata": metadata})


def fill(database: Database, namespace: str) -> None:
    """Something of every kind that is kept."""
    made = watched(namespace)
    with database.write() as connection:
        put = registry.put(connection, made, NOW)
        registry.activate(connection, put, "sha256:" + "0" * 64, ())
    store_report(database, report(0, name=made.name), FIRST_DAY)
    Days(database, made).drift()
    told = delivery(namespace, made.name)
    place = {"place": told["place"], "target": told["target"], "n_failed": 0}
    silence = {"id": f"silence-{made.name}", "matchers": [f"monitor={made.name}"]}
    times = {"starts_at": NOW, "ends_at": NOW + 60, "created_at": NOW}
    words = {"comment": f"pager-of-{namespace}", "created_by": namespace}
    with database.write() as connection:
        connection.execute(insert(tables.alerts), alert(made.name))
        connection.execute(insert(tables.outbox), told)
        connection.execute(insert(tables.endpoints), place)
        row = silence | times | words | {"namespaces": [namespace]}
        connection.execute(insert(tables.silences), row)


def alert(name: str) -> dict[str, Any]:
    moments = dict.fromkeys(("started_at", "updated_at", "firing_at"), FIRST_DAY)
    facts = {"reason": "strong window", "evidence": 4e5, "threshold": 180.0, "columns": []}
    own = {"id": f"alert-{name}", "monitor": name, "cause": "drift", "window_s": 86_400.0}
    return own | moments | {"state": "firing", "body": facts}


def delivery(namespace: str, name: str) -> dict[str, Any]:
    own = {"id": f"delivery_{namespace.encode().hex()}", "monitor": name, "kind": "alert"}
    where = {
        "place": f"endpoint_{namespace.encode().hex()}",
        "endpoint": f"pager-of-{namespace}",
        "target": {"kind": "webhook", "url": f"https://pager-of-{namespace}.example"},
    }
    said = {"id": "n1", "type": "driftmeter.alert.firing", "time": "2020-03-09T00:00:00Z"}
    times = {"at": NOW, "created_at": NOW, "next_attempt_at": NOW, "n_attempts": 0, "n_failed": 0}
    return own | where | times | {"payload": said, "state": "pending", "alert": f"alert-{name}"}


@pytest.fixture
def filled(database: Database) -> Database:
    for namespace in MONITORS:
        fill(database, namespace)
    return database


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    lines = (f"{ROOT}", f"{TRANSIT} admin@transit ci", f"{BILLING} admin@billing ci")
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def client(filled: Database, tokens: Path) -> Iterator[TestClient]:
    known = [
        identities.in_file(lambda: read_tokens(tokens)),
        identities.in_database(filled, lambda: NOW),
    ]
    with serving(filled, known) as opened:
        secret = {"name": "of billing", "namespaces": ["billing"]}
        made = opened.post("/api/v1/tokens", json=secret, headers=bearer(ROOT)).json()
        opened.headers.update({"x-token-id": made["id"]})
        named = subscription("billing.nightly-invoices", select={"namespaces": ["billing"]})
        address = "/api/v1/subscriptions/billing.nightly-invoices"
        assert opened.put(address, json=named.to_json(), headers=bearer(ROOT)).is_success
        yield opened


def addresses(client: TestClient, database: Database, namespace: str) -> Iterator[tuple[str, str]]:
    """Every method and address of the application, with the ids of a tenant's."""
    name = MONITORS[namespace]
    with database.read() as connection:
        t = tables.retrains
        retrain = connection.scalar(select(t.c.id).where(t.c.monitor == name))
    said = {
        "name": name,
        "hex": namespace.encode().hex(),
        "retrain": retrain,
        "token": client.headers["x-token-id"],
    }
    ids = {key: text.format_map(said) for key, text in IDS.items()}
    app: Any = client.app
    for route in routes(app):
        path = re.sub(r"\{(\w+)(:path)?\}", lambda found: ids[found[1]], route.path)
        yield from ((method, path) for method in sorted(route.methods or ()))


def routes(of: Any) -> Iterator[Route]:
    """Of an application, or of what it includes."""
    for one in of.routes:
        if isinstance(one, Route):
            yield one
        elif included := getattr(one, "original_router", None):
            yield from routes(included)


def test_no_answer_to_a_tenant_tells_of_another(client: TestClient, filled: Database) -> None:
    shown = 0
    for method, path in addresses(client, filled, "transit"):
        if method == "GET" and path not in ("/docs", "/api/openapi.json"):
            answer = client.get(path, headers=bearer(TRANSIT) | {"accept": "text/html, */*"})
            shown += answer.is_success
            assert not OTHERS.search(answer.text), path
    assert shown > 25


def test_what_is_anothers_is_not_there(client: TestClient, filled: Database) -> None:
    own = {path for _, path in addresses(client, filled, "transit")}
    for method, path in addresses(client, filled, "billing"):
        if method == "GET" and path not in own:
            answer = client.get(path, headers=bearer(TRANSIT))
            assert answer.status_code in (403, 404), path


def test_what_is_anothers_cannot_be_changed(client: TestClient, filled: Database) -> None:
    before = contents(filled)
    own = {path for _, path in addresses(client, filled, "transit")}
    for method, path in addresses(client, filled, "billing"):
        if method not in ("GET", "HEAD") and path not in own:
            answer = client.request(method, path, headers=bearer(TRANSIT), json={})
            assert answer.status_code in (401, 403, 404, 422, 503), (method, path)
    assert contents(filled) == before


def contents(database: Database) -> dict[str, Any]:
    """All that is kept, but for who asked for it."""
    with database.read() as connection:
        return {
            name: connection.execute(select(table)).all()
            for name, table in tables.metadata.tables.items()
            if name not in ("audit", "repeats")
        }


def test_the_operator_sees_both(client: TestClient) -> None:
    found = client.get("/api/v1/monitors", headers=bearer(ROOT)).json()["items"]
    assert [one["name"] for one in found] == sorted(MONITORS.values())


def test_metrics_are_of_the_own_monitors_and_tell_nothing_of_the_process(
    client: TestClient,
) -> None:
    own = client.get("/metrics", headers=bearer(TRANSIT)).text
    assert 'driftmeter_monitor_rows{monitor="transit.seats"} 500' in own
    assert 'driftmeter_tenant_used{resource="monitors",tenant="transit"} 1.0' in own
    assert "billing" not in own
    everybodys = client.get("/metrics", headers=bearer(ROOT)).text
    assert 'monitor="billing.invoices"' in everybodys


def test_an_address_of_anothers_is_refused_alike_whether_there_is_something_or_not(
    client: TestClient,
) -> None:
    said = [
        client.get(f"/api/v1/monitors/{name}", headers=bearer(TRANSIT)).json()["detail"]
        for name in ("billing.invoices", "billing.nothing")
    ]
    assert said[0].replace("invoices", "nothing") == said[1]


def test_a_token_for_a_namespace_declares_monitors_there_alone(client: TestClient) -> None:
    document = watched("transit").to_json()
    answers = [
        client.put(f"/api/v1/monitors/{name}", json=document, headers=bearer(token))
        for name, token in (("transit.seats", TRANSIT), ("transit.seats", BILLING))
    ]
    assert [one.status_code for one in answers] == [202, 403]


def test_an_admin_of_a_namespace_makes_tokens_for_no_other(client: TestClient) -> None:
    def make(**wanted: object) -> Any:
        return client.post("/api/v1/tokens", json={"name": "x", **wanted}, headers=bearer(TRANSIT))

    assert make().json()["namespaces"] == ["transit"]
    assert make(namespaces=["billing"]).status_code == 403
    assert make(namespaces=["transit", "billing"]).status_code == 403
    secret = make(role="admin").json()["token"]
    found = client.get("/api/v1/tokens", headers=bearer(secret)).json()["items"]
    assert {tuple(one["namespaces"]) for one in found} == {("transit",)}


def test_the_page_of_tokens_makes_one_for_some_namespaces(client: TestClient) -> None:
    form = {"name": "two", "role": "viewer", "namespaces": "transit, billing", "days": ""}
    page = client.post("/tokens", data=form, headers=bearer(ROOT))
    assert "transit, billing" in page.text
    found = client.get("/api/v1/tokens", headers=bearer(ROOT)).json()["items"]
    assert ["transit", "billing"] in [sorted(one["namespaces"], reverse=True) for one in found]


def test_the_audit_is_the_operators(client: TestClient) -> None:
    for path in ("/audit", "/api/v1/audit"):
        assert client.get(path, headers=bearer(TRANSIT)).status_code == 403
        assert client.get(path, headers=bearer(ROOT)).status_code == 200


def test_a_tenants_silence_hushes_its_own_alerts_whatever_it_matches(
    client: TestClient, filled: Database
) -> None:
    wanted = {"matchers": ["severity!=critical", "cause=drift"], "duration": "1h"}
    made = client.post("/api/v1/silences", json=wanted, headers=bearer(TRANSIT)).json()
    assert made["namespaces"] == ["transit"]
    with filled.read() as connection:
        found = next(one for one in silences.active(connection, NOW) if one.id == made["id"])
    labels = {"severity": "warning", "cause": "drift"}
    hushed = [found.hushes(labels | {"monitor": name}, NOW) for name in MONITORS.values()]
    assert hushed == [True, False]


def test_a_silence_of_the_default_namespace_is_of_names_without_a_dot(database: Database) -> None:
    times = {"starts_at": NOW, "ends_at": NOW + 60, "created_at": NOW}
    row = {"id": "s", "matchers": ["cause=drift"], "comment": "", "created_by": "", **times}
    with database.write() as connection:
        connection.execute(insert(tables.silences), row | {"namespaces": ["default"]})
        [found] = silences.active(connection, NOW)
    names = ("seats", "default.seats", "billing.seats")
    assert [found.hushes({"cause": "drift", "monitor": name}, NOW) for name in names] == [
        True,
        True,
        False,
    ]


def test_a_tenants_subscription_is_to_its_own_monitors(client: TestClient) -> None:
    address = "/api/v1/subscriptions/transit.nightly"
    wanted = subscription("transit.nightly").to_json()
    made = client.put(address, json=wanted, headers=bearer(TRANSIT)).json()
    assert made["spec"]["select"]["namespaces"] == ["transit"]
    greedy = subscription("transit.nightly", select={"namespaces": ["billing"]}).to_json()
    assert client.put(address, json=greedy, headers=bearer(TRANSIT)).status_code == 403


def test_a_subscription_of_the_operator_is_not_taken_over_by_a_tenant(client: TestClient) -> None:
    address, wanted = "/api/v1/subscriptions/transit.all", subscription("transit.all").to_json()
    assert client.put(address, json=wanted, headers=bearer(ROOT)).is_success
    assert client.put(address, json=wanted, headers=bearer(TRANSIT)).status_code == 403
    assert client.delete(address, headers=bearer(TRANSIT)).status_code == 404


def test_one_key_of_two_tenants_is_two_keys(client: TestClient) -> None:
    wanted = {"matchers": ["cause=drift"], "duration": "1h"}
    ids = [
        client.post(
            "/api/v1/silences",
            json=wanted,
            headers=bearer(token) | {"Idempotency-Key": "the same"},
        ).json()["id"]
        for token in (TRANSIT, BILLING, TRANSIT)
    ]
    assert ids[0] == ids[2] != ids[1]


@pytest.mark.parametrize(
    ("groups", "role", "namespaces"),
    [
        ("seats", Role.VIEWER, ["transit"]),
        ("seats,oncall", Role.OPERATOR, ["transit"]),
        ("seats,bills", Role.VIEWER, ["billing", "transit"]),
        ("root", Role.ADMIN, None),
        ("root,bills", Role.ADMIN, ["billing"]),
        ("oncall", Role.OPERATOR, []),
    ],
)
def test_groups_of_a_proxys_users_say_what_they_see(
    groups: str, role: Role, namespaces: list[str] | None
) -> None:
    proxy = Proxy(
        networks=[ipaddress.ip_network("10.0.0.0/8")],
        admins=["root"],
        operators=["oncall"],
        members=[("seats", "transit"), ("bills", "billing")],
    )
    scope = {
        "type": "http",
        "client": ("10.1.2.3", 5),
        "headers": [(b"x-forwarded-user", b"ann"), (b"x-forwarded-groups", groups.encode())],
    }
    found = proxy(Request(scope))
    assert found is not None
    assert (found.role, found.namespaces.to_json()) == (role, namespaces)


@pytest.mark.parametrize("line", ["viewer@", "viewer@Transit", "viewer@a,,b"])
def test_a_file_with_a_namespace_that_is_none_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "tokens"
    path.write_text(f"{ROOT} {line} x\n")
    with pytest.raises(ValueError, match="is not a namespace"):
        read_tokens(path)
