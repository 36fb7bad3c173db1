import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson
import pytest

from monitor.batches import decode
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
from tests.monitor.collector.test_sagemaker_captures import line
from tests.monitor.collector.test_sink import V1, ce
from tests.support.kafka_topics import read_until
from tests.support.registrations import announce, registration
from tests.support.running_collector import request, start
from tests.support.waiting import wait_for

CAPTURES = "/v1/sagemaker-captures?model=seats"


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
    assert [push(token, "/v1/events") for token in ("mine", "root", None)] == [400, 400, 401]
    assert request(collector.ingest, "GET", "/metrics")[0] == 200


def test_what_is_logged_with_a_token_is_taken_where_it_is_for_the_monitor(
    embedded_broker: Broker, supervisor: Supervisor, write: Callable[..., Path], tmp_path: Path
) -> None:
    announce(embedded_broker, registration())
    path = write(digest("mine") + " seats", digest("other") + " other")
    flags = ["--ingest-token-file", str(path)]
    collector = start(supervisor, embedded_broker, tmp_path / "spool", flags=flags)

    def post(token: str, where: str, body: bytes, headers: dict[str, str]) -> int:
        headers = {**headers, "Authorization": f"Bearer {token}"}
        return request(collector.ingest, "POST", where, body, headers)[0]

    wait_for(lambda: post("mine", CAPTURES, b"", {}) == 202)
    assert post("other", CAPTURES, line(), {}) == 403
    assert post("mine", CAPTURES, line(inferenceId="captured"), {}) == 202
    for token in ("other", "mine"):
        for side, body in zip(("request", "response"), V1, strict=True):
            assert post(token, "/v1/events", orjson.dumps(body), ce(side, f"of-{token}")) == 200
    topic = embedded_broker.topics.predictions
    found = read_until(embedded_broker, topic, lambda records: len(records) == 2)
    ids = {row["dm.id"] for record in found for row in decode(record.value).to_pylist()}
    assert ids == {"captured", "of-mine"}
    assert collector.count('failed_total{reason="no monitor"}') == 1


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
