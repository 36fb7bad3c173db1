"""Data files as columns: CSV, JSON lines, Parquet and Arrow, read by pyarrow."""

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from pathlib import Path, PurePath
from typing import Any, cast

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, ipc, json, parquet

from detectors.columns import Coded, Column, ColumnType, Field, Floats, Rows
from monitor.batches.vectors import is_vector, matrix
from monitor.remote import told_as_os_errors

Open = Callable[[], Any]
"""Opens a file at its beginning, each time anew, as a `pyarrow.NativeFile`."""

Read = Callable[[Open, Collection[str] | None], pa.Table]

_COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
_DELIMITERS = ",;\t|"
_LATEST_S = 1e11
"""The year 5138: a larger epoch time is in milliseconds or finer."""

FEWEST_TEXTS = 100
"""Where at least so many are there, more than half of them distinct and most of several words,
strings are free text, not categories."""


class FileError(ValueError):
    """A file that cannot be used; the message says which, why, and what to do."""


def read_table(path_or_url: str, *, columns: Collection[str] | None = None) -> pa.Table:
    """The table in a file; its suffix says how to read it, `.gz` and the like are unpacked.

    columns: read no others; a name that the file lacks is left out. A URL with a scheme is opened
    by fsspec. The table is validated in full. Raises FileError.
    """
    try:
        read, open_ = _reader(path_or_url)
        table = read(open_, columns)
        table.validate(full=True)
        _check_names(table.column_names)
    except FileError as error:
        raise FileError(f"{path_or_url}: {error}") from error
    except UnicodeDecodeError as error:
        raise FileError(f"{path_or_url}: is not UTF-8 text; save it as UTF-8") from error
    except (pa.ArrowException, OSError, ImportError, ValueError) as error:
        raise FileError(f"{path_or_url}: cannot be read: {_why(error)}") from error
    if not len(table):
        raise FileError(f"{path_or_url}: has no rows; give a file with data in it")
    return table


def to_rows(
    table: pa.Table, schema: Sequence[Field] | None = None
) -> tuple[Rows, tuple[Field, ...], tuple[str, ...]]:
    """The columns of a table as arrays, their declarations, and notes on what was left out.

    schema: the columns to take and their types; without it all that can be compared are taken
    with the types they have. Raises FileError for a column that is absent or of another type.
    """
    fields, notes = _inferred(table) if schema is None else (tuple(schema), ())
    columns: dict[str, Column] = {}
    for field in fields:
        values = _column(table, field.name)
        try:
            columns[field.name] = column_values(values, field.type)
        except FileError as error:
            raise FileError(f"column {field.name!r}: {error}") from error
    return Rows(columns, len(table)), fields, notes


def column_type(arrow: pa.DataType) -> ColumnType | None:
    """As what a column of this Arrow type is compared; None if it is not.

    A column without any value has no type of its own and counts as numbers.
    """
    if pa.types.is_dictionary(arrow):
        return column_type(arrow.value_type)
    return next((type_ for is_kind, type_ in _KINDS if is_kind(arrow)), None)


def column_values(column: pa.ChunkedArray, type_: ColumnType) -> Column:
    """A column's values as `type_`: numbers and times as float64, vectors as a matrix, NaN for
    missing; others coded.

    Whatever can be written down can be a category or text, and what `times_of` reads a timestamp;
    otherwise raises FileError where the values are of another type.
    """
    own = column_type(column.type)
    column = _decoded(column)
    if pa.types.is_null(column.type):
        return _missing(len(column), type_)
    if own is not None and own.is_numeric and type_.is_numeric:
        return _floats(column)
    if own is type_ is ColumnType.BOOLEAN:
        codes = pc.fill_null(column.cast(pa.int32()), -1).to_numpy()
        return Coded(codes, ("false", "true"))
    if type_ is ColumnType.TIMESTAMP:
        return _column_times(column)
    if own is ColumnType.VECTOR is type_:
        return matrix(column)
    if type_ in (ColumnType.CATEGORY, ColumnType.TEXT) and _can_be_written(column.type):
        return _coded(column.cast(pa.string()))
    raise FileError(f"holds {column.type} values, not {type_}; change the file or the declaration")


