"""Rows that somebody sends, as objects or as columns: each is taken, or says why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from monitor.batches.conforming import Values, listed
from monitor.batches.times import parse_time
from monitor.batches.wire import BatchError

MAX_ID_LENGTH = 512

ID_KEY, TIME_KEY = "id", "time"


@dataclass(frozen=True, slots=True)
class ReadRows:
    """What was read of rows.

    positions: of the accepted rows in what was sent; ids and times: theirs; columns: their other
    values, column by column. rejected: why, by position.
    """

    positions: list[int]
    ids: list[str]
    times: list[float]
    columns: Mapping[str, Values]
    rejected: dict[int, str]

    def without(self, reasons: Mapping[int, str]) -> "ReadRows":
        """Rejects further rows, named by their place among the accepted ones."""
        if not reasons:
            return self
        stay = [i for i in range(len(self.ids)) if i not in reasons]
        return ReadRows(
            [self.positions[i] for i in stay],
            [self.ids[i] for i in stay],
            [self.times[i] for i in stay],
            {name: _at(values, stay) for name, values in self.columns.items()},
            self.rejected | {self.positions[i]: reason for i, reason in reasons.items()},
        )


def read_rows(rows: object, *, now: float) -> ReadRows:
    """Sorts rows such as {"id": "a", "time": …, "x": 1.5} into columns; each bad row says why.

    `now` is the time of rows that name none. Raises BatchError if there is no list of rows.
    """
    if not isinstance(rows, list):
        raise BatchError("'rows' must be a list of objects")
    rejected = {i: reason for i, row in enumerate(rows) if (reason := _fault_of(row)) is not None}
    positions = [i for i in range(len(rows)) if i not in rejected]
    good = [rows[i] for i in positions]
    return ReadRows(
        positions,
        [row[ID_KEY] for row in good],
        [_time_of(row.get(TIME_KEY), now) for row in good],
        _by_column(good),
        rejected,
    )


def read_columns(columns: object, *, now: float) -> ReadRows:
    """The same of columns such as {"id": ["a"], "time": […], "x": [1.5]}: lists or Arrow arrays.

    Raises BatchError where they are no columns of one length.
    """
    if not isinstance(columns, Mapping) or not all(map(_is_column, columns.values())):
        raise BatchError("'columns' must be an object of lists")
    lengths = set(map(len, columns.values())) or {0}
    if len(lengths) > 1:
        raise BatchError("columns have different numbers of values")
    n = lengths.pop()
    ids: list[Any] = [*listed(columns.get(ID_KEY, [None] * n))]
    times = _listed_times(columns.get(TIME_KEY, [None] * n))
    faults = map(_fault, ids, times)
    rejected = {i: reason for i, reason in enumerate(faults) if reason is not None}
    others = {name: v for name, v in columns.items() if name not in (ID_KEY, TIME_KEY)}
    everything = ReadRows(list(range(n)), ids, [_time_of(time, now) for time in times], others, {})
    return everything.without(rejected)


def _is_column(values: object) -> bool:
    return isinstance(values, list | pa.Array)


def _listed_times(values: Values) -> Sequence[object]:
    """Raises BatchError for times without a zone."""
    if isinstance(values, pa.Array) and pa.types.is_timestamp(values.type) and not values.type.tz:
        raise BatchError("times need a time zone")
    return listed(values)


def _at(values: Values, stay: Sequence[int]) -> Values:
    if isinstance(values, pa.Array):
        return values.take(pa.array(stay, pa.int64()))  # type: ignore[no-any-return]
    return [values[i] for i in stay]


def _time_of(value: object, now: float) -> float:
    time = parse_time(value)
    return now if time is None else time


def _fault_of(row: object) -> str | None:
    if not isinstance(row, dict):
        return "a row must be an object"
    return _fault(row.get(ID_KEY), row.get(TIME_KEY))


def _fault(id_: object, time: object) -> str | None:
    """What is wrong with one row, None if nothing is."""
    if not isinstance(id_, str) or not 0 < len(id_) <= MAX_ID_LENGTH:
        return f"id must be text of 1 to {MAX_ID_LENGTH} characters"
    if time is not None and parse_time(time) is None:
        return "time must be an RFC 3339 time with its zone, or seconds since 1970"
    return None


def _by_column(rows: Sequence[Mapping[str, object]]) -> dict[str, list[object]]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {
        name: [row.get(name) for row in rows] for name in names if name not in (ID_KEY, TIME_KEY)
    }
