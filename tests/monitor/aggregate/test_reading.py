import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.reference import Reference
from monitor.aggregate.reading import (
    MAX_MODEL_VERSION_LENGTH,
    UnreadableError,
    dead_letter,
    model_version_of,
    monitor_of,
    read_labels,
    read_predictions,
)
from monitor.batches import ID, TIME, to_rows
from monitor.kafka.messages import JSON, Header, header
from monitor.kafka.records import Record
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


@given(st.binary(max_size=200))
def test_a_model_s_version_can_be_kept_and_shown_whatever_it_is(said: bytes) -> None:
    headers = [(Header.MODEL_VERSION.value, said)]
    version = model_version_of(Record("t", 1, 2, 50.0, b"", headers))
    assert version.isprintable()
    assert len(version) <= MAX_MODEL_VERSION_LENGTH


def test_arrow_is_read(reference: Reference) -> None:
    batch = predictions(["a"], [10.0], np.zeros(1))
    read, _ = read_predictions([record("t", 0, batch)], registered(reference, monitor()))
    assert read[0].rows[ID].to_pylist() == ["a"]


def test_json_is_read_in_the_types_of_the_schema(reference: Reference) -> None:
    body = orjson.dumps({"monitor": "seats", "rows": [{"id": "a", "x": 1, "prediction": "no"}]})
    (read,), _ = read_predictions([plain(body)], registered(reference, monitor()))
    rows, ids, times = to_rows(read.rows, reference.schema)
    assert (ids, times.tolist()) == (["a"], [50.0])
    assert rows.columns["x"].tolist() == [1.0]  # type: ignore[union-attr]  # numeric
    assert read.mismatched == {2: {"prediction": 1}}


def test_json_labels_are_read(reference: Reference) -> None:
    body = orjson.dumps({"rows": [{"id": "a", "label": 2.5, "time": 7}]})
    (read,), _ = read_labels([plain(body, content_type=JSON)], registered(reference, monitor()))
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
    poison = plain(value, content_type=content_type)
    read, refused = read_predictions([poison], registered(reference, monitor()))
    assert read == []
    assert [(record, error.reason) for record, error in refused] == [(poison, reason)]


def row(offset: int, **values: object) -> Record:
    body = {"rows": [{"id": f"{offset}", "x": 1.0, "prediction": 2.0, **values}]}
    return Record(topic="t", partition=1, offset=offset, time=50.0, value=orjson.dumps(body))


def read_rows(
    reference: Reference, records: list[Record]
) -> tuple[list[tuple[str, int]], list[int]]:
    """Ids and offsets of the rows, and the offsets of what was refused."""
    read, refused = read_predictions(records, registered(reference, monitor()))
    ids = [i for batch in read for i in batch.rows[ID].to_pylist()]
    offsets = [offset for batch in read for offset in batch.offsets.tolist()]
    return list(zip(ids, offsets, strict=True)), [record.offset for record, _ in refused]


def test_many_json_messages_are_one_batch(reference: Reference) -> None:
    read, _ = read_predictions([row(i) for i in range(9)], registered(reference, monitor()))
    assert [batch.rows.num_rows for batch in read] == [9]
    assert read[0].offsets.tolist() == list(range(9))


@given(bad=st.sets(st.integers(0, 30)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_messages_that_cannot_be_read_cost_the_others_nothing(
    reference: Reference, bad: set[int]
) -> None:
    records = [row(i, time="never") if i in bad else row(i) for i in range(31)]
    rows, refused = read_rows(reference, records)
    assert sorted(rows) == sorted((f"{i}", i) for i in range(31) if i not in bad)
    assert sorted(refused) == sorted(bad)


def test_values_of_another_type_are_told_of_their_own_message(reference: Reference) -> None:
    records = [row(0), row(1, x="no"), row(2, x=None), row(3, prediction=[1], x="no")]
    (read,), _ = read_predictions(records, registered(reference, monitor()))
    assert read.mismatched == {1: {"x": 1}, 3: {"x": 1, "prediction": 1}}


def test_messages_with_other_columns_are_read_together(reference: Reference) -> None:
    odd = Record(
        topic="t", partition=1, offset=1, time=50.0, value=b'{"rows": [{"id": "b"}, {"id": "c"}]}'
    )
    rows, refused = read_rows(reference, [row(0), odd, row(2)])
    assert rows == [("0", 0), ("b", 1), ("c", 1), ("2", 2)]
    assert refused == []


def test_it_is_said_beforehand_what_is_read(reference: Reference) -> None:
    told: list[tuple[int, int]] = []
    records = [row(0), row(1, time="never"), record("t", 2, predictions(["a"], [1.0], np.zeros(1)))]
    read_predictions(
        records,
        registered(reference, monitor()),
        lambda first, last: told.append((first.offset, last.offset)),
    )
    assert told == [(0, 1), (0, 0), (1, 1), (1, 1), (2, 2)]


def test_a_dead_letter_holds_the_original_and_its_cause() -> None:
    original = plain(b"garbage", monitor="seats")
    letter = dead_letter("dead", original, UnreadableError("unreadable", "not an Arrow stream"))
    assert (letter.topic, letter.value) == ("dead", b"garbage")
    assert header(letter.headers, Header.MONITOR) == "seats"
    assert header(letter.headers, Header.SOURCE) == "t/1/2"
    assert header(letter.headers, Header.REASON) == "not an Arrow stream"
