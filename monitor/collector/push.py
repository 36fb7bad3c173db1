"""Rows that somebody pushes: read, judged one by one, and acknowledged when they are safe."""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import orjson
import pyarrow as pa

from monitor import tracing
from monitor.batches import (
    LABEL,
    BatchError,
    ReadRows,
    conform,
    labels,
    predictions,
    read_rows,
)
from monitor.collector.envelope import Destination
from monitor.collector.intake import Intake
from monitor.collector.registry import Registry
from monitor.collector.telemetry import Telemetry
from monitor.collector.tokens import ALL, Monitors
from monitor.messages import Registration, Topics
from monitor.spool import SpoolError, SpoolFullError

log = logging.getLogger(__name__)

Kind = Literal["predictions", "labels"]

RETRY_AFTER_S = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller is told."""

    status: int
    body: Mapping[str, object]
    headers: Sequence[tuple[str, str]] = ()


class Refused(StrEnum):
    """Why a push is to come again later: the whole set."""

    MONITORS_UNKNOWN = "monitors unknown"
    SPOOL_FULL = "spool full"
    SPOOL_FAILED = "spool failed"
    TOO_BUSY = "too busy"


class PushError(Exception):
    """A push that is refused as a whole."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.answer = Answer(status, {"error": message})


class LaterError(PushError):
    """A push that is refused now and may succeed later."""

    def __init__(self, reason: Refused, message: str) -> None:
        super().__init__(503, message)
        self.reason = reason
        self.answer = Answer(503, {"error": message}, [("Retry-After", str(RETRY_AFTER_S))])


class Push:
    """Takes pushed rows into the spool. Reading a body takes time: `accept` wants a thread."""

    def __init__(
        self,
        registry: Registry,
        intake: Intake,
        telemetry: Telemetry,
        topics: Topics,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._registry = registry
        self._intake = intake
        self._telemetry = telemetry
        self._topics = topics
        self._clock = clock

    def accept(
        self,
        kind: Kind,
        raw: bytes,
        traceparent: str | None = None,
        may_push: Monitors = ALL,
    ) -> Future[Answer]:
        """Stores the good rows of a JSON body and says why the others are not good.

        The future ends with the answer: with 202 once the good rows are safe on the disk, from
        where they go to Kafka whatever happens to this process. Or with a 503; then none is stored.
        """
        answered: Future[Answer] = Future()
        try:
            body = _object(raw)
            registration = self._registration(body.get("monitor"), may_push)
            read = read_rows(body.get("rows"), now=self._clock())
            batch, rejected = _READERS[kind](read, registration)
            verdicts = [{"row": i, "reason": rejected[i]} for i in sorted(rejected)]
            answer = Answer(202, {"accepted": batch.num_rows, "rejected": verdicts})
            if batch.num_rows == 0:
                answered.set_result(answer)
            else:
                stored = self._store(kind, batch, registration, traceparent)
                stored.add_done_callback(lambda s: answered.set_result(self._after(s, answer)))
        except PushError as error:
            answered.set_result(self._refusal(error))
        except BatchError as error:
            answered.set_result(Answer(400, {"error": str(error)}))
        return answered

    def _registration(self, name: object, may_push: Monitors) -> Registration:
        if not isinstance(name, str):
            raise PushError(400, "'monitor' must be the name of a monitor")
        if may_push is not None and name not in may_push:
            raise PushError(403, f"this token is not for the monitor {name!r}")
        registration = self._registry.monitors.by_name.get(name)
        if registration is None and not self._registry.is_loaded:
            raise LaterError(Refused.MONITORS_UNKNOWN, "Kafka has not told the monitors yet")
        if registration is None:
            raise PushError(404, f"there is no monitor {name!r}")
        return registration

    def _store(
        self,
        kind: Kind,
        batch: pa.RecordBatch,
        registration: Registration,
        traceparent: str | None,
    ) -> Future[int]:
        destination = Destination(kind)
        with tracing.sending(destination.topic(self._topics), parent=traceparent):
            try:
                return self._intake.store(
                    self._intake.rows(batch, registration, destination, tracing.kafka_headers())
                )
            except SpoolError as error:
                raise _later(error) from error

    def _after(self, stored: Future[int], answer: Answer) -> Answer:
        error = stored.exception()
        return answer if error is None else self._refusal(_later(error))

    def _refusal(self, error: PushError) -> Answer:
        if isinstance(error, LaterError):
            log.warning("a push is refused: %s", error)
            self._telemetry.refused.labels(error.reason).inc()
        return error.answer


def _later(error: BaseException) -> LaterError:
    reason = Refused.SPOOL_FULL if isinstance(error, SpoolFullError) else Refused.SPOOL_FAILED
    return LaterError(reason, f"the rows were not stored: {error}")


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise PushError(400, f"not JSON: {error}") from error
    if not isinstance(body, dict):
        raise PushError(400, 'the body must be an object {"monitor": …, "rows": […]}')
    return body


Judged = tuple[pa.RecordBatch, Mapping[int, str]]
"""The rows that are good, and why the others are not, by position."""


def _predictions(read: ReadRows, registration: Registration) -> Judged:
    """The rows that fit the monitor's schema; the others join the rejected."""
    conformed = conform(read.columns, registration.schema, n=len(read.ids))
    reasons: dict[int, str] = {}
    for name in conformed.mismatched:
        array = conformed.columns[name]
        for i, value in enumerate(read.columns[name]):
            if value is not None and not array[i].is_valid:
                reasons.setdefault(i, f"{name}: {_short(value)} is not of type {array.type}")
    kept = read.without(reasons)
    fitting = conform(kept.columns, registration.schema, n=len(kept.ids))
    batch = predictions(kept.ids, kept.times, [None] * len(kept.ids), fitting)
    return batch, kept.rejected


def _labels(read: ReadRows, _: Registration) -> Judged:
    values = read.columns.get(LABEL, [None] * len(read.ids))
    reasons = {
        i: "label must be a number, a boolean or text"
        for i, value in enumerate(values)
        if not isinstance(value, bool | int | float | str)
    }
    kept = read.without(reasons)
    return labels(kept.ids, kept.times, kept.columns.get(LABEL, [])), kept.rejected


_READERS: Mapping[Kind, Callable[[ReadRows, Registration], Judged]] = {
    "predictions": _predictions,
    "labels": _labels,
}


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
