"""The rows of many messages of one monitor as one batch: counting is cheapest in bulk."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detectors.columns import Coded, Column, ColumnType, Counts, Field, Floats, Role, Rows
from monitor.aggregate.joining import Labelled, Value
from monitor.batches import (
    ARROW_TYPES,
    ID,
    LABEL,
    TIME,
    conform,
    lost,
    one_in,
    to_rows,
    weights,
)

if TYPE_CHECKING:
    from monitor.aggregate.reading import Batch


@dataclass(frozen=True, slots=True)
class LogRows:
    """Rows with what the log says of each.

    ids, times: of the predictions; seconds since 1970.
    offsets, log_times: of the message that each row came in.
    mismatched: by the offset of a message that had any, its values that were not of their
        column's type, by column.
    sources: who sent the messages. source: (rows,) which of them sent each row.
    weights, one_in: (rows,) how many sampled rows each stands for, and of how many predictions one
        was sampled. has_new: (rows,) whether it came with columns that the reference lacks.
    """

    rows: Rows
    ids: list[str]
    times: Floats
    offsets: NDArray[np.int64]
    log_times: Floats
    mismatched: Mapping[int, Mapping[str, int]]
    sources: Sequence[str]
    source: NDArray[np.intp]
    weights: Counts
    one_in: Counts
    has_new: NDArray[np.bool_]


def log_rows(batches: Sequence["Batch"], schema: Sequence[Field]) -> Iterator[LogRows]:
    """The batches' rows in their order, as few bulks as their Arrow schemas allow."""
    run: list[Batch] = []
    for batch in batches:
        if run and not batch.rows.schema.equals(run[0].rows.schema):
            yield _merged(run, schema)
            run = []
        run.append(batch)
    if run:
        yield _merged(run, schema)


def labels_of(batch: "Batch", prediction: Field) -> tuple[list[Labelled], list[int]]:
    """The labels of a batch in the type of what they are the truth of; and the offsets of the
    messages of those that do not fit that type.
    """
    label = Field(LABEL, prediction.type, Role.FEATURE)
    wanted = [name for name in (ID, TIME, LABEL) if name in batch.rows.schema.names]
    rows, ids, times = to_rows(batch.rows.select(wanted), [label])
    values = values_of(rows.columns[LABEL])
    offsets = batch.offsets.tolist()
    told = zip(ids, values, times.tolist(), offsets, strict=True)
    labels = [Labelled(i, v, time, offset) for i, v, time, offset in told if v is not None]
    return labels, [offset for v, offset in zip(values, offsets, strict=True) if v is None]


def values_of(column: Column) -> list[Value]:
    """A column's values as Python scalars; None is missing."""
    if isinstance(column, Coded):
        levels = [*column.levels, None]  # the code -1 is the last
        return [levels[code] for code in column.codes]
    return [None if value != value else value for value in column.tolist()]  # noqa: PLR0124 - NaN


def ids_at(ids: Sequence[str], where: NDArray[np.intp]) -> Sequence[str]:
    """The ids of some rows, given in their order; usually of all, which costs nothing."""
    return ids if len(where) == len(ids) else [ids[i] for i in where.tolist()]


def column_of(values: Sequence[Value], prediction: Field) -> Column:
    """The opposite of `values_of`, for a column of the given type."""
    if prediction.type.is_numeric:
        return np.array([np.nan if v is None else v for v in values], dtype=np.float64)
    levels = sorted({str(value) for value in values if value is not None})
    code_of: dict[Value, int] = {level: code for code, level in enumerate(levels)}
    return Coded(np.array([code_of.get(value, -1) for value in values], dtype=np.int32), levels)


def mismatched(rows: pa.RecordBatch, schema: Sequence[Field]) -> Mapping[str, int]:
    """By column, the values that did not fit when a batch was made or do not fit now."""
    found = Counter(lost(rows, "mismatched"))
    types = dict(zip(rows.schema.names, rows.schema.types, strict=True))
    others = [f for f in schema if f.name in types and not _must_fit(f, types[f.name])]
    columns = {f.name: rows[f.name] for f in others}
    found.update(conform(columns, others, n=rows.num_rows).mismatched if others else {})
    return found


def _must_fit(field: Field, type_: pa.DataType) -> bool:
    """Whether all values of an Arrow type are of a column's; a vector's length is not its type."""
    return field.type is not ColumnType.VECTOR and type_ == ARROW_TYPES[field.type]


def _merged(batches: Sequence["Batch"], schema: Sequence[Field]) -> LogRows:
    rows, ids, times = to_rows(pa.concat_batches([b.rows for b in batches]), schema)
    sizes = [batch.rows.num_rows for batch in batches]
    sources = list(dict.fromkeys(batch.source for batch in batches))
    return LogRows(
        rows,
        ids,
        times,
        offsets=np.concatenate([batch.offsets for batch in batches]),
        log_times=np.concatenate([batch.log_times for batch in batches]),
        mismatched={
            offset: counts for batch in batches for offset, counts in batch.mismatched.items()
        },
        sources=sources,
        source=np.repeat([sources.index(batch.source) for batch in batches], sizes),
        weights=np.concatenate([weights(batch.rows) for batch in batches]),
        one_in=np.repeat([one_in(batch.rows) for batch in batches], sizes),
        has_new=np.repeat([bool(lost(batch.rows, "unknown")) for batch in batches], sizes),
    )
