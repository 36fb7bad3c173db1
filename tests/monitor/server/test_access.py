"""Bearer tokens in front of an application."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from monitor.server.access import BearerTokens, read_tokens

OLD, NEW = "old-token-0123456789abcdef", "new-token-0123456789abcdef"


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text(f"# two at once, for rotation\n{OLD}\n\n{NEW}\n")
    return path


@pytest.fixture
def client(tokens: Path) -> TestClient:
    app = FastAPI()

    @app.get("/{path:path}")
    def anything(path: str) -> str:
        return path

    return TestClient(BearerTokens(app, lambda: read_tokens(tokens)))


@pytest.mark.parametrize("token", [OLD, NEW])
def test_either_token_of_the_file_opens(client: TestClient, token: str) -> None:
    assert client.get("/a", headers={"Authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.parametrize(
    "header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {OLD}"}]
)
def test_anything_else_is_refused(client: TestClient, header: dict[str, str]) -> None:
    answer = client.get("/a", headers=header)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_probes_need_no_token(client: TestClient) -> None:
    assert client.get("/healthz").status_code == 200


def test_a_token_taken_out_of_the_file_no_longer_opens(client: TestClient, tokens: Path) -> None:
    tokens.write_text(NEW)
    assert client.get("/a", headers={"Authorization": f"Bearer {OLD}"}).status_code == 401


@pytest.mark.parametrize(("content", "what"), [("# none\n", "no token"), ("short\n", "shorter")])
def test_a_useless_file_of_tokens_is_refused(tmp_path: Path, content: str, what: str) -> None:
    (tmp_path / "tokens").write_text(content)
    with pytest.raises(ValueError, match=what):
        read_tokens(tmp_path / "tokens")
