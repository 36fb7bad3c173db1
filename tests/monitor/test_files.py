"""Files in every format, well made and badly made, as columns."""

import gzip
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, feather, ipc, parquet

from detectors.columns import Coded, ColumnType, Field
from monitor.files import FileError, column_values, read_table, times_of, to_rows

TABLE = pa.table(
    {
        "seats": [3, 1, None, 8],
        "delay_s": [0.5, None, -2.0, 1e300],
        "line": ["U1", None, "S3", "U1"],
        "express": [True, False, None, True],
    }
)


def _csv(table: pa.Table, path: Path) -> None:
    csv.write_csv(table, path)


def _csv_gz(table: pa.Table, path: Path) -> None:
    with gzip.open(path, "wb") as file:
        csv.write_csv(table, file)


def _json_lines(table: pa.Table, path: Path) -> None:
    path.write_text("\n".join(json.dumps(row) for row in table.to_pylist()), "utf-8")


def _arrow_stream(table: pa.Table, path: Path) -> None:
    with ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=3)


WRITERS: dict[str, Callable[[pa.Table, Path], None]] = {
    "t.csv": _csv,
    "t.csv.gz": _csv_gz,
    "t.jsonl": _json_lines,
    "t.parquet": parquet.write_table,
    "t.feather": feather.write_feather,
    "t.arrow": _arrow_stream,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_columns(name: str, tmp_path: Path) -> None:
    WRITERS[name](TABLE, tmp_path / name)
    rows, fields, notes = to_rows(read_table(str(tmp_path / name)))
    assert [field.type.value for field in fields] == ["integer", "float", "category", "boolean"]
    np.testing.assert_array_equal(rows.columns["seats"], [3, 1, np.nan, 8])
    np.testing.assert_array_equal(rows.columns["delay_s"], [0.5, np.nan, -2, 1e300])
    assert _texts(rows.columns["line"]) == ["U1", None, "S3", "U1"]
    assert _texts(rows.columns["express"]) == ["true", "false", None, "true"]
    assert notes == ()


@pytest.mark.parametrize("name", WRITERS)
def test_only_the_wanted_columns_are_read(name: str, tmp_path: Path) -> None:
    WRITERS[name](TABLE, tmp_path / name)
    table = read_table(str(tmp_path / name), columns=["line", "seats", "absent"])
    assert table.column_names == ["seats", "line"]


@pytest.mark.parametrize("name", WRITERS)
def test_rows_count_even_where_no_column_is_wanted(name: str, tmp_path: Path) -> None:
    WRITERS[name](TABLE, tmp_path / name)
    assert len(read_table(str(tmp_path / name), columns=["absent"])) == 4


def test_a_url_is_opened_by_its_scheme(tmp_path: Path) -> None:
    parquet.write_table(TABLE, tmp_path / "t.parquet")
    assert read_table(f"file://{tmp_path}/t.parquet").equals(TABLE)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_csv_file_says_itself_what_separates_its_columns(delimiter: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"a{delimiter}b\n1{delimiter}x\n2{delimiter}y\n", "utf-8")
    assert read_table(str(path)).to_pydict() == {"a": [1, 2], "b": ["x", "y"]}


def test_numbers_that_turn_real_late_in_a_csv_file_are_real_from_the_start(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x\n" + "1\n" * 2_000_000 + "1.5\n", "utf-8")
    assert read_table(str(path)).schema.field("x").type == pa.float64()


def test_infinities_are_values_and_nan_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x\ninf\n-inf\nnan\n\n1\n", "utf-8")
    rows, _, _ = to_rows(read_table(str(path)))
    np.testing.assert_array_equal(rows.columns["x"], [np.inf, -np.inf, np.nan, 1])


BAD_FILES = {
    "empty.csv": (b"", "Empty CSV file"),
    "header_only.csv": (b"a,b\n", "has no rows"),
    "ragged.csv": (b"a,b\n1,2\n3\n", "Expected 2 columns, got 1"),
    "twice.csv": (b"a,b,a\n1,2,3\n", "more than one column is named 'a'"),
    "array.json": (b'[{"a": 1}]', "one object a line"),
    "mixed.jsonl": (b'{"a": 1}\n{"a": "x"}\n', "changed from number to string in row 1"),
    "noise.parquet": (b"\x00\xff" * 50, "cannot be read"),
    "noise.arrow": (b"\x00\xff" * 50, "cannot be read"),
    "noise.csv.gz": (b"\x00\xff" * 50, "cannot be read"),
    "latin_1_header.csv": ("größe\n1\n".encode("latin-1"), "save it as UTF-8"),
    "table.xlsx": (b"PK", ".xlsx files are not understood; give one of .csv"),
    "table": (b"a\n1\n", "a file without a suffix is not understood"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_an_error_that_names_it_and_the_reason(name: str, tmp_path: Path) -> None:
    content, reason = BAD_FILES[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileError) as error:
        read_table(str(tmp_path / name))
    assert str(error.value).startswith(f"{tmp_path / name}: ")
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("absent.csv", "no such file"),
        ("folder.csv", "is a folder"),
        ("absent://bucket/t.csv", "cannot be read"),
        ("http://127.0.0.1:1/t.csv", "Cannot connect to host 127.0.0.1:1"),
    ],
)
def test_what_cannot_be_opened_is_a_clear_error(path: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(FileError, match=reason):
        read_table(path if "://" in path else str(tmp_path / path))


def test_a_corrupt_arrow_file_is_refused_before_it_is_touched(tmp_path: Path) -> None:
    offsets = pa.array([0, 1_000_000, 2], pa.int32()).buffers()[1]
    broken = pa.StringArray.from_buffers(2, offsets, pa.py_buffer(b"ab"))
    _arrow_stream(pa.table({"x": broken}), tmp_path / "t.arrow")
    with pytest.raises(FileError, match="cannot be read"):
        read_table(str(tmp_path / "t.arrow"))


def test_what_cannot_be_compared_is_left_out_with_a_note() -> None:
    table = pa.table(
        {
            "x": [1.0],
            "when": [time(12)],
            "tags": [["a", "b"]],
            "raw": [b"\xff"],
        }
    )
    _, fields, notes = to_rows(table)
    assert fields == (Field("x", ColumnType.FLOAT),)
    assert [note.split("'")[1] for note in notes] == ["when", "tags", "raw"]


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "values",
    [
        pa.array([datetime(2026, 1, 1, 12, tzinfo=UTC), None]),
        pa.array([datetime(2026, 1, 1, 12), None], pa.timestamp("ns")),  # noqa: DTZ001
        pa.array(["2026-01-01T12:00:00Z", None]),
        pa.array([NOON, None]),
    ],
    ids=lambda values: str(values.type),
)
def test_a_timestamp_is_epoch_seconds_and_may_be_missing(values: pa.Array) -> None:
    rows, _, _ = to_rows(pa.table({"t": values}), [Field("t", ColumnType.TIMESTAMP)])
    np.testing.assert_array_equal(np.asarray(rows.columns["t"]), [NOON, np.nan])


@pytest.mark.parametrize(
    "type_", [pa.list_(pa.float32()), pa.large_list(pa.int64()), pa.list_(pa.float64(), 2)], ids=str
)
def test_lists_of_numbers_are_vectors(type_: pa.DataType) -> None:
    rows, fields, _ = to_rows(pa.table({"v": pa.array([[1, 2], None, [3, 4]], type_)}))
    assert [field.type for field in fields] == [ColumnType.VECTOR]
    expected = [[1, 2], [np.nan, np.nan], [3, 4]]
    np.testing.assert_array_equal(np.asarray(rows.columns["v"]), expected)


def test_vectors_of_another_length_than_most_are_missing() -> None:
    rows, _, _ = to_rows(pa.table({"v": [[1.0, 2.0], [3.0], [4.0, 5.0], []]}))
    values = np.asarray(rows.columns["v"])
    np.testing.assert_array_equal(np.isnan(values).any(axis=1), [False, True, False, True])


@pytest.mark.parametrize(
    ("texts", "type_"),
    [
        ([f"this is review {i}" for i in range(200)], ColumnType.TEXT),
        ([f"this is review {i}" for i in range(50)], ColumnType.CATEGORY),
        ([f"this is review {i % 90}" for i in range(200)], ColumnType.CATEGORY),
        ([f"id-{i}" for i in range(200)], ColumnType.CATEGORY),
    ],
    ids=["sentences", "too few", "too few distinct", "identifiers"],
)
def test_strings_of_many_wordings_are_free_text(texts: list[str], type_: ColumnType) -> None:
    _, fields, _ = to_rows(pa.table({"s": pa.array([*texts, None]).dictionary_encode()}))
    assert [field.type for field in fields] == [type_]


def test_dictionaries_that_differ_between_chunks_share_their_codes() -> None:
    chunks = [
        pa.DictionaryArray.from_arrays(pa.array([0, 1, None]), pa.array(["a", None])),
        pa.DictionaryArray.from_arrays(pa.array([0, 1, 1]), pa.array(["b", "b"])),
    ]
    values = column_values(pa.chunked_array(chunks), ColumnType.CATEGORY)
    assert _texts(values) == ["a", None, None, "b", "b", "b"]
    assert isinstance(values, Coded)
    assert sorted(values.levels) == ["a", "b"]


@pytest.mark.parametrize("type_", ColumnType)
def test_a_column_without_values_is_missing_in_every_type(type_: ColumnType) -> None:
    values = column_values(pa.chunked_array([pa.nulls(3)]), type_)
    missing = values.codes == -1 if isinstance(values, Coded) else np.isnan(values)
    assert len(missing) == 3
    assert missing.all()


def test_numbers_can_be_declared_categories() -> None:
    rows, _, _ = to_rows(pa.table({"zip": [10115, None]}), [Field("zip", ColumnType.CATEGORY)])
    assert _texts(rows.columns["zip"]) == ["10115", None]


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        (Field("line", ColumnType.FLOAT), "column 'line': holds string values, not float"),
        (Field("seats", ColumnType.BOOLEAN), "column 'seats': holds int64 values, not boolean"),
        (Field("speed", ColumnType.FLOAT), "no column 'speed'; there are 'seats', 'delay_s'"),
    ],
)
def test_a_table_unlike_its_schema_is_an_error_that_names_the_column(
    field: Field, reason: str
) -> None:
    with pytest.raises(FileError, match=reason):
        to_rows(TABLE, [field])


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["2026-01-01T12:00:00Z"]),
        pa.array(["2026-01-01T14:00:00+02:00"]),
        pa.array(["2026-01-01 12:00:00"]),
        pa.array(["2026-01-01T12:00:00"]).dictionary_encode(),
        pa.array([datetime(2026, 1, 1, 12)], pa.timestamp("ns")),  # noqa: DTZ001 - no zone is meant
        pa.array([datetime(2026, 1, 1, 12, tzinfo=UTC)], pa.timestamp("s", "Europe/Berlin")),
        pa.array([int(NOON)]),
        pa.array([NOON]),
    ],
    ids=lambda values: str(values.type),
)
def test_a_time_is_epoch_seconds_however_it_is_written(values: pa.Array) -> None:
    np.testing.assert_array_equal(times_of(pa.table({"t": values}), "t"), [NOON])


def test_a_date_is_its_midnight_in_utc() -> None:
    table = pa.table({"t": [date(2026, 1, 1)]})
    np.testing.assert_array_equal(times_of(table, "t"), [NOON - 12 * 3600])


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (["2026-01-01", None], "no time in row 2"),
        (["yesterday"], "time column 't': Failed to parse string: 'yesterday'"),
        ([NOON * 1000], "must be epoch seconds, not milliseconds"),
        ([float("inf")], "no time in row 1"),
        ([True], "holds bool values"),
        ([["2026"]], "holds list"),
    ],
)
def test_a_time_that_is_none_is_an_error_that_says_so(values: list[object], reason: str) -> None:
    with pytest.raises(FileError, match=reason):
        times_of(pa.table({"t": values}), "t")


def test_an_absent_time_column_is_an_error_that_lists_the_columns() -> None:
    with pytest.raises(FileError, match="no column 't'; there are 'seats'"):
        times_of(TABLE, "t")


def _texts(values: object) -> list[str | None]:
    assert isinstance(values, Coded)
    return [values.levels[code] if code >= 0 else None for code in values.codes]
