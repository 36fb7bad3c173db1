"""Rows on the wire: what one message of the topics predictions and labels holds.

A message is an Arrow IPC stream, not compressed (Kafka may do that), of one monitor's rows.

==============  =======================  ==========================================
dm.id           string                   the prediction's id; never null
dm.time         timestamp(us, UTC)       when it happened; never null
dm.latency      float64, seconds         of the model's answer; predictions only
dm.weight       int32, 1 to 2^20         how many sampled rows it stands for, itself included;
                                         without the column 1; predictions only
label           float64, int64, bool,    the truth; labels only
                string
anything else   float64, int64, bool,    a feature or output under its own name; null is missing
                string, timestamp,
                list of float32
==============  =======================  ==========================================

The schema's metadata may tell what was lost in making the batch: `mismatched`, `unknown` and
`absent`, JSON objects of counts by column name; and `one_in`, of how many predictions one was
sampled.
"""

import struct
from collections.abc import Sequence

import numpy as np
import orjson
import pyarrow as pa

from detectors.columns import RESERVED_PREFIX, Coded, Column, Counts, Field, Floats, Rows
from monitor.batches.compression import is_compressed
from monitor.batches.conforming import MAX_COLUMNS, Conformed, conform, natural
from monitor.batches.times import END_OF_TIME
from monitor.batches.vectors import is_vector, matrix

ID = "dm.id"
TIME = "dm.time"
LATENCY = "dm.latency"
WEIGHT = "dm.weight"
LABEL = "label"

ONE_IN = "one_in"
LARGEST_WEIGHT = 1 << 20
LARGEST_ONE_IN = 1_000_000

MAX_BYTES = 8 * 1024 * 1024
MAX_ROWS = 100_000
MAX_CELLS = 16_000_000
"""Missing values take no room in a message, but they do once they are unpacked."""

TIMESTAMP = pa.timestamp("us", tz="UTC")


class BatchError(ValueError):
    """Bytes that are not a batch of rows; the message is a reason for people."""


_NUMBERS = tuple(f"/{i}" for i in range(1_000))
"""Of the rows of most requests: writing them anew each time would take four times as long."""


def request_ids(request_id: str, n: int) -> list[str]:
    """Prediction ids of the rows of one request: its own id, numbered if there are several."""
    if n == 1:
        return [request_id]
    ids = [request_id + number for number in _NUMBERS[:n]]
    return ids + [f"{request_id}/{i}" for i in range(len(ids), n)]


def predictions(
    ids: Sequence[str],
    times: Sequence[float] | Floats,
    latencies_s: Sequence[float | None] | Floats,
    conformed: Conformed,
) -> pa.RecordBatch:
    """A batch for the topic predictions; one id, time and latency a row."""
    columns = {
        ID: pa.array(ids, type=pa.string()),
        TIME: _timestamps(times),
        LATENCY: pa.array(latencies_s, type=pa.float64()),
        **conformed.columns,
    }
    lost = {
        key: orjson.dumps(counts)
        for key, counts in (
            ("mismatched", conformed.mismatched),
            ("unknown", conformed.unknown),
            ("absent", conformed.absent),
        )
        if counts
    }
    return pa.record_batch(columns).replace_schema_metadata(lost or None)


def labels(
    ids: Sequence[str], times: Sequence[float] | Floats, values: Sequence[object]
) -> pa.RecordBatch:
    """A batch for the topic labels. Raises BatchError where a value is no scalar."""
    array, n_bad = natural(values)
    if is_vector(array.type) or pa.types.is_timestamp(array.type):
        n_bad = len(array) - array.null_count
    if n_bad:
        raise BatchError(f"{n_bad} labels are neither a number, a boolean nor text")
    return pa.record_batch({ID: pa.array(ids, pa.string()), TIME: _timestamps(times), LABEL: array})


def _timestamps(times: Sequence[float] | Floats) -> pa.Array:
    microseconds = np.rint(np.asarray(times, dtype=np.float64) * 1e6).astype(np.int64)
    return pa.array(microseconds, type=TIMESTAMP)


