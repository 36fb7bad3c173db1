"""From captured exchanges to the spool, on a thread beside the event loop."""

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import starmap
from traceback import format_tb

from monitor.batches import parse_time
from monitor.collector.answers import OverQuotaError
from monitor.collector.capture import Capture, Dropped
from monitor.collector.envelope import Destination, Envelope
from monitor.collector.exchanges import unpack
from monitor.collector.frames import Counts
from monitor.collector.gathering import Gathering
from monitor.collector.intake import Intake
from monitor.collector.letters import ModelErrors, dead_letter
from monitor.collector.metering import Metering, unmetered
from monitor.collector.registry import Registry, columns
from monitor.collector.serving import Serving
from monitor.collector.tally import DROPPED, FAILED, RECORDED
from monitor.collector.telemetry import Telemetry
from monitor.decoders import Columns, Decoded, DecodeError, Exchange
from monitor.decoders.exchange import ORPHANED, Reason, header
from monitor.kafka.messages import Registration, Topics, model_version_headers
from monitor.spool import SpoolError, SpoolFullError
from monitor.telemetry import tracing

log = logging.getLogger(__name__)

INTERVAL_S = 0.1
BATCH_EXCHANGES = 1_000
MAX_EXCHANGE_ROWS = 100_000

Settled = Callable[[int, Counts], None]


@dataclass(slots=True)
class _Reading:
    """What was read of a batch of exchanges.

    rows: by monitor and version of the model. names: of each monitor's columns.
    is_in_full: whether nothing is left out for a quota. not_kept: those of `failed` that leave no
    letter.
    is_proxied: whether it is all that the proxy saw; a logger may tell of some requests only.
    """

    is_in_full: bool = False
    is_proxied: bool = False
    serving: Serving = field(default_factory=Serving)
    rows: dict[tuple[str, str], Gathering] = field(default_factory=dict)
    names: dict[str, Columns] = field(default_factory=dict)
    letters: list[Envelope] = field(default_factory=list)
    failed: Counts = field(default_factory=Counter)
    not_kept: Counts = field(default_factory=Counter)
    n_read: int = 0

    @property
    def n_stored(self) -> int:
        return self.n_read + len(self.letters)


def _ignore(_: Counts) -> None:
    """Nobody asked what becomes of these."""


