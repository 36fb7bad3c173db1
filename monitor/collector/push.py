"""Rows that somebody pushes: read, judged one by one, and acknowledged when they are safe."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson
import pyarrow as pa

from detectors.columns import Field
from monitor.batches import (
    BatchError,
    Judged,
    ReadRows,
    judged_labels,
    judged_predictions,
    read_body,
    read_columns,
    read_stream,
)
from monitor.collector.answers import ACCEPTED, Answer, LaterError, PushError, Refused
from monitor.collector.envelope import Destination, Envelope
from monitor.collector.intake import Intake
from monitor.collector.metering import Metering, unmetered
from monitor.collector.registry import Monitors as Known
from monitor.collector.registry import Registry
from monitor.collector.repeats import Repeats, done
from monitor.collector.telemetry import Telemetry
from monitor.collector.tokens import ALL, Monitors
from monitor.kafka.messages import ARROW, JSON, Registration, Topics, model_version_headers
from monitor.spool import SpoolError, SpoolFullError
from monitor.telemetry import tracing

log = logging.getLogger(__name__)

Kind = Literal["predictions", "labels"]

MAX_KEY_LENGTH = 300
"""With the monitor's name before it."""

MAX_VERSION_LENGTH = 63
"""Of a model's version."""

_JUDGES: Mapping[Kind, Callable[[ReadRows, Sequence[Field]], Judged]] = {
    "predictions": judged_predictions,
    "labels": judged_labels,
}


@dataclass(frozen=True, slots=True)
class Body:
    """What came with a push. monitor: as the address names it; an Arrow stream cannot.

    key: under which it is stored once only, if it should come again.
    model_version: of the model that made the predictions, as the address names it.
    traceparent: of the caller's trace. may_push: the monitors that the caller may push to.
    """

    raw: bytes
    content_type: str = JSON
    monitor: str | None = None
    model_version: str | None = None
    key: str | None = None
    traceparent: str | None = None
    may_push: Monitors = ALL

    @property
    def is_arrow(self) -> bool:
        return self.content_type.partition(";")[0].strip().lower() == ARROW


@dataclass(frozen=True, slots=True)
class Stored:
    """What becomes of rows. rejected: why some were not good, by their position."""

    n_accepted: int
    rejected: Mapping[int, str]
    future: Future[int]


