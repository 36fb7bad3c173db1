"""References of what the topic predictions holds: the first rows, or those of a trailing window."""

import zlib
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from kafka.structs import TopicPartition

from detectors.columns import Floats
from monitor.aggregate.reading import UnreadableError, monitor_of, read_predictions
from monitor.batches import ID, TIME
from monitor.files import times_of
from monitor.kafka.connecting import Broker
from monitor.kafka.ends import ends
from monitor.kafka.messages import Registration
from monitor.kafka.records import Record, records_of
from monitor.spec.durations import format_duration

CLIENT = "driftmeter-registrar"
POLL_MS = 200
FEWEST_ROWS = 100
MOST_ROWS = 1_000_000
"""Of a trailing window: of more, every second one is left out, chosen by its id, and again."""


class Gathering(Protocol):
    """Rows that a reference waits for."""

    @property
    def batches(self) -> Sequence[pa.RecordBatch] | None:
        """None while there are too few."""
        ...

    @property
    def progress(self) -> str: ...

    def poll(self) -> None:
        """Takes what has come."""
        ...

    def close(self) -> None: ...


class PredictionLog:
    """One monitor's rows in the topic predictions, from its beginning."""

    def __init__(self, broker: Broker, registration: Registration) -> None:
        self._registration = registration
        self._consumer: Any = broker.consumer(client_id=CLIENT)
        topic = broker.topics.predictions
        numbers = sorted(self._consumer.partitions_for_topic(topic) or ())
        places = [TopicPartition(topic, number) for number in numbers]
        self._backlog = ends(broker, places, client_id=CLIENT)
        self._consumer.assign(places)

    def poll(self) -> list[pa.RecordBatch]:
        """What has come; messages that cannot be read are aggregate's to complain of."""
        polled = self._consumer.poll(timeout_ms=POLL_MS, max_records=5_000)
        records = records_of(record for records in polled.values() for record in records)
        ours = [record for record in records if self._is_ours(record)]
        return [batch.rows for batch in read_predictions(ours, self._registration)[0]]

    @property
    def has_caught_up(self) -> bool:
        """Whether all has been read that there was at first."""
        return all(self._consumer.position(at) >= end for at, end in self._backlog.items())

    def close(self) -> None:
        self._consumer.close()

    def _is_ours(self, record: Record) -> bool:
        try:
            return monitor_of(record) == self._registration.name
        except UnreadableError:
            return False


class FirstRows:
    """The first `n` rows."""

    def __init__(self, log: PredictionLog, n: int) -> None:
        self._log = log
        self._n = n
        self._batches: list[pa.RecordBatch] = []
        self._n_rows = 0

    @property
    def batches(self) -> Sequence[pa.RecordBatch] | None:
        return self._batches if self._n_rows >= self._n else None

    @property
    def progress(self) -> str:
        return f"waits for predictions: {self._n_rows} of {self._n}"

    def poll(self) -> None:
        if self._n_rows >= self._n:
            return
        for batch in self._log.poll():
            taken = batch.slice(0, self._n - self._n_rows)
            if taken.num_rows:
                self._batches.append(taken)
                self._n_rows += taken.num_rows

    def close(self) -> None:
        self._log.close()


class TrailingRows:
    """The rows of the last `span_s` seconds of event time, as soon as there are that many."""

    def __init__(self, log: PredictionLog, span_s: float, *, most_rows: int = MOST_ROWS) -> None:
        self._log = log
        self._span_s = span_s
        self._most_rows = most_rows
        self._kept: list[tuple[pa.RecordBatch, Floats]] = []
        self._one_in = 1
        self._first = np.inf
        self._latest = -np.inf

    @property
    def batches(self) -> Sequence[pa.RecordBatch] | None:
        if not self._log.has_caught_up or self._covered_s < self._span_s:
            return None
        since = self._latest - self._span_s
        found = [batch.filter(pa.array(times > since)) for batch, times in self._kept]
        return found if sum(batch.num_rows for batch in found) >= FEWEST_ROWS else None

    @property
    def progress(self) -> str:
        covered, wanted = round(max(0.0, self._covered_s)), format_duration(self._span_s)
        return f"waits for predictions: of {format_duration(covered)}, {wanted} are wanted"

    def poll(self) -> None:
        for batch in self._log.poll():
            times = times_of(pa.Table.from_batches([batch]), TIME)
            if len(times):
                self._first = min(self._first, float(times.min()))
                self._latest = max(self._latest, float(times.max()))
                self._kept.append(self._thinned(batch, times))
        since = self._latest - self._span_s
        self._kept = [one for one in self._kept if len(one[1]) and one[1].max() > since]
        while sum(len(times) for _, times in self._kept) > self._most_rows:
            self._one_in *= 2
            self._kept = [self._thinned(*one) for one in self._kept]

    def close(self) -> None:
        self._log.close()

    @property
    def _covered_s(self) -> float:
        return self._latest - self._first

    def _thinned(self, batch: pa.RecordBatch, times: Floats) -> tuple[pa.RecordBatch, Floats]:
        """Those rows whose ids are among the chosen ones: of more, fewer of the same."""
        if self._one_in == 1:
            return batch, times
        ids = batch[ID].to_pylist()
        chosen = np.array([zlib.crc32(i.encode()) % self._one_in == 0 for i in ids], dtype=np.bool_)
        return batch.filter(pa.array(chosen)), times[chosen]
