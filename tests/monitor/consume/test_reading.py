from collections.abc import Sequence

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.consume.reading import read_message, read_pair, request_id
from monitor.decoders import DecodeError
from monitor.kafka.records import Record
from tests.support.registrations import registration

NOON = 1_700_000_000.0
EVENT = {"ce_specversion": "1.0", "ce_id": "e", "ce_source": "s", "ce_type": "t"}


def record(value: object, **headers: str) -> Record:
    raw = value if isinstance(value, bytes) else orjson.dumps(value)
    named = [
        (name.replace("content_type", "content-type"), v.encode()) for name, v in headers.items()
    ]
    return Record(topic="t", partition=2, offset=5, time=NOON, value=raw, headers=named)


def read(value: object, **headers: str) -> tuple[Sequence[str], Sequence[float]]:
    _, rows = read_message(record(value, **headers))
    return rows.ids, rows.times


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ({"a": 1}, ["t/2/5"]),
        ({"id": "own", "a": 1}, ["own"]),
        ([{"a": 1}, {"a": 2, "id": "own"}], ["t/2/5/0", "own"]),
        ({"rows": [{"a": 1}]}, ["t/2/5"]),
        ({"columns": {"a": [1, 2]}}, ["t/2/5/0", "t/2/5/1"]),
        ({"columns": {"a": [1, 2], "id": ["x", "y"]}}, ["x", "y"]),
        ([], []),
        ({"id": None, "a": 1}, []),
    ],
    ids=range(8),
)
def test_rows_without_an_id_have_their_message_s_place(value: object, ids: list[str]) -> None:
    assert read(value)[0] == ids


def test_of_an_event_the_id_and_the_time_are_the_event_s() -> None:
    headers = {**EVENT, "ce_time": "2023-11-14T22:13:25Z"}
    assert read({"a": 1}, **headers) == (["e"], [NOON + 5])
    assert read({"a": 1}, **EVENT) == (["e"], [NOON])
    assert read({"a": 1, "id": "own", "time": 7}, **headers) == (["own"], [7.0])


def test_a_structured_event_is_read_as_its_data() -> None:
    event = {"specversion": "1.0", "id": "e", "source": "s", "type": "t", "data": [{"a": 1}]}
    assert read(event, content_type="application/cloudevents+json") == (["e"], [NOON])


@pytest.mark.parametrize(
    ("headers", "body", "name"),
    [
        ({"monitor": "m"}, {"monitor": "other", "rows": []}, "m"),
        ({}, {"monitor": "m", "rows": []}, "m"),
        ({}, {"a": 1}, None),
        ({}, {"monitor": 7}, None),
    ],
    ids=range(4),
)
def test_a_message_may_name_its_monitor(
    headers: dict[str, str], body: object, name: str | None
) -> None:
    assert read_message(record(body, **headers))[0] == name


@pytest.mark.parametrize(
    ("value", "headers", "reason"),
    [
        (b"{", {}, "not JSON"),
        (b"\xff", {}, "not JSON"),
        (7, {}, "wrong shape"),
        ({"rows": 7}, {}, "wrong shape"),
        ({"columns": [1]}, {}, "wrong shape"),
        ({"columns": {"a": [1], "b": []}}, {}, "wrong shape"),
        ({"a": 1}, {**EVENT, "ce_id": ""}, "wrong shape"),
        (b"no stream", {"content_type": "application/vnd.apache.arrow.stream"}, "wrong shape"),
        (b"[]", {"content_type": "application/cloudevents+json"}, "wrong shape"),
    ],
    ids=range(9),
)
def test_what_is_no_message_has_a_reason(
    value: object, headers: dict[str, str], reason: str
) -> None:
    with pytest.raises(DecodeError) as error:
        read_message(record(value, **headers))
    assert error.value.reason == reason


@given(st.binary(), st.dictionaries(st.sampled_from([*EVENT, "content_type"]), st.text()))
def test_no_message_does_worse_than_an_error(value: bytes, headers: dict[str, str]) -> None:
    try:
        read_message(record(value, **headers))
    except DecodeError:
        return


@given(st.binary(min_size=1), st.binary(min_size=1))
def test_no_pair_does_worse_than_an_error(asked: bytes, answered: bytes) -> None:
    answer = Record(
        topic="t", partition=0, offset=0, time=0.0, value=answered, headers=[("x-request-id", b"a")]
    )
    try:
        read_pair(record(asked), answer, registration())
    except DecodeError:
        return


def test_a_side_without_a_request_id_cannot_be_paired() -> None:
    with pytest.raises(DecodeError, match="x-request-id"):
        request_id(record({}))
