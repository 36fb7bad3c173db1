"""Who calls, and what they may do."""

import ipaddress
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from monitor.server import identities
from monitor.server.access import Identify, Role, anyone, needed
from monitor.server.app import create_app
from monitor.server.identities import Proxy, read_tokens, secret_of
from monitor.sql.database import Database
from tests.monitor.server.conftest import NOW, monitor

ADMIN, OPERATOR, VIEWER = (f"{role}-token-0123456789abcdef" for role in ("adm", "opr", "vwr"))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One database is enough here."""
    return f"sqlite:///{tmp_path / 'driftmeter.db'}"


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text(f"# two lines\n{ADMIN}\n\n{OPERATOR} operator on call\n{VIEWER} viewer\n")
    return path


@pytest.fixture
def guarded(database: Database, tokens: Path) -> Iterator[TestClient]:
    in_file = identities.in_file(lambda: read_tokens(tokens))
    with serving(database, [in_file, identities.in_database(database, lambda: NOW)]) as client:
        yield client


def serving(database: Database, identify: Sequence[Identify]) -> TestClient:
    app = create_app(database, CollectorRegistry(), lambda: NOW, identify=identify)
    return TestClient(app, raise_server_exceptions=False, client=("127.0.0.1", 50_000))


@pytest.mark.parametrize("token", [ADMIN, OPERATOR, VIEWER])
def test_every_token_of_the_file_opens(guarded: TestClient, token: str) -> None:
    assert guarded.get("/api/v1/monitors", headers=bearer(token)).status_code == 200


@pytest.mark.parametrize(
    "header", [{}, bearer("wrong"), {"Authorization": f"Basic {ADMIN}"}, {"Cookie": "a=b"}]
)
def test_anything_else_is_refused(guarded: TestClient, header: dict[str, str]) -> None:
    answer = guarded.get("/api/v1/monitors", headers=header)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/login", "/static/driftmeter.css"])
def test_probes_and_the_login_need_no_token(guarded: TestClient, path: str) -> None:
    assert guarded.get(path).status_code == 200


def test_a_token_taken_out_of_the_file_no_longer_opens(guarded: TestClient, tokens: Path) -> None:
    tokens.write_text(VIEWER)
    assert guarded.get("/api/v1/monitors", headers=bearer(ADMIN)).status_code == 401


@pytest.mark.parametrize(("token", "status"), [(VIEWER, 403), (OPERATOR, 202), (ADMIN, 202)])
def test_only_operators_declare_monitors(guarded: TestClient, token: str, status: int) -> None:
    body = monitor().to_json()
    answer = guarded.put("/api/v1/monitors/free-seats", json=body, headers=bearer(token))
    assert answer.status_code == status


@pytest.mark.parametrize("path", ["/api/v1/tokens", "/api/v1/audit", "/tokens", "/audit"])
def test_only_admins_see_tokens_and_audit(guarded: TestClient, path: str) -> None:
    assert guarded.get(path, headers=bearer(OPERATOR)).status_code == 403
    assert guarded.get(path, headers=bearer(ADMIN)).status_code == 200


def test_a_longer_word_is_another_address() -> None:
    assert needed("GET", "/api/v1/tokens/a") is Role.ADMIN
    assert needed("GET", "/tokensandmore") is Role.VIEWER


def test_a_made_token_opens_until_it_is_revoked(guarded: TestClient) -> None:
    wanted = {"name": "grafana", "role": "viewer", "days": 1}
    made = guarded.post("/api/v1/tokens", json=wanted, headers=bearer(ADMIN)).json()
    assert guarded.get("/metrics", headers=bearer(made["token"])).status_code == 200
    guarded.delete(f"/api/v1/tokens/{made['id']}", headers=bearer(ADMIN))
    assert guarded.get("/metrics", headers=bearer(made["token"])).status_code == 401
    (listed,) = guarded.get("/api/v1/tokens", headers=bearer(ADMIN)).json()["items"]
    assert (listed["state"], listed["created_by"]) == ("revoked", "a admin")
    assert made["token"] not in str(listed)


def test_a_token_expires(database: Database) -> None:
    now = NOW
    with serving(database, [anyone]) as client:
        made = client.post("/api/v1/tokens", json={"name": "ci", "days": 1}).json()["token"]
    with serving(database, [identities.in_database(database, lambda: now)]) as client:
        assert client.get("/metrics", headers=bearer(made)).status_code == 200
        now += 86_401
        assert client.get("/metrics", headers=bearer(made)).status_code == 401


def test_a_token_that_nobody_could_be_told_of_is_not_made(guarded: TestClient) -> None:
    for wanted in ({}, {"name": "x", "role": "root"}, {"name": "x", "days": 0}, {"nme": "x"}):
        answer = guarded.post("/api/v1/tokens", json=wanted, headers=bearer(ADMIN))
        assert answer.status_code == 422


def test_a_browser_logs_in_goes_on_where_it_was_and_logs_out(guarded: TestClient) -> None:
    html = {"accept": "text/html"}
    asked = guarded.get("/alerts?state=firing", headers=html, follow_redirects=False)
    assert asked.headers["location"] == "/login?next=/alerts%3Fstate%3Dfiring"
    form = {"token": f" {VIEWER} ", "next": "/alerts?state=firing"}
    there = guarded.post("/login", data=form, follow_redirects=False)
    assert there.headers["location"] == "/alerts?state=firing"
    assert {"HttpOnly", "SameSite=strict"} <= set(there.headers["set-cookie"].split("; "))
    assert "a viewer, viewer" in guarded.get("/alerts", headers=html).text
    guarded.post("/logout")
    assert guarded.get("/alerts").status_code == 401


@pytest.mark.parametrize("there", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_a_login_leads_to_no_other_site(guarded: TestClient, there: str) -> None:
    answer = guarded.post("/login", data={"token": "x", "next": there}, follow_redirects=False)
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_sites_page_changes_nothing(client: TestClient, headers: dict[str, str]) -> None:
    answer = client.post("/tokens", data={"name": "mine"}, headers=headers)
    assert answer.status_code == 403
    assert client.get("/api/v1/tokens").json() == {"items": []}


def test_a_page_of_ours_may_ask_for_changes(client: TestClient) -> None:
    headers = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/tokens", data={"name": "mine"}, headers=headers).status_code == 200


PROXY = Proxy(
    networks=[ipaddress.ip_network("127.0.0.0/8")], admins=["platform"], operators=["oncall"]
)


@pytest.mark.parametrize(
    ("groups", "role"),
    [("platform, oncall", "admin"), ("x,oncall", "operator"), ("x", "viewer"), ("", "viewer")],
)
def test_a_proxy_says_who_calls_and_of_which_groups(
    database: Database, groups: str, role: str
) -> None:
    headers = {"X-Forwarded-User": "ada", "X-Forwarded-Groups": groups, "accept": "text/html"}
    with serving(database, [PROXY]) as client:
        assert f"ada, {role}" in client.get("/", headers=headers).text


def test_nobody_but_the_proxy_is_believed(database: Database) -> None:
    elsewhere = Proxy(networks=[ipaddress.ip_network("10.0.0.0/8")])
    with serving(database, [elsewhere]) as client:
        headers = {"X-Forwarded-User": "ada"}
        assert client.get("/api/v1/monitors", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("# none\n", "no token"),
        ("short\n", "shorter"),
        (f"{ADMIN} root\n", "'root' is not a role"),
    ],
)
def test_a_useless_file_of_tokens_is_refused(tmp_path: Path, content: str, what: str) -> None:
    (tmp_path / "tokens").write_text(content)
    with pytest.raises(ValueError, match=what):
        read_tokens(tmp_path / "tokens")


def test_the_token_that_may_do_most_is_taken_to_act(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(f"{VIEWER} viewer\n{OPERATOR} operator\n")
    assert secret_of(tmp_path / "tokens") == OPERATOR
