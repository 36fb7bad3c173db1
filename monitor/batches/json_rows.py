"""Rows in JSON: what a push and a plain message hold."""

from collections.abc import Mapping, Sequence

import orjson
import pyarrow as pa

from detectors.columns import Field
from monitor.batches.conforming import conform
from monitor.batches.reading import ReadRows, read_columns, read_rows
from monitor.batches.wire import LABEL, MAX_BYTES, BatchError, labels, predictions


def read_body(body: Mapping[str, object], *, now: float) -> ReadRows:
    """What {"rows": [{…}]} or {"columns": {…}} holds. Raises BatchError where it has neither."""
    if "columns" in body and "rows" in body:
        raise BatchError("both 'rows' and 'columns'")
    if "columns" in body:
        return read_columns(body["columns"], now=now)
    return read_rows(body.get("rows"), now=now)


def from_json(raw: bytes, schema: Sequence[Field], *, now: float) -> pa.RecordBatch:
    """The batch in a JSON message {"rows": [{"id", "time"?, columns…}]} of the topic predictions,
    or {"columns": {"id": […], …}}.

    `now` is the time of rows that name none: the message's own. Raises BatchError.
    """
    read = _all_rows(raw, now=now)
    conformed = conform(read.columns, schema, n=len(read.ids))
    return predictions(read.ids, read.times, [None] * len(read.ids), conformed)


def labels_from_json(raw: bytes, *, now: float) -> pa.RecordBatch:
    """The batch in a JSON message {"rows": [{"id", "label", "time"?}]} of the topic labels."""
    read = _all_rows(raw, now=now)
    return labels(read.ids, read.times, _labels_of(read))


def _labels_of(read: ReadRows) -> Sequence[object]:
    return read.columns.get(LABEL, [None] * len(read.ids))


def _all_rows(raw: bytes, *, now: float) -> ReadRows:
    if len(raw) > MAX_BYTES:
        raise BatchError(f"the message has {len(raw)} bytes, more than {MAX_BYTES}")
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BatchError(f"not JSON: {error}") from error
    read = read_body(body if isinstance(body, dict) else {}, now=now)
    for i, reason in read.rejected.items():
        raise BatchError(f"row {i}: {reason}")
    return read
