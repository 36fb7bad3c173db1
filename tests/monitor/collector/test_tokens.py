import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from monitor.collector.tokens import (
    ALL,
    NOBODY,
    Named,
    TokenError,
    Tokens,
    namespace_of_all,
    read_tokens,
)
from monitor.kafka.connecting import Broker
from monitor.up.supervisor import Supervisor
from tests.support.registrations import announce, registration
from tests.support.running_collector import request, start
from tests.support.waiting import wait_for


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write_lines(*lines: str) -> Path:
        path, new = tmp_path / "tokens", tmp_path / "tokens.new"
        new.write_text("\n".join(lines))
        return new.rename(path)

    return write_lines


def test_each_token_is_for_its_monitors_and_several_are_in_force(
    write: Callable[..., Path],
) -> None:
    lines = (
        "# old and new",
        digest("old") + " a b",
        "",
        digest("new").upper() + "  a",
        digest("x"),
    )
    tokens = Tokens(write(*lines))
    assert tokens.monitors(b"Bearer old") == Named.of(["a", "b"])
    assert tokens.monitors(b"bearer  new") == Named.of(["a"])
    assert tokens.monitors(b"Bearer x") is ALL


@pytest.mark.parametrize("header", [b"", b"Bearer", b"Bearer nobody", b"Basic x", b"x"])
def test_who_has_none_may_nothing(write: Callable[..., Path], header: bytes) -> None:
    assert Tokens(write(digest("x"))).monitors(header) is NOBODY


def test_a_changed_file_is_read_again(write: Callable[..., Path]) -> None:
    tokens = Tokens(write(digest("old")))
    write(digest("new"))
    assert tokens.monitors(b"Bearer new") is ALL
    assert tokens.monitors(b"Bearer old") is NOBODY


@pytest.mark.parametrize("lines", [["no digest"], []])
def test_a_change_that_cannot_be_read_changes_nothing(
    write: Callable[..., Path], lines: Sequence[str]
) -> None:
    tokens = Tokens(write(digest("old")))
    write(*lines)
    assert tokens.monitors(b"Bearer old") is ALL
    write().unlink()
    assert tokens.monitors(b"Bearer old") is ALL


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f holds no token"),
        ("# nothing", "f holds no token"),
        ("\nsecret", "f, line 2: not a SHA-256"),
        ("a" * 63, "f, line 1"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(text: str, message: str) -> None:
    with pytest.raises(TokenError, match=message):
        read_tokens(text, "f")


def test_a_collector_asks_for_tokens_where_rows_are_pushed(
    embedded_broker: Broker, supervisor: Supervisor, write: Callable[..., Path], tmp_path: Path
) -> None:
    announce(embedded_broker, registration(label="truth"))
    path = write(digest("mine") + " seats", digest("other") + " other", digest("root"))
    flags = ["--ingest-token-file", str(path)]
    collector = start(supervisor, embedded_broker, tmp_path / "spool", flags=flags)

    def push(token: str | None, where: str = "/v1/labels") -> int:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        body = b'{"monitor": "seats", "rows": []}'
        return request(collector.ingest, "POST", where, body, headers)[0]

    wait_for(lambda: push("root") == 202)
    assert [push(token) for token in ("mine", "other", "guess", None)] == [202, 403, 401, 401]
    assert [push(token, "/v1/events") for token in ("mine", "root", None)] == [401, 400, 401]
    assert request(collector.ingest, "GET", "/metrics")[0] == 200


def test_a_token_may_be_for_all_monitors_of_a_namespace(write: Callable[..., Path]) -> None:
    found = Tokens(write(digest("x") + " transit.* free-seats")).monitors(b"Bearer x")
    assert found is not None
    names = ("transit.seats", "free-seats", "billing.invoices", "transit")
    assert [name in found for name in names] == [True, True, False, False]


@pytest.mark.parametrize(
    ("written", "namespace"),
    [
        ("transit.*", "transit"),
        ("transit.a transit.b", "transit"),
        ("a b", "default"),
        ("transit.* billing.x", None),
        ("", None),
    ],
)
def test_whose_monitors_a_token_is_for_is_known_before_rows_come(
    write: Callable[..., Path], written: str, namespace: str | None
) -> None:
    found = Tokens(write(f"{digest('x')} {written}")).monitors(b"Bearer x")
    assert namespace_of_all(found) == namespace