def times_of(table: pa.Table, column: str) -> Floats:
    """The event time of every row, (rows,), in epoch seconds.

    From timestamps, dates, ISO 8601 text (UTC where it names no zone) or numbers, which are epoch
    seconds. Raises FileError for anything else and for a missing time, since a row without one
    belongs to no window.
    """
    values = _decoded(_column(table, column))
    try:
        seconds = _epoch_seconds(values)
    except (pa.ArrowException, FileError) as error:
        raise FileError(f"time column {column!r}: {_first_line(error)}") from error
    unknown = np.flatnonzero(~np.isfinite(seconds))
    if len(unknown):
        raise FileError(f"time column {column!r}: no time in row {unknown[0] + 1}; drop such rows")
    if np.abs(seconds).max(initial=0.0) > _LATEST_S:
        raise FileError(f"time column {column!r}: numbers must be epoch seconds, not milliseconds")
    return seconds


def _reader(path_or_url: str) -> tuple[Read, Open]:
    is_url = "://" in path_or_url
    if not is_url:
        _check_file(Path(path_or_url))
    suffixes = PurePath(path_or_url.partition("?")[0] if is_url else path_or_url).suffixes
    *_, packed, last = ["", "", *(suffix.lower() for suffix in suffixes)]
    compression = _COMPRESSIONS.get(last)
    suffix = packed if compression else last
    if suffix not in _READS:
        unknown = f"{suffix} files are" if suffix else "a file without a suffix is"
        raise FileError(f"{unknown} not understood; give one of {', '.join(_READS)}")
    open_ = _remote(path_or_url) if is_url else partial(pa.OSFile, path_or_url)
    if compression is None:
        return _READS[suffix], open_
    return _READS[suffix], lambda: pa.CompressedInputStream(open_(), compression)


def _check_file(path: Path) -> None:
    if not path.exists():
        raise FileError("no such file")
    if path.is_dir():
        raise FileError("is a folder; give one file")


def _remote(url: str) -> Open:
    with told_as_os_errors(), fsspec.open(url, "rb") as file:
        content = pa.py_buffer(file.read())
    return partial(pa.BufferReader, content)


def _read_csv(open_: Open, columns: Collection[str] | None) -> pa.Table:
    with open_() as file:
        header = file.read(1 << 16).partition(b"\n")[0].decode("utf-8", "replace")
    delimiter = max(_DELIMITERS, key=header.count)
    with open_() as file:
        table = csv.read_csv(
            file,
            parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=csv.ConvertOptions(strings_can_be_null=True),
        )
    return _only(table, columns)


def _read_json(open_: Open, columns: Collection[str] | None) -> pa.Table:
    with open_() as file:
        if file.read(1) == b"[":
            raise FileError("is one JSON array; write one object a line (JSON lines)")
    # A row may not be longer than a block.
    options = json.ReadOptions(block_size=16 << 20)
    with open_() as file:
        return _only(json.read_json(file, read_options=options), columns)


def _read_parquet(open_: Open, columns: Collection[str] | None) -> pa.Table:
    with open_() as file:
        data = parquet.ParquetFile(file)
        _check_names(data.schema_arrow.names)
        return data.read(None if columns is None else _present(data.schema_arrow.names, columns))


def _read_arrow(open_: Open, columns: Collection[str] | None) -> pa.Table:
    with open_() as file:
        is_file = file.read(6) == b"ARROW1"
    with open_() as file:
        table = (ipc.open_file if is_file else ipc.open_stream)(file).read_all()
    return _only(table, columns)


_READS: dict[str, Read] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".jsonl": _read_json,
    ".ndjson": _read_json,
    ".json": _read_json,
    ".parquet": _read_parquet,
    ".pq": _read_parquet,
    ".arrow": _read_arrow,
    ".arrows": _read_arrow,
    ".feather": _read_arrow,
    ".ipc": _read_arrow,
}


def _only(table: pa.Table, columns: Collection[str] | None) -> pa.Table:
    _check_names(table.column_names)
    return table if columns is None else table.select(_present(table.column_names, columns))


def _present(names: Iterable[str], wanted: Collection[str]) -> list[str]:
    return [name for name in names if name in wanted]