class Recorder:
    """Takes exchanges, decodes them, and hands what they hold to the spool.

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
        *,
        metering: Metering | None = None,
    ) -> None:
        self._metering = metering or unmetered(telemetry)
        self._model_errors = ModelErrors()
        self._capture = capture
        self._registry = registry
        self._intake = intake
        self._telemetry = telemetry
        self._topics = topics
        self._batches: deque[tuple[int, bytes, Settled]] = deque()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def hand_in(self, number: int, data: bytes, settled: Settled) -> None:
        """A batch of packed exchanges; `settled` is told its number and what became of it."""
        self._batches.append((number, data, settled))
        self._capture.wake()

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
            self._record_all()
        self._record_all()  # what came with the last word

    def _record_all(self) -> None:
        if not self._registry.is_loaded:  # every monitor would be unknown
            return
        while self._batches:
            number, data, settled = self._batches.popleft()
            exchanges = list(starmap(Exchange, unpack(data)))
            self._record(exchanges, number, partial(settled, number))
        while exchanges := self._capture.take(BATCH_EXCHANGES):
            self._record(exchanges, None, _ignore)

    def _record(
        self, exchanges: Sequence[Exchange], batch: int | None, settled: Callable[[Counts], None]
    ) -> None:
        try:
            self.record(exchanges, batch=batch, settled=settled)
        except Exception as error:  # noqa: BLE001 - a fault of ours costs these exchanges, no more
            # Not the error itself: its message may quote what is not to leave.
            kind, where = type(error).__name__, "".join(format_tb(error.__traceback__))
            log.error("%d captured requests are lost: %s\n%s", len(exchanges), kind, where)  # noqa: TRY400
            self._settle(Counter({(DROPPED, Dropped.FAULT): len(exchanges)}), settled)

    def record(
        self,
        exchanges: Sequence[Exchange],
        *,
        batch: int | None = None,
        settled: Callable[[Counts], None] = _ignore,
        is_in_full: bool = False,
    ) -> None:
        """Decodes the exchanges and spools what they hold, all of it or nothing; but what is beyond
        a namespace's quota is dropped, unless they are to be taken in full.

        batch: their number, where they came as a batch. settled: told what became of them, on the
        spool's thread.
        """
        reading = _Reading(is_in_full, is_proxied=batch is not None)
        for exchange in exchanges:
            try:
                self._decode(exchange, reading)
            except DecodeError as error:
                self._set_aside(exchange, error, reading)
            except OverQuotaError:
                reading.failed[DROPPED, Dropped.QUOTA] += 1
                reading.not_kept[DROPPED, Dropped.QUOTA] += 1
        envelopes = self._intake.with_served(
            (e for rows in reading.rows.values() for e in self._envelopes(rows)),
            reading.serving.headers(),
        )
        envelopes += reading.letters
        if not envelopes:  # of rows that were read, the monitor's sample has none
            self._settle(Counter({(RECORDED, ""): reading.n_read}) + reading.failed, settled)
            return
        try:
            stored = self._intake.store(envelopes, batch=batch)
        except SpoolError as error:
            self._drop(reading, error, settled)
            return
        stored.add_done_callback(lambda future: self._account(future, reading, settled))

    def _decode(self, exchange: Exchange, reading: _Reading) -> None:
        reader = self._registry.monitors.reader(exchange)
        if reader is None:
            raise DecodeError(Reason.NO_MONITOR)
        registration = reader.registration
        if exchange.status == ORPHANED:
            raise DecodeError(Reason.ORPHANED, "only one side of it was logged")
        is_ok = exchange.status == 200
        traceparent = header(exchange.request_headers, b"traceparent")
        origin = None if traceparent is None else traceparent.decode("latin-1")
        monitor = registration.name
        self._telemetry.answered(monitor, is_ok=is_ok, latency_s=exchange.latency_s, origin=origin)
        time = self._event_time(exchange, registration)
        if reading.is_proxied:
            reading.serving.count(registration, exchange, time=time)
        if not is_ok:
            raise DecodeError(Reason.MODEL_ERROR, f"the model answered {exchange.status}")
        names = reading.names.get(monitor)
        if names is None:
            names = reading.names[monitor] = columns(registration)
        decoded = _with_headers(reader.decode(exchange, names), exchange, registration)
        if decoded.n > MAX_EXCHANGE_ROWS:
            raise DecodeError(Reason.TOO_LARGE, f"{decoded.n} rows in one request")
        meter = self._metering.charge if reading.is_in_full else self._metering.take
        meter(monitor, decoded.n)
        version = _model_version(decoded, exchange, registration)
        batch = reading.rows.get((monitor, version))
        if batch is None:
            batch = reading.rows[monitor, version] = Gathering(registration, version)
        batch.add(
            exchange.request_id,
            decoded,
            time=time,
            latency_s=exchange.latency_s,
        )
        reading.n_read += 1
        if origin:
            batch.origins.append(origin)

    def _event_time(self, exchange: Exchange, registration: Registration) -> float:
        """When the prediction happened: what its header says, else when the request came."""
        name = registration.monitor.spec.event_time.header
        if name is None:
            return exchange.arrived_at
        value = header(exchange.request_headers, name.lower().encode())
        time = None if value is None else parse_time(value.decode("latin-1").strip())
        if time is None:
            self._telemetry.unreadable_times.labels(registration.name).inc()
            return exchange.arrived_at
        return time

    def _set_aside(self, exchange: Exchange, error: DecodeError, reading: _Reading) -> None:
        reading.failed[FAILED, error.reason] += 1
        reader = self._registry.monitors.reader(exchange)
        if reader is None or not self._is_kept(exchange, error, reader.registration.name):
            reading.not_kept[FAILED, error.reason] += 1
            return
        kept = reader.registration.monitor.spec.capture.unreadable
        letter = dead_letter(exchange, error, with_bodies=kept == "bodies")
        reading.letters.append(self._intake.dead_letter(letter, error.reason))

    def _is_kept(self, exchange: Exchange, error: DecodeError, monitor: str) -> bool:
        return error.reason is not Reason.MODEL_ERROR or self._model_errors.is_kept(
            monitor, exchange
        )

    def _envelopes(self, batch: Gathering) -> list[Envelope]:
        arrow = batch.to_arrow()
        if arrow is None:
            return []
        with tracing.sending(self._topics.predictions, origins=batch.origins):
            headers = [*tracing.kafka_headers(), *model_version_headers(batch.model_version)]
            return self._intake.rows(arrow, batch.registration, Destination.PREDICTIONS, headers)

    def _account(
        self, stored: Future[int], reading: _Reading, settled: Callable[[Counts], None]
    ) -> None:
        error = stored.exception()
        if error is not None:
            self._drop(reading, error, settled)
            return
        self._settle(Counter({(RECORDED, ""): reading.n_read}) + reading.failed, settled)

    def _drop(
        self, reading: _Reading, error: BaseException, settled: Callable[[Counts], None]
    ) -> None:
        """Nothing was stored: neither rows nor letters. What would not have been is as it was."""
        log.warning("%d captured requests are dropped: %s", reading.n_stored, error)
        is_full = isinstance(error, SpoolFullError)
        reason = Dropped.SPOOL_FULL if is_full else Dropped.SPOOL_FAILED
        dropped: Counts = Counter({(DROPPED, reason): reading.n_stored})
        self._settle(dropped + reading.not_kept, settled)

    def _settle(self, outcome: Counts, settled: Callable[[Counts], None]) -> None:
        self._telemetry.add(outcome)
        settled(outcome)


def _with_headers(decoded: Decoded, exchange: Exchange, registration: Registration) -> Decoded:
    """The rows with the headers that may leave; what the body has of the same name stays."""
    leaving = registration.monitor.spec.capture.headers
    if not leaving:
        return decoded
    columns = dict(decoded.columns)
    for name, column in leaving.items():
        value = header(exchange.request_headers, name.lower().encode())
        columns.setdefault(column, [None if value is None else value.decode("latin-1")] * decoded.n)
    return replace(decoded, columns=columns)


def _model_version(decoded: Decoded, exchange: Exchange, registration: Registration) -> str:
    """As the header that the monitor names says, of the answer or else of the request; or as the
    exchange's format does."""
    name = registration.monitor.spec.model.version_header
    if name is None:
        return decoded.model_version
    wanted = name.lower().encode()
    said = header(exchange.response_headers, wanted) or header(exchange.request_headers, wanted)
    return decoded.model_version if said is None else said.decode("latin-1").strip()
