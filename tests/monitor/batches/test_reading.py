import datetime as dt
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.columns import Coded, ColumnType, Field, Role
from monitor.batches import (
    MAX_BYTES,
    BatchError,
    conform,
    decode,
    encode,
    from_json,
    labels,
    labels_from_json,
    lost,
    parse_time,
    predictions,
    read_rows,
    request_ids,
    to_labels,
    to_rows,
)

SCHEMA = (
    Field("x", ColumnType.FLOAT),
    Field("k", ColumnType.INTEGER),
    Field("b", ColumnType.BOOLEAN),
    Field("c", ColumnType.CATEGORY),
    Field("prediction", ColumnType.FLOAT, Role.PREDICTION),
)
COLUMNS: Mapping[str, Sequence[object]] = {
    "x": [1.5, None],
    "k": [7, None],
    "b": [True, None],
    "c": ["a", None],
    "prediction": [2.0, 3.0],
}
NOON = 1_700_000_000.25


def batch(**columns: Sequence[object]) -> pa.RecordBatch:
    n = len(next(iter(columns.values())))
    ids = [f"id-{i}" for i in range(n)]
    return predictions(ids, [NOON] * n, [0.1] * n, conform(columns, SCHEMA, n=n))


def test_a_batch_survives_the_wire() -> None:
    sent = batch(**COLUMNS)
    assert decode(encode(sent)).equals(sent)


def test_rows_come_out_as_they_went_in() -> None:
    rows, ids, times = to_rows(decode(encode(batch(**COLUMNS))), SCHEMA)
    assert ids == ["id-0", "id-1"]
    assert times.tolist() == [NOON, NOON]
    np.testing.assert_array_equal(rows.columns["x"], [1.5, math.nan])
    np.testing.assert_array_equal(rows.columns["k"], [7.0, math.nan])
    for name, levels in (("b", ("false", "true")), ("c", ("a",))):
        column = rows.columns[name]
        assert isinstance(column, Coded)
        assert tuple(column.levels) == levels
        assert column.codes.tolist() == [len(levels) - 1, -1]


def test_rows_are_read_by_the_schema_and_not_by_their_types() -> None:
    natural = predictions(["a"], [NOON], [None], conform({"x": [1], "c": [3]}, (), n=1))
    rows, _, _ = to_rows(natural, SCHEMA)
    np.testing.assert_array_equal(rows.columns["x"], [1.0])
    assert rows.columns["c"].levels == ("3",)  # type: ignore[union-attr]  # a category column
    np.testing.assert_array_equal(rows.columns["prediction"], [math.nan])


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        (ColumnType.FLOAT, 1, 1.0),
        (ColumnType.FLOAT, True, 1.0),
        (ColumnType.FLOAT, 2**80, float(2**80)),
        (ColumnType.INTEGER, 2.0, 2),
        (ColumnType.INTEGER, False, 0),
        (ColumnType.BOOLEAN, 1, True),
        (ColumnType.BOOLEAN, 0.0, False),
        (ColumnType.CATEGORY, 3, "3"),
        (ColumnType.CATEGORY, 3.0, "3"),
        (ColumnType.CATEGORY, 2.5, "2.5"),
        (ColumnType.CATEGORY, True, "true"),
    ],
)
def test_a_value_of_a_kindred_type_fits(type_: ColumnType, value: object, expected: object) -> None:
    conformed = conform({"v": [value]}, [Field("v", type_)], n=1)
    assert conformed.columns["v"].to_pylist() == [expected]
    assert not conformed.mismatched


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (ColumnType.FLOAT, "1"),
        (ColumnType.FLOAT, [1]),
        (ColumnType.FLOAT, 10**400),
        (ColumnType.INTEGER, 1.5),
        (ColumnType.INTEGER, 2**63),
        (ColumnType.INTEGER, math.inf),
        (ColumnType.BOOLEAN, 2),
        (ColumnType.BOOLEAN, "true"),
        (ColumnType.CATEGORY, {"a": 1}),
        (ColumnType.CATEGORY, "\ud800"),
    ],
)
def test_a_value_that_does_not_fit_is_missing_and_counted(type_: ColumnType, value: object) -> None:
    conformed = conform({"v": [value, None]}, [Field("v", type_)], n=2)
    assert conformed.columns["v"].to_pylist() == [None, None]
    assert conformed.mismatched == {"v": 1}


def test_nan_is_missing_and_no_mismatch() -> None:
    conformed = conform({"k": [math.nan]}, SCHEMA, n=1)
    assert conformed.columns["k"].to_pylist() == [None]
    assert not conformed.mismatched


def test_columns_that_the_schema_does_not_know_are_left_out_and_counted() -> None:
    conformed = conform({"x": [1.0, 2.0], "more": [1, 2]}, SCHEMA, n=2)
    assert list(conformed.columns) == [f.name for f in SCHEMA]
    assert conformed.unknown == {"more": 2}


