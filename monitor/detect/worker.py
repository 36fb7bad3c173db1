"""The tick of detect: poll → one SQL transaction → tell. What is told is in SQL already."""

import logging
from collections.abc import Callable, Sequence
from contextlib import nullcontext

import orjson
from sqlalchemy.exc import InterfaceError, OperationalError

from alerts.words import Ruling
from monitor.detect.keeper import Keeper
from monitor.detect.reporting import Outcome
from monitor.detect.source import Source
from monitor.kafka.messages import Header, Topics, header
from monitor.kafka.publishing import DeliveryError, Message, Publisher
from monitor.kafka.records import Partition, Record
from monitor.telemetry import metrics, tracing
from monitor.telemetry.instruments import Instruments

CHECK_S = 0.5
"""How often windows are looked at while no profile comes: the passing of time may close them."""

RETRY_S = 1.0
"""After a transaction that the database did not take."""

_logger = logging.getLogger(__name__)


class Tally:
    """The instruments of detect."""

    def __init__(self, instruments: Instruments) -> None:
        self._windows = instruments.counter(metrics.DETECT_WINDOWS)
        self._delay = instruments.histogram(metrics.DETECT_DELAY)
        self._resets = instruments.counter(metrics.DETECT_OFFSET_RESETS)
        self._too_late = instruments.counter(metrics.DETECT_TOO_LATE)
        self._rulings = instruments.counter(metrics.DETECT_ALERT_RULINGS)
        self._tellings = instruments.counter(metrics.DETECT_ALERT_TELLINGS)
        self._n_resets = 0

    def note(self, outcome: Outcome, records: Sequence[Record], now: float) -> None:
        """now: seconds since 1970 when the outcome was committed."""
        for written in outcome.closed:
            self._windows.labels(written.decision.verdict).inc()
            if records:
                delay_s = max(0.0, now - max(record.time for record in records))
                self._delay.observe(delay_s, tracing.exemplar())
        for monitor, n in outcome.too_late.items():
            self._too_late.labels(monitor).inc(n)
        for decided in outcome.decided:
            is_ruling = isinstance(decided.reason, Ruling)
            counter = self._rulings if is_ruling else self._tellings
            counter.labels(decided.cause, decided.reason).inc()

    def note_resets(self, n_ever: int) -> None:
        self._resets.inc(n_ever - self._n_resets)
        self._n_resets = n_ever


class Worker:
    """Drives a keeper. clock: seconds since 1970; elapsed: seconds on a clock that never jumps."""

    def __init__(
        self,
        topics: Topics,
        source: Source,
        keeper: Keeper,
        publisher: Publisher,
        tally: Tally,
        *,
        clock: Callable[[], float],
        elapsed: Callable[[], float],
    ) -> None:
        self._topics = topics
        self._source = source
        self._keeper = keeper
        self._publisher = publisher
        self._tally = tally
        self._clock = clock
        self._elapsed = elapsed
        self._records: list[Record] = []
        self._offsets: dict[Partition, int] = {}
        self._due_at = 0.0
        self._retry_at = 0.0

    def tick(self, *, timeout_s: float = 0.2) -> None:
        """Takes in what has come; nothing new is read before that is committed."""
        if not self._records:
            self._records, self._offsets = self._source.poll(timeout_s=timeout_s)
            self._tally.note_resets(self._source.n_resets)
        elapsed = self._elapsed()
        if elapsed < (self._retry_at if self._records else self._due_at):
            return
        try:
            is_done = self._commit()
            self._due_at = elapsed + (CHECK_S if is_done else 0.0)
        except (OperationalError, InterfaceError) as error:
            _logger.warning("the database did not take a transaction, tried again: %s", error)
            self._retry_at = self._due_at = elapsed + RETRY_S

    def _commit(self) -> bool:
        origins = [header(record.headers, Header.TRACEPARENT) for record in self._records]
        with (
            tracing.processing(self._topics.profiles, n=len(origins), origins=origins)
            if origins
            else nullcontext()
        ):
            outcome = self._keeper.tick(
                self._records, self._offsets, self._clock(), log=self._source.log
            )
            self._tally.note(outcome, self._records, self._clock())
            self._records, self._offsets = [], {}
            self._tell(outcome)
        return outcome.is_done

    def _tell(self, outcome: Outcome) -> None:
        """For whoever subscribes; a failure is logged and no more, for SQL is what counts."""
        headers = tracing.kafka_headers()
        reports = [
            Message(
                self._topics.reports,
                written.series.monitor.encode(),
                orjson.dumps(written.body()),
                headers,
            )
            for written in (*outcome.closed, *outcome.revised)
        ]
        alerts = [
            Message(
                self._topics.alerts, alert.monitor.encode(), orjson.dumps(alert.to_json()), headers
            )
            for alert in outcome.alerts
        ]
        try:
            self._publisher.deliver([*reports, *alerts])
        except DeliveryError as error:
            _logger.warning("reports are in the database, but not in their topics: %s", error)
