"""Times, free text and vectors on their way into a monitor."""

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.columns import LARGEST_DIMENSIONS, Coded, Column, ColumnType, Field
from monitor.batches import BatchError, conform, decode, encode, labels, predictions, to_rows
from monitor.batches.times import parse_microseconds

SCHEMA = (
    Field("t", ColumnType.TIMESTAMP),
    Field("s", ColumnType.TEXT),
    Field("v", ColumnType.VECTOR, dimensions=2),
)
NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)


def read(name: str, values: object, *, n: int) -> tuple[Column, int]:
    """A column after the wire, and how many of its values did not fit."""
    columns: dict[str, Sequence[object]] = {name: values}  # type: ignore[dict-item]  # or an array
    conformed = conform(columns, SCHEMA, n=n)
    batch = predictions([str(i) for i in range(n)], [0.0] * n, [None] * n, conformed)
    rows, _, _ = to_rows(decode(encode(batch)), SCHEMA)
    return rows.columns[name], conformed.mismatched.get(name, 0)


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-01T12:00:00Z",
        "2026-01-01T14:00:00+02:00",
        "2026-01-01 12:00",
        int(NOON.timestamp()),
        NOON.timestamp(),
    ],
)
def test_a_time_is_epoch_seconds_however_it_is_written(value: object) -> None:
    times, n_bad = read("t", [value, None], n=2)
    np.testing.assert_array_equal(np.asarray(times), [NOON.timestamp(), np.nan])
    assert n_bad == 0


@pytest.mark.parametrize(
    "type_", [pa.timestamp("ns"), pa.timestamp("s", "Europe/Berlin"), pa.date32()], ids=str
)
def test_arrows_times_are_times(type_: pa.DataType) -> None:
    times, n_bad = read("t", pa.array([NOON, None]).cast(type_), n=2)
    midnight = NOON.replace(hour=0)
    expected = (midnight if pa.types.is_date(type_) else NOON).timestamp()
    np.testing.assert_array_equal(np.asarray(times), [expected, np.nan])
    assert n_bad == 0


@given(st.datetimes(timezones=st.just(dt.UTC)))
def test_any_time_of_the_calendar_is_read(time: dt.datetime) -> None:
    expected = round((time - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) / dt.timedelta(microseconds=1))
    found = parse_microseconds(time.isoformat())
    assert found is not None
    assert abs(found - expected) <= 40  # seconds as a float


@pytest.mark.parametrize("value", ["soon", "", True, 1e18, -1e18, float("nan"), [1], {}])
def test_what_is_no_time_is_missing_and_counted(value: object) -> None:
    times, n_bad = read("t", [value], n=1)
    assert np.isnan(np.asarray(times)).all()
    assert n_bad == (value == value)  # noqa: PLR0124 - NaN is missing, no mistake


def test_text_is_text_and_nothing_else_is() -> None:
    texts, n_bad = read("s", ["two words", "", None, 7, "\ud800"], n=5)
    assert isinstance(texts, Coded)
    values = [texts.levels[code] if code >= 0 else None for code in texts.codes]
    assert values == ["two words", "", None, None, None]
    assert n_bad == 2


@pytest.mark.parametrize(
    "values",
    [
        [[1, 2.5], None],
        pa.array([[1, 2.5], None], pa.list_(pa.float64())),
        pa.array([[1, 2.5], None], pa.large_list(pa.float32())),
        pa.array([[1, 2.5], None], pa.list_(pa.float32(), 2)),
    ],
    ids=lambda values: str(getattr(values, "type", "json")),
)
def test_a_vector_is_a_row_of_a_matrix(values: object) -> None:
    vectors, n_bad = read("v", values, n=2)
    np.testing.assert_array_equal(np.asarray(vectors), [[1, 2.5], [np.nan, np.nan]])
    assert n_bad == 0


@pytest.mark.parametrize("value", [[1.0], [1.0, 2.0, 3.0], [], ["a", "b"], [True, 1.0], 3.0, "x"])
def test_what_is_no_vector_of_the_right_length_is_missing_and_counted(value: object) -> None:
    vectors, n_bad = read("v", [value, [1.0, 2.0]], n=2)
    np.testing.assert_array_equal(np.asarray(vectors), [[np.nan, np.nan], [1.0, 2.0]])
    assert n_bad == 1


def test_arrows_vectors_of_another_length_are_missing_and_counted() -> None:
    values = pa.array([[1.0], [1.0, 2.0], None], pa.list_(pa.float32()))
    vectors, n_bad = read("v", values, n=3)
    np.testing.assert_array_equal(np.isnan(np.asarray(vectors)).all(axis=1), [True, False, True])
    assert n_bad == 1


def test_a_number_that_is_not_known_leaves_its_vector_missing_uncounted() -> None:
    vectors, n_bad = read("v", [[1.0, None], [10**400, 1.0]], n=2)
    assert np.isnan(np.asarray(vectors)).any(axis=1).all()
    assert n_bad == 0


def test_a_column_that_is_not_there_is_missing_throughout() -> None:
    vectors, _ = read("v", [None, None], n=2)
    np.testing.assert_array_equal(np.asarray(vectors), np.full((2, 2), np.nan))


def test_without_a_schema_lists_of_numbers_are_vectors_and_times_are_times() -> None:
    found = conform({"v": [[1, 2], None], "t": pa.array([NOON, None])}, (), n=2)
    assert found.columns["v"].type == pa.list_(pa.float32())
    assert found.columns["t"].type == pa.timestamp("us", "UTC")


def test_without_a_schema_vectors_beyond_what_is_watched_are_left_out() -> None:
    long = [0.0] * (LARGEST_DIMENSIONS + 1)
    for values in ([long, [1.0]], pa.array([long, [1.0]], pa.list_(pa.float32()))):
        found = conform({"v": values}, (), n=2)
        assert found.columns["v"].null_count == 1
        assert found.mismatched == {"v": 1}


@pytest.mark.parametrize("values", [[[1.0]], pa.array([NOON])], ids=["vector", "time"])
def test_neither_vectors_nor_times_are_labels(values: Sequence[object]) -> None:
    with pytest.raises(BatchError, match="1 labels are neither"):
        labels(["a"], [0.0], values)