class Push:
    """Takes pushed rows into the spool. Reading a body takes time: `accept` wants a thread.

    known_keys: of the pushes that the spool holds from before.
    """

    def __init__(
        self,
        registry: Registry,
        intake: Intake,
        telemetry: Telemetry,
        topics: Topics,
        *,
        clock: Callable[[], float],
        metering: Metering | None = None,
        known_keys: Iterable[str] = (),
    ) -> None:
        self.metering = metering or unmetered(telemetry)
        self._registry = registry
        self._intake = intake
        self._telemetry = telemetry
        self._topics = topics
        self._clock = clock
        self._repeats = Repeats(known_keys)

    def accept(self, kind: Kind, body: Body) -> Future[Answer]:
        """Stores the good rows of a body and says why the others are not good.

        The future ends with the answer: with 202 once the good rows are safe on the disk, from
        where they go to Kafka whatever happens to this process. Or with a 503; then none is stored.
        """
        return self.answered(lambda: self._accept(kind, body))

    def answered(self, accept: Callable[[], Future[Answer]]) -> Future[Answer]:
        """What `accept` answers; its refusals are answers, too."""
        try:
            return accept()
        except PushError as error:
            return done(self.refusal(error))
        except BatchError as error:
            return done(Answer(400, {"error": str(error)}))

    def _accept(self, kind: Kind, body: Body) -> Future[Answer]:
        given = None if body.is_arrow else _object(body.raw)
        name = body.monitor if given is None else given.get("monitor", body.monitor)
        registration = self.registration(name, body.may_push)
        now = self._clock()
        read = _arrow_rows(body.raw, now) if given is None else read_body(given, now=now)
        key = None if body.key is None else f"{kind}/{registration.name}/{body.key}"
        if key is not None and len(key) > MAX_KEY_LENGTH:
            raise PushError(400, f"an Idempotency-Key of more than {MAX_KEY_LENGTH} characters")
        version = model_version(given or {}, body)
        stored = self.store(
            kind, [(registration, read)], body.traceparent, key=key, model_version=version
        )
        verdicts = [{"row": i, "reason": stored.rejected[i]} for i in sorted(stored.rejected)]
        answer = Answer(ACCEPTED, {"accepted": stored.n_accepted, "rejected": verdicts})
        return self.acknowledged(stored, answer)

    @property
    def known(self) -> Known:
        """The monitors in force. Raises LaterError while nobody has said which there are."""
        if not self._registry.is_loaded:
            raise LaterError(Refused.MONITORS_UNKNOWN, "Kafka has not told the monitors yet")
        return self._registry.monitors

    def registration(self, name: object, may_push: Monitors) -> Registration:
        """Of a monitor that the caller may push to. Raises PushError."""
        if not isinstance(name, str):
            raise PushError(400, "the push must name its monitor: 'monitor', or ?monitor=NAME")
        if may_push is not None and name not in may_push:
            raise PushError(403, f"this token is not for the monitor {name!r}")
        registration = self._registry.monitors.by_name.get(name) or self.known.by_name.get(name)
        if registration is None:
            raise PushError(404, f"there is no monitor {name!r}")
        return registration

    def store(
        self,
        kind: Kind,
        rows: Sequence[tuple[Registration, ReadRows]],
        traceparent: str | None,
        *,
        key: str | None = None,
        model_version: str = "",
    ) -> Stored:
        """Stores the good rows, of all monitors or of none. Raises LaterError.

        Rows are counted as their monitor's before they are judged: judging is what they cost.

        key: of what is to be stored once only, however often it comes.
        model_version: of the model that made the predictions, empty where nobody says.
        """
        for registration, read in rows:
            self.metering.take(registration.name, len(read.ids))
        destination = Destination(kind)
        envelopes: list[Envelope] = []
        rejected: dict[int, str] = {}
        n_accepted = 0
        with tracing.sending(destination.topic(self._topics), parent=traceparent):
            headers = [*tracing.kafka_headers(), *model_version_headers(model_version)]
            for registration, read in rows:
                batch, reasons = _JUDGES[kind](read, registration.schema)
                rejected.update(reasons)
                n_accepted += batch.num_rows
                if batch.num_rows:
                    envelopes += self._intake.rows(batch, registration, destination, headers)
            return Stored(n_accepted, rejected, self._keep(envelopes, key))

    def store_batch(
        self,
        kind: Kind,
        registration: Registration,
        batch: pa.RecordBatch,
        *,
        model_version: str = "",
    ) -> Future[int]:
        """Stores rows that were judged and are all good. Raises LaterError, or the future does."""
        self.metering.take(registration.name, batch.num_rows)
        destination = Destination(kind)
        with tracing.sending(destination.topic(self._topics), parent=None):
            headers = [*tracing.kafka_headers(), *model_version_headers(model_version)]
            envelopes = self._intake.rows(batch, registration, destination, headers)
            return self._keep(envelopes, None)

    def _keep(self, envelopes: Sequence[Envelope], key: str | None) -> Future[int]:
        if not envelopes:
            return done(0)
        try:
            if key is None:
                return self._intake.store(envelopes)
            named = [replace(envelope, key=key) for envelope in envelopes]
            return self._repeats.once(key, lambda: self._intake.store(named))
        except SpoolError as error:
            raise _later(error) from error

    def acknowledged(self, stored: Stored, answer: Answer) -> Future[Answer]:
        """The answer, once what was stored is safe; a refusal if it cannot be."""
        answered: Future[Answer] = Future()

        def settle(future: Future[int]) -> None:
            error = future.exception()
            answered.set_result(answer if error is None else self.refusal(_later(error)))

        stored.future.add_done_callback(settle)
        return answered

    def refusal(self, error: PushError) -> Answer:
        if isinstance(error, LaterError):
            if error.reason is not Refused.OVER_QUOTA:  # who floods us shall not flood the log
                log.warning("a push is refused: %s", error)
            self._telemetry.refused.labels(error.reason).inc()
        return error.answer


def model_version(given: Mapping[str, object], body: Body) -> str:
    """Of the model that made the predictions of a push, as its body or its address says.

    Raises PushError for what is no name.
    """
    said = given.get("model_version", body.model_version)
    if said is None:
        return ""
    if not isinstance(said, str) or len(said) > MAX_VERSION_LENGTH:
        raise PushError(400, f"'model_version' is no text of at most {MAX_VERSION_LENGTH} letters")
    return said


def _later(error: BaseException) -> LaterError:
    reason = Refused.SPOOL_FULL if isinstance(error, SpoolFullError) else Refused.SPOOL_FAILED
    return LaterError(reason, f"the rows were not stored: {error}")


def _arrow_rows(raw: bytes, now: float) -> ReadRows:
    """Raises BatchError."""
    batch = read_stream(raw)
    return read_columns({name: batch[name] for name in batch.schema.names}, now=now)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise PushError(400, f"not JSON: {error}") from error
    if not isinstance(body, dict):
        raise PushError(400, 'the body must be an object {"monitor": …, "rows": […]}')
    return body