def test_what_was_lost_travels_with_the_batch() -> None:
    sent = batch(x=["no", 1.0], more=[1, 2])
    received = decode(encode(sent))
    assert lost(received, "mismatched") == {"x": 1}
    assert lost(received, "unknown") == {"more": 2}


def test_without_a_schema_columns_keep_their_natural_types() -> None:
    columns: dict[str, list[object]] = {
        "i": [1, None],
        "f": [1, 2.5],
        "s": ["a", 1],
        "b": [True, False],
        "n": [None, None],
    }
    conformed = conform(columns, (), n=2)
    assert {name: str(array.type) for name, array in conformed.columns.items()} == {
        "i": "int64",
        "f": "double",
        "s": "string",
        "b": "bool",
        "n": "null",
    }


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just([1])


@given(st.lists(SCALARS), st.sampled_from(ColumnType))
def test_conforming_never_fails_and_counts_what_it_loses(
    values: list[object], type_: ColumnType
) -> None:
    conformed = conform({"v": values}, [Field("v", type_)], n=len(values))
    array = conformed.columns["v"]
    missing = sum(value is None or value != value for value in values)  # noqa: PLR0124 - NaN
    n_nan = sum(value != value for value in array.to_pylist())  # noqa: PLR0124 - NaN
    assert array.null_count + n_nan == missing + conformed.mismatched.get("v", 0)


@given(st.lists(SCALARS), st.sampled_from([SCHEMA, ()]))
def test_whatever_is_conformed_can_be_sent_and_read(
    values: list[object], schema: tuple[Field, ...]
) -> None:
    n = len(values)
    conformed = conform({"x": values, "c": values}, schema, n=n)
    sent = predictions([str(i) for i in range(n)], [NOON] * n, [None] * n, conformed)
    rows, ids, _ = to_rows(decode(encode(sent)), SCHEMA)
    assert rows.n == len(ids) == n


# what comes from others


def stream(table: pa.Table | pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write(table)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]  # pyarrow has no types


def test_a_stream_of_several_batches_is_one_batch() -> None:
    table = pa.Table.from_batches([batch(x=[1.0]), batch(x=[2.0])])
    assert decode(stream(table)).num_rows == 2


def test_other_arrow_types_are_read_too() -> None:
    table = pa.table(
        {
            "dm.id": pa.array(["a"], pa.large_string()),
            "dm.time": pa.array([NOON]),
            "x": pa.array([1], pa.int16()),
            "c": pa.array(["k"]).dictionary_encode(),
        }
    )
    rows, ids, times = to_rows(decode(stream(table)), SCHEMA)
    assert (ids, times.tolist()) == (["a"], [NOON])
    np.testing.assert_array_equal(rows.columns["x"], [1.0])
    assert rows.columns["c"].levels == ("k",)  # type: ignore[union-attr]  # a category column


def columns(**changed: object) -> dict[str, object]:
    return {"dm.id": ["a"], "dm.time": pa.array([NOON]), **changed}


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (pa.table({"x": [1]}), "'dm.id' is missing"),
        (pa.table({"dm.id": ["a"]}), "'dm.time' is missing"),
        (pa.table(columns(x=[["a"]])), "type list"),
        (pa.table(columns(x=[b"1"])), "type binary"),
        (pa.table(columns(**{"dm.id": pa.array([None], pa.string())})), "no id"),
        (pa.table(columns(**{"dm.time": pa.array([None], pa.timestamp("us", "UTC"))})), "no time"),
        (pa.table(columns(**{"dm.time": pa.array([math.nan])})), "between 1970 and 9999"),
        (pa.table(columns(**{"dm.time": pa.array([NOON * 1000])})), "between 1970 and 9999"),
        (pa.table(columns(**{"dm.time": pa.array([dt.datetime(2024, 1, 1)])})), "time zone"),  # noqa: DTZ001 - the point
    ],
)
def test_a_stream_that_is_no_batch_says_why(table: pa.Table, reason: str) -> None:
    with pytest.raises(BatchError, match=reason):
        decode(stream(table))


def test_a_stream_of_ids_and_times_alone_is_rows_of_missing_values() -> None:
    rows, ids, _ = to_rows(decode(stream(pa.table(columns()))), SCHEMA)
    assert (rows.n, ids) == (1, ["a"])
    np.testing.assert_array_equal(rows.columns["x"], [math.nan])


def test_two_columns_of_one_name_are_refused() -> None:
    twice = pa.Table.from_arrays(
        [pa.array(["a"]), pa.array([NOON]), pa.array([1]), pa.array([2])],
        ["dm.id", "dm.time", "x", "x"],
    )
    with pytest.raises(BatchError, match="same name"):
        decode(stream(twice))