_OPTIONS = pa.ipc.IpcWriteOptions()
"""The defaults; without them Arrow asks the environment, for every message."""


def encode(batch: pa.RecordBatch) -> bytes:
    """The Arrow IPC stream of one batch."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=_OPTIONS) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def decode(raw: bytes) -> pa.RecordBatch:
    """The rows in an Arrow IPC stream from anyone: everything is checked before it is touched.

    Raises BatchError.
    """
    batch = read_stream(raw)
    for name in (ID, TIME):
        if name not in batch.schema.names:
            raise BatchError(f"column {name!r} is missing")
    try:
        return _checked(batch)
    except pa.ArrowException as error:
        raise BatchError(f"not a batch of rows: {error}") from error


def read_stream(raw: bytes) -> pa.RecordBatch:
    """What an Arrow IPC stream from anyone holds, of any columns that can be read, in one batch:
    everything is checked before it is touched. Raises BatchError.
    """
    if len(raw) > MAX_BYTES:
        raise BatchError(f"the message has {len(raw)} bytes, more than {MAX_BYTES}")
    try:
        if is_compressed(raw):
            raise BatchError("the stream is compressed, which is not read")
        return _read(raw)
    except (pa.ArrowException, OSError, struct.error, UnicodeDecodeError) as error:
        raise BatchError(f"not an Arrow stream: {error}") from error


def _read(raw: bytes) -> pa.RecordBatch:
    with pa.ipc.open_stream(pa.BufferReader(raw)) as reader:
        _check_schema(reader.schema)
        batches = []
        n_rows = 0
        for batch in reader:
            n_rows += batch.num_rows
            if n_rows > MAX_ROWS or n_rows * batch.num_columns > MAX_CELLS:
                raise BatchError(f"more than {MAX_ROWS} rows, or {MAX_CELLS} values")
            batch.validate(full=True)
            batches.append(batch)
    if not batches:
        return pa.RecordBatch.from_pylist([], schema=reader.schema)
    return pa.concat_batches(batches)


_SCALARS = frozenset(
    type_.id
    for type_ in (
        *(pa.int8(), pa.int16(), pa.int32(), pa.int64()),
        *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.float16(), pa.float32(), pa.float64()),
        *(pa.bool_(), pa.string(), pa.large_string(), TIMESTAMP, pa.null()),
    )
)
"""Types that are read, by their numbers: to ask Arrow's predicates of every column is slow."""


def _check_schema(schema: pa.Schema) -> None:
    if len(schema) > MAX_COLUMNS + 4:
        raise BatchError(f"the stream has {len(schema)} columns, more than {MAX_COLUMNS}")
    if len(set(schema.names)) < len(schema):
        raise BatchError("two columns have the same name")
    for field in schema:
        if not _is_readable(field.type):
            raise BatchError(f"column {field.name!r} has the type {field.type}, which is not read")
        if field.type.id == TIMESTAMP.id:
            str(field.type.tz)  # a zone that is no Unicode is said now, and nowhere later


def _is_readable(type_: pa.DataType) -> bool:
    if type_.id in _SCALARS:
        return True
    if pa.types.is_dictionary(type_):
        return type_.value_type.id in _SCALARS and not pa.types.is_timestamp(type_.value_type)
    return is_vector(type_)


