"""From captured exchanges to the spool, on a thread beside the event loop."""

import logging
import threading
from base64 import b64encode
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import orjson
import pyarrow as pa

from monitor import tracing
from monitor.batches import conform, lost, parse_time, predictions, request_ids
from monitor.collector.capture import Capture, Dropped
from monitor.collector.envelope import Destination
from monitor.collector.intake import Intake
from monitor.collector.registry import Registry, columns
from monitor.collector.telemetry import Telemetry
from monitor.decoders import Columns, Decoded, DecodeError, Exchange, claim
from monitor.decoders.exchange import ORPHANED, Reason, header
from monitor.messages import Registration, Topics
from monitor.spool import SpoolError, SpoolFullError

log = logging.getLogger(__name__)

INTERVAL_S = 0.1
BATCH_EXCHANGES = 1_000
MAX_EXCHANGE_ROWS = 100_000
MAX_DEAD_LETTER_BYTES = 64 * 1024


@dataclass(slots=True)
class _Batch:
    """Rows of one monitor, gathered from several exchanges."""

    registration: Registration
    names: Columns
    ids: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)
    n_exchanges: int = 0
    columns: dict[str, list[object]] = field(default_factory=dict)
    origins: list[str] = field(default_factory=list)

    def add(self, exchange: Exchange, decoded: Decoded, time: float) -> None:
        n, before = decoded.n, len(self.ids)
        self.ids += request_ids(exchange.request_id, n)
        self.times += [time] * n
        self.latencies_s += [exchange.latency_s] * n
        self.n_exchanges += 1
        for name, values in decoded.columns.items():
            if name not in self.columns:
                self.columns[name] = [None] * before
            self.columns[name].extend(values)
        if len(decoded.columns) < len(self.columns):
            for column in self.columns.values():
                column.extend([None] * (before + n - len(column)))

    def to_arrow(self) -> pa.RecordBatch:
        conformed = conform(self.columns, self.registration.schema, n=len(self.ids))
        return predictions(self.ids, self.times, self.latencies_s, conformed)


class Recorder:
    """Takes exchanges from the capture, decodes them, and hands what they hold to the spool.

    What finds no room there is dropped and counted: a disk that is full costs predictions that
    were captured, never one that is being made.
    """

    def __init__(
        self,
        capture: Capture,
        registry: Registry,
        intake: Intake,
        telemetry: Telemetry,
        topics: Topics,
    ) -> None:
        self._capture = capture
        self._registry = registry
        self._intake = intake
        self._telemetry = telemetry
        self._topics = topics
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Hands on what was captured; gives up after `timeout_s`."""
        self._stopped.set()
        self._capture.wake()
        self._thread.join(timeout_s)
        while left := self._capture.take(BATCH_EXCHANGES):
            log.warning("%d captured requests are dropped: there was no time left", len(left))
            self._telemetry.count_dropped(Dropped.SHUTDOWN, len(left))

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._capture.wait(INTERVAL_S)
            if self._registry.is_loaded:  # before, every monitor would be unknown
                self._record_all()

    def _record_all(self) -> None:
        while exchanges := self._capture.take(BATCH_EXCHANGES):
            try:
                self.record(exchanges)
            except Exception:  # a fault of ours costs these exchanges, never the capture itself
                log.exception("%d captured requests are lost", len(exchanges))
                self._telemetry.count_dropped(Dropped.FAULT, len(exchanges))

    def record(self, exchanges: Sequence[Exchange]) -> None:
        """Decodes the exchanges and spools what they hold, monitor by monitor."""
        batches: dict[str, _Batch] = {}
        for exchange in exchanges:
            try:
                self._decode(exchange, batches)
            except DecodeError as error:
                self._telemetry.count_failed(error.reason)
                if error.reason is not Reason.NO_MONITOR:
                    self._set_aside(exchange, error)
        for batch in batches.values():
            if batch.ids:
                self._store(batch)

    def _decode(self, exchange: Exchange, batches: dict[str, _Batch]) -> None:
        claimed = claim(exchange.path)
        registration = claimed and self._registry.monitors.of_model(claimed.model)
        if not claimed or not registration:
            raise DecodeError(Reason.NO_MONITOR)
        if exchange.status == ORPHANED:
            raise DecodeError(Reason.ORPHANED, "only one side of it was logged")
        if exchange.status != 200:
            raise DecodeError(Reason.MODEL_ERROR, f"the model answered {exchange.status}")
        batch = batches.get(registration.name)
        if batch is None:
            batch = batches[registration.name] = _Batch(registration, columns(registration))
        decoded = claimed.decoder.decode(exchange, batch.names)
        if decoded.n > MAX_EXCHANGE_ROWS:
            raise DecodeError(Reason.TOO_LARGE, f"{decoded.n} rows in one request")
        batch.add(exchange, decoded, self._event_time(exchange, registration))
        if origin := header(exchange.request_headers, b"traceparent"):
            batch.origins.append(origin.decode("latin-1"))

    def _event_time(self, exchange: Exchange, registration: Registration) -> float:
        name = registration.monitor.spec.event_time.header
        if name is None:
            return exchange.arrived_at
        value = header(exchange.request_headers, name.lower().encode())
        time = None if value is None else parse_time(value.decode("latin-1").strip())
        if time is None:
            self._telemetry.unreadable_times.labels(registration.name).inc()
            return exchange.arrived_at
        return time

    def _store(self, batch: _Batch) -> None:
        arrow = batch.to_arrow()
        n_mismatched = sum(lost(arrow, "mismatched").values())
        self._telemetry.mismatched.labels(batch.registration.name).inc(n_mismatched)
        with tracing.sending(self._topics.predictions, origins=batch.origins):
            try:
                stored = self._intake.store_rows(
                    arrow, batch.registration, Destination.PREDICTIONS, tracing.kafka_headers()
                )
            except SpoolError as error:
                self._drop(batch.n_exchanges, error)
                return
        stored.add_done_callback(lambda future: self._account(future, batch.n_exchanges))

    def _account(self, stored: Future[int], n_exchanges: int) -> None:
        error = stored.exception()
        if error is not None:
            self._drop(n_exchanges, error)

    def _drop(self, n_exchanges: int, error: BaseException) -> None:
        is_full = isinstance(error, SpoolFullError)
        log.warning("%d captured requests are dropped: %s", n_exchanges, error)
        self._telemetry.count_dropped(
            Dropped.SPOOL_FULL if is_full else Dropped.SPOOL_FAILED, n_exchanges
        )

    def _set_aside(self, exchange: Exchange, error: DecodeError) -> None:
        try:
            self._intake.store_dead_letter(dead_letter(exchange, error), error.reason)
        except SpoolError as unsent:
            log.warning("a dead letter (%s) is lost: %s", error, unsent)


def dead_letter(exchange: Exchange, error: DecodeError) -> bytes:
    """What could not be read, and why, as JSON; of each body its beginning, in base64."""
    return orjson.dumps(
        {
            "reason": error.reason,
            "detail": str(error),
            "path": exchange.path,
            "request_id": exchange.request_id,
            "status": exchange.status,
            "arrived_at": exchange.arrived_at,
            "request": _beginning(exchange.request),
            "response": _beginning(exchange.response),
        }
    )


def _beginning(pieces: Sequence[bytes]) -> str:
    return b64encode(b"".join(pieces)[:MAX_DEAD_LETTER_BYTES]).decode("ascii")
