"""Many JSON messages of one monitor at once: a row costs a tenth of what it costs alone."""

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from detectors.columns import Field, Floats
from monitor.batches.conforming import Conformed, conform, is_missing
from monitor.batches.reading import ID_KEY, MAX_ID_LENGTH, TIME_KEY
from monitor.batches.times import END_OF_TIME, parse_time
from monitor.batches.wire import (
    LABEL,
    MAX_BYTES,
    MAX_CELLS,
    BatchError,
    labels,
    predictions,
)

_Columns = dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class JsonBatch:
    """The rows of some messages in their order.

    message: (rows,) which of the messages each row came in.
    mismatched: by position of a row, its columns whose value was not of the column's type.
    """

    rows: pa.RecordBatch
    message: NDArray[np.intp]
    mismatched: Mapping[int, Sequence[str]]


ReadMessages = Callable[[Sequence[bytes], Sequence[Field], Sequence[float]], JsonBatch]


def predictions_of_messages(
    raws: Sequence[bytes], schema: Sequence[Field], nows: Sequence[float]
) -> JsonBatch:
    """The rows of messages {"rows": [{"id", "time"?, columns…}]} of the topic predictions.

    nows: the time of each message, which is that of its rows that name none.
    Raises BatchError where any of the messages is anything else; `from_json` may read it, or
    says what is wrong with it.
    """
    return predictions_of_lists(_lists_in(raws), schema, nows)


def labels_of_messages(
    raws: Sequence[bytes], schema: Sequence[Field], nows: Sequence[float]
) -> JsonBatch:
    """The same of messages {"rows": [{"id", "label", "time"?}]} of the topic labels."""
    return labels_of_lists(_lists_in(raws), schema, nows)


def predictions_of_lists(
    lists: Sequence[object], schema: Sequence[Field], nows: Sequence[float]
) -> JsonBatch:
    """The same where the messages' `rows` have been taken out of them."""
    columns, message = _columns_of(lists)
    ids, times = _ids_of(columns), _times_of(columns, np.asarray(nows)[message])
    conformed = conform(columns, schema, n=len(ids))
    mismatched = _mismatched(columns, conformed)
    told = replace(conformed, mismatched={})  # `mismatched` says it more exactly
    return JsonBatch(predictions(ids, times, [None] * len(ids), told), message, mismatched)


def labels_of_lists(
    lists: Sequence[object], _: Sequence[Field], nows: Sequence[float]
) -> JsonBatch:
    """The same of labels."""
    columns, message = _columns_of(lists)
    ids, times = _ids_of(columns), _times_of(columns, np.asarray(nows)[message])
    return JsonBatch(labels(ids, times, columns.get(LABEL, [None] * len(ids))), message, {})


def _lists_in(raws: Sequence[bytes]) -> list[object]:
    if max(map(len, raws)) > MAX_BYTES:
        raise BatchError(f"a message has more than {MAX_BYTES} bytes")
    try:
        with _unsearched():
            return [orjson.loads(raw)["rows"] for raw in raws]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise BatchError(f"a message without rows: {error}") from error


@contextmanager
def _unsearched() -> Iterator[None]:
    """So many rows at once would be searched for cycles again and again, which takes a third of
    the time; they hold none."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _columns_of(lists: Sequence[Any]) -> tuple[_Columns, NDArray[np.intp]]:
    if set(map(type, lists)) != {list}:
        raise BatchError("rows that are no list")
    rows = list(chain.from_iterable(lists))
    if set(map(type, rows)) != {dict}:
        raise BatchError("rows that are no objects, or none")
    return _turned(rows), np.repeat(np.arange(len(lists)), list(map(len, lists)))


def _turned(rows: Sequence[dict[str, Any]]) -> _Columns:
    names = list(rows[0])
    if len(names) * len(rows) > MAX_CELLS:
        raise BatchError(f"more than {MAX_CELLS} values")
    if len(names) > 1 and set(map(len, rows)) == {len(names)}:
        with suppress(KeyError):  # other names, but as many
            values = zip(*map(itemgetter(*names), rows), strict=True)
            return dict(zip(names, map(list, values), strict=True))
    every = dict.fromkeys(chain.from_iterable(rows))
    if len(every) * len(rows) > MAX_CELLS:
        raise BatchError(f"more than {MAX_CELLS} values")
    return {name: [row.get(name) for row in rows] for name in every}


def _ids_of(columns: _Columns) -> list[str]:
    ids = columns.pop(ID_KEY, None)
    if ids is None or set(map(type, ids)) != {str}:
        raise BatchError("a row has no id")
    lengths = set(map(len, ids))
    if min(lengths) == 0 or max(lengths) > MAX_ID_LENGTH:
        raise BatchError("an id is too long, or empty")
    return ids


def _times_of(columns: _Columns, nows: Floats) -> Floats:
    """(rows,) seconds since 1970, those of their messages where they name none."""
    values = columns.pop(TIME_KEY, None)
    if values is None:
        return nows
    if not set(map(type, values)) <= {int, float}:
        values = [_parsed(value) for value in values]
    try:
        named = np.array(values, dtype=np.float64)
    except OverflowError as error:
        raise BatchError("a time is no time") from error
    times = np.where(np.isnan(named), nows, named)
    if not ((times >= 0) & (times < END_OF_TIME)).all():
        raise BatchError("a time is no time")
    return times


def _parsed(value: object) -> float:
    time = np.nan if value is None else parse_time(value)
    if time is None:
        raise BatchError("a time is no time")
    return time


def _mismatched(columns: _Columns, conformed: Conformed) -> Mapping[int, Sequence[str]]:
    found: dict[int, list[str]] = {}
    for name in conformed.mismatched:
        fits = conformed.columns[name].is_valid().to_pylist()
        for i, value in enumerate(columns[name]):
            if not fits[i] and not is_missing(value):
                found.setdefault(i, []).append(name)
    return found