def test_a_message_that_is_too_large_is_not_even_read() -> None:
    with pytest.raises(BatchError, match="more than"):
        decode(b"\xff" * (MAX_BYTES + 1))


def test_compressed_streams_are_refused_since_they_may_be_bombs() -> None:
    sink = pa.BufferOutputStream()
    sent = batch(x=[0.0] * 100_000)
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, sent.schema, options=options) as writer:
        writer.write(sent)
    with pytest.raises(BatchError, match="compressed"):
        decode(sink.getvalue().to_pybytes())


@given(st.data())
def test_no_damage_to_a_message_does_worse_than_an_error(data: st.DataObject) -> None:
    raw = bytearray(encode(batch(**COLUMNS)))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(raw) - 1))
        raw[position] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    for damaged in (bytes(raw), bytes(raw[:cut])):
        with suppress(BatchError):
            to_rows(decode(damaged), SCHEMA)


# labels


@pytest.mark.parametrize("values", [[1.5, 2.5], [1, 2]])
def test_labels_that_are_numbers_come_out_as_numbers(values: list[object]) -> None:
    column, ids, times = to_labels(decode(encode(labels(["a", "b"], [NOON, NOON], values))))
    assert (ids, times.tolist()) == (["a", "b"], [NOON, NOON])
    np.testing.assert_array_equal(column, values)


def test_labels_that_are_text_come_out_as_categories() -> None:
    column, _, _ = to_labels(labels(["a", "b"], [NOON, NOON], ["yes", "no"]))
    assert isinstance(column, Coded)
    assert [column.levels[code] for code in column.codes] == ["yes", "no"]


def test_labels_of_no_scalar_type_are_refused() -> None:
    with pytest.raises(BatchError, match="neither"):
        labels(["a"], [NOON], [[1]])


def test_predictions_are_no_labels() -> None:
    with pytest.raises(BatchError, match="'label' is missing"):
        to_labels(batch(x=[1.0]))


# JSON


def test_rows_in_json_become_the_same_batch_as_any() -> None:
    rows = [
        {"id": "a", "time": "2023-11-14T22:13:20.25Z", "x": 1.5, "c": "k"},
        {"id": "b", "x": 2},
    ]
    read = from_json(orjson.dumps({"rows": rows}), SCHEMA, now=NOON + 5)
    found, ids, times = to_rows(read, SCHEMA)
    assert (ids, times.tolist()) == (["a", "b"], [NOON, NOON + 5])
    np.testing.assert_array_equal(found.columns["x"], [1.5, 2.0])


def test_labels_in_json_become_the_same_batch_as_any() -> None:
    raw = orjson.dumps({"rows": [{"id": "a", "label": 3, "time": NOON}]})
    column, ids, times = to_labels(labels_from_json(raw, now=0.0))
    assert (ids, times.tolist()) == (["a"], [NOON])
    np.testing.assert_array_equal(column, [3.0])


def test_each_bad_row_says_what_is_wrong_with_it() -> None:
    rows = [{"id": "a"}, {"id": 3}, {"id": "b", "time": "noon"}, 7, {"id": ""}]
    read = read_rows(rows, now=NOON)
    assert read.ids == ["a"]
    assert sorted(read.rejected) == [1, 2, 3, 4]


def test_a_row_in_json_may_be_nothing_but_an_id() -> None:
    rows, _, _ = to_rows(from_json(b'{"rows":[{"id":"a"}]}', SCHEMA, now=NOON), SCHEMA)
    np.testing.assert_array_equal(rows.columns["x"], [math.nan])


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"rows": 1}', b'{"rows":[{"id":1}]}', b"\xff"])
def test_a_json_message_that_is_no_batch_says_why(raw: bytes) -> None:
    with pytest.raises(BatchError):
        from_json(raw, SCHEMA, now=NOON)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (NOON, NOON),
        (17, 17.0),
        ("1700000000.25", NOON),
        ("2023-11-14T22:13:20.25Z", NOON),
        ("2023-11-14T23:13:20.250+01:00", NOON),
        ("2023-11-14T22:13:20", None),
        ("yesterday", None),
        ("nan", None),
        ("", None),
        (NOON * 1000, None),
        (-1, None),
        (10**400, None),
        (True, None),
        (None, None),
        ([1], None),
    ],
)
def test_a_time_is_rfc_3339_with_its_zone_or_seconds(value: object, expected: float | None) -> None:
    assert parse_time(value) == expected


def test_one_row_has_the_request_s_id_and_several_are_numbered() -> None:
    assert request_ids("r", 1) == ["r"]
    assert request_ids("r", 3) == ["r/0", "r/1", "r/2"]
