import numpy as np
import orjson
import pytest

from detectors.reference import Reference
from monitor.aggregate.reading import (
    UnreadableError,
    dead_letter,
    monitor_of,
    read_labels,
    read_predictions,
)
from monitor.batches import ID, TIME, to_rows
from monitor.messages import JSON, Header, header
from monitor.records import Record
from tests.support.counted import monitor, predictions, record, registered


def plain(value: bytes, **headers: str) -> Record:
    pairs = [(name.replace("_", "-"), text.encode()) for name, text in headers.items()]
    return Record(topic="t", partition=1, offset=2, time=50.0, value=value, headers=pairs)


def test_the_header_names_the_monitor() -> None:
    assert monitor_of(plain(b"anything", monitor="seats")) == "seats"


def test_json_without_a_header_names_its_monitor_in_its_body() -> None:
    assert monitor_of(plain(b' {"monitor": "seats"}')) == "seats"


@pytest.mark.parametrize("value", [b"", b"{}", b"{", b'{"monitor": 1}', b"[]", b"ARROW1"])
def test_a_message_that_names_no_monitor_cannot_be_read(value: bytes) -> None:
    with pytest.raises(UnreadableError):
        monitor_of(plain(value))


def test_arrow_is_read(reference: Reference) -> None:
    batch = predictions(["a"], [10.0], np.zeros(1))
    read = read_predictions(record("t", 0, batch), registered(reference, monitor()))
    assert read.rows[ID].to_pylist() == ["a"]


def test_json_is_read_in_the_types_of_the_schema(reference: Reference) -> None:
    body = orjson.dumps({"monitor": "seats", "rows": [{"id": "a", "x": 1, "prediction": "no"}]})
    read = read_predictions(plain(body), registered(reference, monitor()))
    rows, ids, times = to_rows(read.rows, reference.schema)
    assert (ids, times.tolist()) == (["a"], [50.0])
    assert rows.columns["x"].tolist() == [1.0]  # type: ignore[union-attr]  # numeric


def test_json_labels_are_read(reference: Reference) -> None:
    body = orjson.dumps({"rows": [{"id": "a", "label": 2.5, "time": 7}]})
    read = read_labels(plain(body, content_type=JSON), registered(reference, monitor()))
    assert (read.rows["label"].to_pylist(), len(read.rows[TIME])) == ([2.5], 1)


@pytest.mark.parametrize(
    ("value", "content_type", "reason"),
    [
        (b"garbage", "application/vnd.apache.arrow.stream", "unreadable"),
        (b"{", JSON, "unreadable"),
        (b'{"rows": 1}', JSON, "unreadable"),
        (b'{"rows": [{"x": 1}]}', JSON, "unreadable"),
        (b"x", "text/plain", "unknown content type"),
    ],
)
def test_what_cannot_be_read_says_why(
    reference: Reference, value: bytes, content_type: str, reason: str
) -> None:
    with pytest.raises(UnreadableError) as caught:
        read_predictions(plain(value, content_type=content_type), registered(reference, monitor()))
    assert caught.value.reason == reason


def test_a_dead_letter_holds_the_original_and_its_cause() -> None:
    original = plain(b"garbage", monitor="seats")
    letter = dead_letter("dead", original, UnreadableError("unreadable", "not an Arrow stream"))
    assert (letter.topic, letter.value) == ("dead", b"garbage")
    assert header(letter.headers, Header.MONITOR) == "seats"
    assert header(letter.headers, Header.SOURCE) == "t/1/2"
    assert header(letter.headers, Header.REASON) == "not an Arrow stream"
