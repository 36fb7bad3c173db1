"""From tables to the profiles of panes, as collectors and aggregators make them of predictions."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from detectors.columns import Column, Field, Floats, rows_at
from detectors.profile import count, count_faults, count_labels
from detectors.profile.segments import split
from detectors.reference import Reference
from monitor.apply.resolving import fit_predictions
from monitor.backtest.reading import Read
from monitor.batches import TIME, conform
from monitor.files import FileError, listed, to_rows
from monitor.leaving.reference import redacted
from monitor.spec.model import Monitor, Spec


@dataclass(frozen=True, slots=True)
class Panes:
    """The profiles of all panes, by where they begin, in seconds since 1970.

    rows: of predictions. labels: of their labels, which a window is decided without.
    segments: of both, of the rows of the reference's nth segment, with n, which begins at 1.
    """

    rows: dict[float, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    labels: dict[float, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    segments: dict[float, list[tuple[int, bytes]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def starts(self, since: float | None) -> Iterable[float]:
        """Of those with rows, from a moment on."""
        return [start for start in self.rows if since is None or start >= since]

    def profiles(self, since: float | None) -> Iterable[tuple[float, bytes]]:
        """Their starts, and the profiles of rows."""
        return [(start, one) for start in self.starts(since) for one in self.rows[start]]

    def of_segments(self, starts: Iterable[float]) -> dict[int, list[bytes]]:
        """What the panes that begin so have of each segment."""
        found: dict[int, list[bytes]] = {}
        for start in starts:
            for n, profile in self.segments.get(start, ()):
                found.setdefault(n, []).append(profile)
        return found


def fit_first(reads: Iterable[Read], spec: Spec, *, hash_key: bytes | None) -> Reference:
    """The reference of a monitor of the first predictions: of the first rows of the files.

    Raises FileError or ReferenceError.
    """
    assert spec.reference.first is not None
    batches: list[pa.RecordBatch] = []
    lacking = spec.reference.first
    for one in reads:
        table = redacted(one.table.slice(0, lacking), spec, hash_key)
        micros = pa.array(np.rint(one.times[:lacking] * 1e6).astype(np.int64))
        table = table.append_column(TIME, micros.cast(pa.timestamp("us", "UTC")))
        batches += table.to_batches()
        lacking -= len(table)
        if lacking == 0:
            return fit_predictions(batches, spec)
    raise FileError(
        f"the reference is of the first {spec.reference.first:,} predictions, and the files hold "
        f"{lacking:,} fewer"
    )


def count_panes(
    panes: Panes, found: Read, monitor: Monitor, reference: Reference, *, hash_key: bytes | None
) -> None:
    """Adds the rows of a table to the profiles of their panes, and the labels that it has.

    Values that do not fit their column's type are missing and counted, as in production.
    Raises FileError where a column cannot leave as the document says, and for a table that has
    none of the reference's columns.
    """
    spec = monitor.spec
    wanted = [f.name for f in reference.schema if f.name in found.table.column_names]
    if not wanted:
        names = listed([f.name for f in reference.schema])
        raise FileError(f"none of the reference's columns is in the files: {names}")
    label = spec.label if spec.label in found.table.column_names else None
    table = found.table.select(wanted if label is None else [*wanted, label])
    table = redacted(table, spec, hash_key)
    if reference.target is None:
        label = None
    starts = np.floor(found.times / monitor.pane_s) * monitor.pane_s
    for start in np.unique(starts).tolist():
        where = np.flatnonzero(starts == start)
        _count_pane(panes, start, table.take(pa.array(where)), found.times[where], reference, label)


def _count_pane(
    panes: Panes,
    start: float,
    table: pa.Table,
    times: Floats,
    reference: Reference,
    label: str | None,
) -> None:
    columns, mismatched = _columns(table, reference.schema)
    rows, _, _ = to_rows(columns, reference.schema)
    faults = count_faults(reference, mismatched=mismatched, n_repeated=0)
    panes.rows[start].append((count(rows, reference, times=times) + faults).to_bytes())
    if label is not None:
        panes.labels[start].append(_labels(table, label, reference))
    for index, among in split(rows, reference.segments):
        profile = count(rows_at(rows, among), reference, times=times[among]).to_bytes()
        panes.segments[start].append((index + 1, profile))
        if label is not None:
            own = _labels(table.take(pa.array(among)), label, reference)
            panes.segments[start].append((index + 1, own))


def _labels(table: pa.Table, label: str, reference: Reference) -> bytes:
    target = reference.target
    assert target is not None
    fields = [f for f in reference.schema if f.name in target.columns]
    columns, _ = _columns(table, fields)
    beside = to_rows(columns, fields)[0].columns
    prediction = next(f for f in fields if f.name == target.prediction)
    truth = _truth(table, label, prediction)
    return count_labels(beside[prediction.name], truth, reference, beside=beside).to_bytes()


def _truth(table: pa.Table, label: str, prediction: Field) -> Column:
    """The labels in the type of what they are the truth of."""
    declared = Field(label, prediction.type)
    columns, _ = _columns(table.select([label]), [declared])
    return to_rows(columns, [declared])[0].columns[label]


def _columns(table: pa.Table, schema: Sequence[Field]) -> tuple[pa.Table, Mapping[str, int]]:
    """The columns in the schema's types, and the values that did not fit, by column."""
    values = {f.name: _plain(table.column(f.name)) for f in schema if f.name in table.column_names}
    conformed = conform(values, schema, n=len(table))
    return pa.table(dict(conformed.columns)), conformed.mismatched


def _plain(column: pa.ChunkedArray) -> pa.Array:
    """Decimals are numbers in files; on the wire there are none."""
    values = column.combine_chunks()
    return values.cast(pa.float64()) if pa.types.is_decimal(values.type) else values
