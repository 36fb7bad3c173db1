"""From a record of the log to a batch of one monitor's rows, or to a dead letter."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson
import pyarrow as pa

from monitor import batches
from monitor.batches import BatchError
from monitor.messages import ARROW, JSON, Header, Registration, header
from monitor.publishing import Message
from monitor.records import Record


class UnreadableError(Exception):
    """A message that nobody can count. reason: one of few, for a metric; text: for people."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of one message."""

    record: Record
    registration: Registration
    rows: pa.RecordBatch


def monitor_of(record: Record) -> str:
    """The name of the monitor that a message is for, from its header or, in JSON, its body.

    Raises UnreadableError.
    """
    if name := header(record.headers, Header.MONITOR):
        return name
    if _content_type(record) == JSON:
        in_body = _json_object(record.value).get("monitor")
        if isinstance(in_body, str):
            return in_body
    raise UnreadableError("no monitor named", "the message names no monitor")


def read_predictions(record: Record, registration: Registration) -> Batch:
    """Raises UnreadableError."""
    return _read(
        record,
        registration,
        lambda: batches.from_json(record.value, registration.schema, now=record.time),
    )


def read_labels(record: Record, registration: Registration) -> Batch:
    """Raises UnreadableError."""
    return _read(
        record, registration, lambda: batches.labels_from_json(record.value, now=record.time)
    )


def dead_letter(topic: str, record: Record, error: UnreadableError) -> Message:
    """The original bytes and headers, where they came from and why they are here."""
    cause = [
        (Header.SOURCE.value, record.place.encode()),
        (Header.REASON.value, str(error).encode()),
    ]
    return Message(topic, None, record.value, [*record.headers, *cause])


def _read(
    record: Record, registration: Registration, from_json: Callable[[], pa.RecordBatch]
) -> Batch:
    try:
        match _content_type(record):
            case batches_type if batches_type == ARROW:
                return Batch(record, registration, batches.decode(record.value))
            case json_type if json_type == JSON:
                return Batch(record, registration, from_json())
            case other:
                raise UnreadableError("unknown content type", f"content type {other!r} is not read")
    except BatchError as error:
        raise UnreadableError("unreadable", str(error)) from error


def _content_type(record: Record) -> str:
    """What the header says; without one, JSON can be told from Arrow by its first byte."""
    declared = header(record.headers, Header.CONTENT_TYPE)
    if declared is None:
        return JSON if record.value.lstrip()[:1] == b"{" else ARROW
    return declared.partition(";")[0].strip().lower()


def _json_object(value: bytes) -> Mapping[str, object]:
    try:
        body = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise UnreadableError("unreadable", f"not JSON: {error}") from error
    return body if isinstance(body, dict) else {}
