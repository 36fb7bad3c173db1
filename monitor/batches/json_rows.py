"""Rows in JSON: what a push and a plain message hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from detectors.columns import Field
from monitor.batches.conforming import conform
from monitor.batches.times import parse_time
from monitor.batches.wire import LABEL, MAX_BYTES, BatchError, labels, predictions

MAX_ID_LENGTH = 512


@dataclass(frozen=True, slots=True)
class ReadRows:
    """What was read of rows in JSON.

    positions: of the accepted rows in what was sent; ids and times: theirs; columns: their other
    keys, column by column. rejected: why, by position.
    """

    positions: list[int]
    ids: list[str]
    times: list[float]
    columns: dict[str, list[object]]
    rejected: dict[int, str]

    def without(self, reasons: Mapping[int, str]) -> "ReadRows":
        """Rejects further rows, named by their place among the accepted ones."""
        stay = [i for i in range(len(self.ids)) if i not in reasons]
        return ReadRows(
            [self.positions[i] for i in stay],
            [self.ids[i] for i in stay],
            [self.times[i] for i in stay],
            {name: [values[i] for i in stay] for name, values in self.columns.items()},
            self.rejected | {self.positions[i]: reason for i, reason in reasons.items()},
        )


def read_rows(rows: object, *, now: float) -> ReadRows:
    """Sorts rows such as {"id": "a", "time": …, "x": 1.5} into columns; each bad row says why.

    `now` is the time of rows that name none. Raises BatchError if there is no list of rows.
    """
    if not isinstance(rows, list):
        raise BatchError("'rows' must be a list of objects")
    rejected = {i: reason for i, row in enumerate(rows) if (reason := _fault(row)) is not None}
    positions = [i for i in range(len(rows)) if i not in rejected]
    good = [rows[i] for i in positions]
    return ReadRows(
        positions,
        [row["id"] for row in good],
        [_time_of(row, now) for row in good],
        _by_column(good),
        rejected,
    )


def _time_of(row: Mapping[str, object], now: float) -> float:
    time = parse_time(row.get("time"))
    return now if time is None else time


def _fault(row: Any) -> str | None:
    """What is wrong with one row, None if nothing is."""
    if not isinstance(row, dict):
        return "a row must be an object"
    match row.get("id"):
        case str(id_) if 0 < len(id_) <= MAX_ID_LENGTH:
            pass
        case _:
            return f"id must be text of 1 to {MAX_ID_LENGTH} characters"
    if row.get("time") is not None and parse_time(row["time"]) is None:
        return "time must be an RFC 3339 time with its zone, or seconds since 1970"
    return None


def _by_column(rows: Sequence[Mapping[str, object]]) -> dict[str, list[object]]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names if name not in ("id", "time")}


def from_json(raw: bytes, schema: Sequence[Field], *, now: float) -> pa.RecordBatch:
    """The batch in a JSON message {"rows": [{"id", "time"?, columns…}]} of the topic predictions.

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
    read = read_rows(body.get("rows") if isinstance(body, dict) else None, now=now)
    for i, reason in read.rejected.items():
        raise BatchError(f"row {i}: {reason}")
    return read
