"""Rows of many messages of one monitor as one batch: carrying over is cheapest in bulk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from detectors.columns import Field
from monitor.batches import LABEL, ReadRows, conform, labels, predictions
from monitor.batches.conforming import listed


@dataclass(slots=True)
class Gathered:
    """latencies_s: None where they are not known. origins: traceparents of the messages."""

    ids: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    latencies_s: list[float | None] = field(default_factory=list)
    columns: dict[str, list[object]] = field(default_factory=dict)
    origins: list[str] = field(default_factory=list)

    def add(self, rows: ReadRows, latency_s: float | None, origin: str | None) -> None:
        before, n = len(self.ids), len(rows.ids)
        self.ids += rows.ids
        self.times += rows.times
        self.latencies_s += [latency_s] * n
        self._extend(rows.columns, before, n)
        if origin is not None:
            self.origins.append(origin)

    def _extend(self, columns: Mapping[str, Sequence[object]], before: int, n: int) -> None:
        """What some messages have and others have not is missing in these."""
        for name, values in columns.items():
            if name not in self.columns:
                self.columns[name] = [None] * before
            self.columns[name].extend(listed(values))
        if len(columns) < len(self.columns):
            for column in self.columns.values():
                column.extend([None] * (before + n - len(column)))

    def predictions(self, schema: Sequence[Field]) -> pa.RecordBatch:
        conformed = conform(self.columns, schema, n=len(self.ids))
        return predictions(self.ids, self.times, self.latencies_s, conformed)

    def labels(self) -> pa.RecordBatch:
        return labels(self.ids, self.times, self.columns.get(LABEL, []))
