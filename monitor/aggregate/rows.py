"""The rows of many messages of one monitor as one batch: counting is cheapest in bulk."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detectors.columns import Coded, Column, Field, Floats, Role, Rows
from monitor.aggregate.joining import Value
from monitor.aggregate.reading import Batch
from monitor.batches import ARROW_TYPES, ID, LABEL, TIME, conform, lost, to_rows


@dataclass(frozen=True, slots=True)
class LogRows:
    """Rows with what the log says of each.

    ids, times: of the predictions; seconds since 1970.
    offsets, log_times: of the message that each row came in.
    mismatched: by the offset of a message that had any, its values that were not of their
        column's type, by column.
    """

    rows: Rows
    ids: list[str]
    times: Floats
    offsets: NDArray[np.int64]
    log_times: Floats
    mismatched: Mapping[int, Mapping[str, int]]


def log_rows(batches: Sequence[Batch], schema: Sequence[Field]) -> Iterator[LogRows]:
    """The batches' rows in their order, as few bulks as their Arrow schemas allow."""
    run: list[Batch] = []
    for batch in batches:
        if run and not batch.rows.schema.equals(run[0].rows.schema):
            yield _merged(run, schema)
            run = []
        run.append(batch)
    if run:
        yield _merged(run, schema)


def labels_of(batch: Batch, prediction: Field) -> tuple[list[Value], list[str]]:
    """The labels of a message in the type of what they are the truth of, and their ids.

    What does not fit that type is None.
    """
    label = Field(LABEL, prediction.type, Role.FEATURE)
    wanted = [name for name in (ID, TIME, LABEL) if name in batch.rows.schema.names]
    rows, ids, _ = to_rows(batch.rows.select(wanted), [label])
    return values_of(rows.columns[LABEL]), ids


def values_of(column: Column) -> list[Value]:
    """A column's values as Python scalars; None is missing."""
    if isinstance(column, Coded):
        levels = [*column.levels, None]  # the code -1 is the last
        return [levels[code] for code in column.codes]
    return [None if value != value else value for value in column.tolist()]  # noqa: PLR0124 - NaN


def column_of(values: Sequence[Value], prediction: Field) -> Column:
    """The opposite of `values_of`, for a column of the given type."""
    if prediction.type.is_numeric:
        return np.array([np.nan if v is None else v for v in values], dtype=np.float64)
    levels = sorted({str(value) for value in values if value is not None})
    code_of: dict[Value, int] = {level: code for code, level in enumerate(levels)}
    return Coded(np.array([code_of.get(value, -1) for value in values], dtype=np.int32), levels)


def _merged(batches: Sequence[Batch], schema: Sequence[Field]) -> LogRows:
    rows, ids, times = to_rows(pa.concat_batches([b.rows for b in batches]), schema)
    sizes = [batch.rows.num_rows for batch in batches]
    return LogRows(
        rows,
        ids,
        times,
        offsets=np.repeat([batch.record.offset for batch in batches], sizes),
        log_times=np.repeat([batch.record.time for batch in batches], sizes),
        mismatched={
            batch.record.offset: counts
            for batch in batches
            if (counts := _mismatched(batch.rows, schema))
        },
    )


def _mismatched(rows: pa.RecordBatch, schema: Sequence[Field]) -> Mapping[str, int]:
    """By column, the values that did not fit when the batch was made or do not fit now."""
    found = Counter(lost(rows, "mismatched"))
    others = [
        f
        for f in schema
        if f.name in rows.schema.names and rows.schema.field(f.name).type != ARROW_TYPES[f.type]
    ]
    columns = {f.name: rows[f.name] for f in others}
    found.update(conform(columns, others, n=rows.num_rows).mismatched if others else {})
    return found
