"""The API of silences and maintenance windows."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.monitor.server.conftest import NOW

SILENCES = "/api/v1/silences"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One database is enough here."""
    return f"sqlite:///{tmp_path / 'driftmeter.db'}"


def post(client: TestClient, **request: Any) -> Any:
    return client.post(SILENCES, json={"matchers": ["monitor=free-seats"], **request})


def states(client: TestClient, *, ended: bool = False) -> list[str]:
    items = client.get(f"{SILENCES}?ended={ended}").json()["items"]
    return [one["state"] for one in items]


def test_a_silence_begins_is_shown_and_ended(client: TestClient) -> None:
    made = post(client, duration="2h", comment="rails", created_by="ada")
    assert made.status_code == 201
    body = made.json()
    assert (body["state"], body["comment"], body["created_by"]) == ("active", "rails", "ada")
    assert client.get(f"{SILENCES}/{body['id']}").json() == body
    assert client.delete(f"{SILENCES}/{body['id']}").status_code == 204
    assert states(client) == []
    assert states(client, ended=True) == ["ended"]


def test_one_may_begin_later(client: TestClient) -> None:
    post(client, starts_at="2038-01-01T00:00:00Z", ends_at="2038-01-02T00:00:00Z")
    assert states(client) == ["pending"]


def test_a_maintenance_window_returns_until_it_is_ended(client: TestClient) -> None:
    weekly = {"days": ["sat"], "from": "02:00", "to": "04:00", "timezone": "Europe/Berlin"}
    body = post(client, weekly=weekly).json()
    assert (body["state"], body["ends_at"], body["weekly"]) == ("active", None, weekly)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({}, "a silence ends"),
        ({"duration": "2h", "ends_at": "2038-01-01T00:00:00Z"}, "not both"),
        ({"ends_at": "1999-01-01T00:00:00Z"}, "over before it begins"),
        ({"duration": "400d"}, "a year at most"),
        ({"duration": "2h", "matchers": []}, "at least 1"),
        ({"duration": "2h", "matchers": ["a=~.*"]}, "take every alert"),
        ({"duration": "2h", "matchers": ["nonsense"]}, "is no matcher"),
        ({"weekly": {"from": "2am", "to": "04:00"}}, "no time of the day"),
        ({"weekly": {"from": "02:00", "to": "04:00", "timezone": "Mars"}}, "no time zone"),
        ({"duration": "2h", "unknown": 1}, "not permitted"),
    ],
)
def test_what_makes_no_silence_is_refused(
    client: TestClient, request_: dict[str, Any], said: str
) -> None:
    answer = post(client, **request_)
    assert answer.status_code == 422
    assert said in answer.text


def test_a_silence_that_is_not_known_is_not_found(client: TestClient) -> None:
    assert client.get(f"{SILENCES}/x").status_code == 404
    assert client.delete(f"{SILENCES}/x").status_code == 404


def test_times_are_those_of_the_clock(client: TestClient) -> None:
    assert post(client, duration="2h").json()["starts_at"].startswith("2020-04-08")
    assert NOW == 1_586_304_000.0
