"""Rows of one monitor, gathered from several exchanges into one batch."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from monitor.batches import Conformed, conform, predictions, request_ids
from monitor.decoders import Decoded
from monitor.kafka.messages import Registration

CHUNK_ROWS = 1_024
"""So many rows become Arrow at a time: while what was parsed is still in the processor's cache."""


@dataclass(slots=True)
class Gathering:
    """Rows are added exchange by exchange and become a batch in the end.

    model_version: of the model that answered, empty where nobody says. origins: where traces began.
    """

    registration: Registration
    model_version: str = ""
    origins: list[str] = field(default_factory=list)
    _ids: list[str] = field(default_factory=list)
    _n_rows: list[int] = field(default_factory=list)
    _times: list[float] = field(default_factory=list)
    _latencies_s: list[float] = field(default_factory=list)
    _columns: dict[str, list[object]] = field(default_factory=dict)
    _n_waiting: int = 0
    _conformed: list[Conformed] = field(default_factory=list)

    def add(self, request_id: str, decoded: Decoded, *, time: float, latency_s: float) -> None:
        """The rows of one exchange. time: when it was, in seconds since 1970."""
        self._ids += request_ids(request_id, decoded.n)
        self._n_rows.append(decoded.n)
        self._times.append(time)
        self._latencies_s.append(latency_s)
        for name, values in decoded.columns.items():
            if name not in self._columns:
                self._columns[name] = [None] * self._n_waiting
            self._columns[name].extend(values)
        self._n_waiting += decoded.n
        if len(decoded.columns) < len(self._columns):
            for column in self._columns.values():
                column.extend([None] * (self._n_waiting - len(column)))
        # Without a schema, what type a column has depends on all its values.
        if self._n_waiting >= CHUNK_ROWS and self.registration.schema:
            self._conform()

    def _conform(self) -> None:
        schema = self.registration.schema
        self._conformed.append(conform(self._columns, schema, n=self._n_waiting))
        self._columns, self._n_waiting = {}, 0

    def to_arrow(self) -> pa.RecordBatch | None:
        """The batch; None where nothing was added."""
        if self._n_waiting:
            self._conform()
        if not self._conformed:
            return None
        times, latencies_s = np.repeat([self._times, self._latencies_s], self._n_rows, axis=1)
        return predictions(self._ids, times, latencies_s, _joined(self._conformed))


def _joined(chunks: Sequence[Conformed]) -> Conformed:
    """The chunks one after the other; all have the same columns."""
    if len(chunks) == 1:
        return chunks[0]
    mismatched: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    absent: Counter[str] = Counter()
    for chunk in chunks:
        mismatched.update(chunk.mismatched)
        unknown.update(chunk.unknown)
        absent.update(chunk.absent)
    names = chunks[0].columns
    return Conformed(
        {name: pa.concat_arrays([chunk.columns[name] for chunk in chunks]) for name in names},
        mismatched,
        unknown,
        absent,
    )
