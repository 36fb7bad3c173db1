"""Which of the rows that somebody sends fit a monitor, and why the others do not."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from detectors.columns import Field
from monitor.batches.conforming import Conformed, conform, is_missing, listed
from monitor.batches.reading import ReadRows
from monitor.batches.wire import LABEL, labels, predictions

Judged = tuple[pa.RecordBatch, Mapping[int, str]]
"""The rows that are good, and why the others are not, by position."""


def judged_predictions(read: ReadRows, schema: Sequence[Field]) -> Judged:
    """The rows all of whose values are of their column's type; the others join the rejected."""
    conformed = conform(read.columns, schema, n=len(read.ids))
    if conformed.mismatched:
        read = read.without(_mismatches(read, conformed))
        conformed = conform(read.columns, schema, n=len(read.ids))
    return predictions(read.ids, read.times, [None] * len(read.ids), conformed), read.rejected


def _mismatches(read: ReadRows, conformed: Conformed) -> Mapping[int, str]:
    reasons: dict[int, str] = {}
    for name in conformed.mismatched:
        array = conformed.columns[name]
        fits = array.is_valid().to_pylist()
        for i, value in enumerate(listed(read.columns[name])):
            if not fits[i] and not is_missing(value):
                reasons.setdefault(i, f"{name}: {_short(value)} is not of type {array.type}")
    return reasons


def judged_labels(read: ReadRows, _: Sequence[Field] = ()) -> Judged:
    """The rows whose label is a number, a boolean or text."""
    kept = read.without(label_faults(read))
    return labels(kept.ids, kept.times, kept.columns.get(LABEL, [])), kept.rejected


def label_faults(read: ReadRows) -> Mapping[int, str]:
    """Why some rows have no label, by their place among the accepted ones."""
    return {
        i: "label must be a number, a boolean or text"
        for i, value in enumerate(listed(read.columns.get(LABEL, [None] * len(read.ids))))
        if not isinstance(value, bool | int | float | str)
    }


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