def _checked(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with its reserved columns in their exact types."""
    if batch[ID].null_count or batch[TIME].null_count:
        raise BatchError("a row has no id or no time")
    _check_weights(batch)
    exact = {ID: batch[ID].cast(pa.string()), TIME: _as_timestamps(batch[TIME])}
    for name, values in exact.items():
        if values.type != batch[name].type:
            batch = batch.set_column(batch.schema.get_field_index(name), name, values)
    return batch


def _check_weights(batch: pa.RecordBatch) -> None:
    if WEIGHT not in batch.schema.names:
        return
    found = batch[WEIGHT]
    is_whole = pa.types.is_integer(found.type) and not found.null_count
    if not is_whole or not all(
        1 <= weight <= LARGEST_WEIGHT for weight in found.unique().to_pylist()
    ):
        raise BatchError(f"a weight is not a whole number from 1 to {LARGEST_WEIGHT}")


def _as_timestamps(times: pa.Array) -> pa.Array:
    """From timestamps with their zone, or from seconds since 1970."""
    if pa.types.is_timestamp(times.type) and times.type.tz is None:
        raise BatchError("times need a time zone")
    if pa.types.is_floating(times.type) or pa.types.is_integer(times.type):
        seconds = times.cast(pa.float64()).to_numpy()
    else:
        times = times.cast(TIMESTAMP)
        seconds = _seconds(times)
    if not ((seconds >= 0) & (seconds < END_OF_TIME)).all():
        raise BatchError("a time is not between 1970 and 9999")
    return times if times.type == TIMESTAMP else _timestamps(seconds)


def weights(batch: pa.RecordBatch) -> Counts:
    """(rows,) how many sampled rows each stands for."""
    if WEIGHT not in batch.schema.names:
        return np.ones(batch.num_rows, dtype=np.int64)
    return batch[WEIGHT].cast(pa.int64()).to_numpy()  # type: ignore[no-any-return]


def one_in(batch: pa.RecordBatch) -> int:
    """Of how many predictions one was sampled; whoever says nothing sensible has sampled none."""
    told = (batch.schema.metadata or {}).get(ONE_IN.encode(), b"1")
    n = int(told) if told.isdigit() and len(told) <= 7 else 1
    return min(max(n, 1), LARGEST_ONE_IN)


def lost(batch: pa.RecordBatch, what: str) -> dict[str, int]:
    """Counts by column of what was "mismatched", "unknown" or "absent" when the batch was made."""
    raw = (batch.schema.metadata or {}).get(what.encode())
    try:
        counts = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(counts, dict):
        return {}
    return {name: n for name, n in counts.items() if isinstance(n, int)}


def to_rows(batch: pa.RecordBatch, schema: Sequence[Field]) -> tuple[Rows, list[str], Floats]:
    """The batch's rows as the schema has them, their ids, and their times in seconds since 1970."""
    columns = {
        name: batch[name] for name in batch.schema.names if not name.startswith(RESERVED_PREFIX)
    }
    conformed = conform(columns, schema, n=batch.num_rows)
    dimensions = {field.name: field.dimensions for field in schema}
    rows = Rows(
        {name: _column(a, dimensions.get(name, 0)) for name, a in conformed.columns.items()},
        batch.num_rows,
    )
    return rows, batch[ID].to_pylist(), _seconds(batch[TIME])


def to_labels(batch: pa.RecordBatch) -> tuple[Column, list[str], Floats]:
    """The labels of a batch, the ids of their predictions, and their times.

    Raises BatchError where the batch has no labels.
    """
    if LABEL not in batch.schema.names:
        raise BatchError(f"column {LABEL!r} is missing")
    return _column(batch[LABEL]), batch[ID].to_pylist(), _seconds(batch[TIME])


def _seconds(times: pa.Array) -> Floats:
    return times.cast(pa.int64()).to_numpy() / 1e6  # type: ignore[no-any-return]


def _column(array: pa.Array, dimensions: int = 0) -> Column:
    if is_vector(array.type):
        return matrix(array, dimensions)
    if pa.types.is_timestamp(array.type):
        micros = array.cast(pa.int64()).cast(pa.float64(), safe=False)
        return np.asarray(micros.to_numpy(zero_copy_only=False)) / 1e6
    if pa.types.is_string(array.type):
        return _coded(array)
    if pa.types.is_boolean(array.type):
        codes = array.cast(pa.int32()).fill_null(-1).to_numpy()
        return Coded(codes, ("false", "true"))
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype=np.float64)


def _coded(array: pa.Array) -> Coded:
    encoded = array.dictionary_encode()
    codes = encoded.indices.cast(pa.int32()).fill_null(-1).to_numpy()
    return Coded(codes, tuple(encoded.dictionary.to_pylist()))