def _check_names(names: Sequence[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise FileError(
            f"more than one column is named {listed(repeated)}; rename them, or add the line that "
            "names the columns"
        )


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in table.column_names:
        raise FileError(f"no column {name!r}; there are {listed(table.column_names)}")
    return table.column(name)


def listed(names: Sequence[str], limit: int = 10) -> str:
    """Names for a message, the first few of them."""
    shown = ", ".join(repr(name) for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def are_mostly_distinct(column: pa.ChunkedArray) -> bool:
    """Whether strings are hardly ever the same: free text, names, addresses; see `FEWEST_TEXTS`."""
    column = _decoded(column)
    if not _is_text(column.type):
        return False
    n_present = len(column) - column.null_count
    return n_present >= FEWEST_TEXTS and bool(2 * pc.count_distinct(column).as_py() > n_present)


def is_free_text(column: pa.ChunkedArray) -> bool:
    """Whether strings are told apart by their wording rather than counted: see `FEWEST_TEXTS`."""
    if not are_mostly_distinct(column):
        return False
    distinct = pc.unique(_decoded(column)).drop_null()
    n_worded = pc.sum(pc.match_substring_regex(distinct, r"\S\s+\S")).as_py()
    return bool(2 * n_worded > len(distinct))


def _inferred(table: pa.Table) -> tuple[tuple[Field, ...], tuple[str, ...]]:
    types = [
        (name, column.type, ColumnType.TEXT if is_free_text(column) else column_type(column.type))
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]
    fields = tuple(Field(name, type_) for name, _, type_ in types if type_ is not None)
    notes = tuple(left_out(name, arrow) for name, arrow, type_ in types if type_ is None)
    return fields, notes


def left_out(name: str, arrow: pa.DataType) -> str:
    """Why a column that has no `column_type` is not compared."""
    if pa.types.is_binary(arrow) or pa.types.is_large_binary(arrow):
        return f"column {name!r} is left out: its bytes are not UTF-8 text"
    kind = "times" if pa.types.is_temporal(arrow) else "values"
    return f"column {name!r} is left out: {arrow} {kind} are not compared"


def _is_text(arrow: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_string(arrow) or types.is_large_string(arrow) or types.is_string_view(arrow)
    )


def _can_be_written(arrow: pa.DataType) -> bool:
    return not is_vector(arrow) and (column_type(arrow) is not None or pa.types.is_temporal(arrow))


_KINDS: Sequence[tuple[Callable[[pa.DataType], bool], ColumnType]] = (
    (pa.types.is_boolean, ColumnType.BOOLEAN),
    (pa.types.is_integer, ColumnType.INTEGER),
    (pa.types.is_floating, ColumnType.FLOAT),
    (pa.types.is_decimal, ColumnType.FLOAT),
    (pa.types.is_null, ColumnType.FLOAT),
    (pa.types.is_timestamp, ColumnType.TIMESTAMP),
    (pa.types.is_date, ColumnType.TIMESTAMP),
    (is_vector, ColumnType.VECTOR),
    (_is_text, ColumnType.CATEGORY),
)


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Dictionaries from outside may repeat values, hold nulls, and differ between chunks."""
    is_dictionary = pa.types.is_dictionary(column.type)
    return column.cast(column.type.value_type) if is_dictionary else column


def _floats(column: pa.ChunkedArray) -> Floats:
    numbers = column.cast(pa.float64(), safe=False)
    return cast("Floats", numbers.to_numpy())


def _coded(column: pa.ChunkedArray) -> Coded:
    encoded = column.dictionary_encode().combine_chunks()
    codes = pc.fill_null(encoded.indices, -1).to_numpy()
    return Coded(codes, tuple(encoded.dictionary.to_pylist()))


def _missing(n: int, type_: ColumnType) -> Column:
    if not type_.is_coded:
        return np.full((n, 1) if type_ is ColumnType.VECTOR else n, np.nan)
    return Coded(np.full(n, -1, dtype=np.int32), ())


def _column_times(column: pa.ChunkedArray) -> Floats:
    """Unlike event times these may be missing."""
    try:
        return _epoch_seconds(column)
    except pa.ArrowException as error:
        raise FileError(_first_line(error)) from error


def _epoch_seconds(values: pa.ChunkedArray) -> Floats:
    type_ = column_type(values.type)
    if type_ is not None and type_.is_numeric:
        return _floats(values)
    if _is_text(values.type):
        values = _parsed(values)
    elif not (pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)):
        raise FileError(f"holds {values.type} values; give timestamps, dates or epoch seconds")
    zone = values.type.tz if pa.types.is_timestamp(values.type) else None
    micros = values.cast(pa.timestamp("us", zone), safe=False).cast(pa.int64())
    return _floats(micros) / 1e6


def _parsed(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Times written with a zone, or all without one."""
    try:
        return texts.cast(pa.timestamp("us", "UTC"))
    except pa.ArrowInvalid:
        return texts.cast(pa.timestamp("us"))


def _why(error: Exception) -> str:
    """Of the operating system's errors what they mean; of fsspec's, which say the URL once more,
    what was behind them."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    is_fetched = isinstance(error, FileNotFoundError) and error.__cause__ is not None
    return str(error.__cause__)[:300] if is_fetched else _first_line(error)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:300]
