"""From records of the log to batches of one monitor's rows, or to dead letters."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from detectors.columns import Field, Floats
from monitor import batches
from monitor.aggregate.rows import mismatched
from monitor.aggregate.sources import source_of
from monitor.batches import BatchError
from monitor.batches.json_messages import (
    JsonBatch,
    ReadMessages,
    labels_of_messages,
    predictions_of_messages,
)
from monitor.kafka import served
from monitor.kafka.messages import ARROW, JSON, Header, Registration
from monitor.kafka.publishing import Message
from monitor.kafka.records import Record
from monitor.kafka.served import Served

MAX_MODEL_VERSION_LENGTH = 63
"""The rest of a longer name is left out."""


class UnreadableError(Exception):
    """A message that nobody can count. reason: one of few, for a metric; text: for people."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one monitor, partition and source, in the order of the log.

    offsets, log_times: (rows,) of the message that each row came in.
    mismatched: by the offset of a message that had any, its values that were not of their
        column's type, by column.
    """

    registration: Registration
    rows: pa.RecordBatch
    offsets: NDArray[np.int64]
    log_times: Floats
    mismatched: Mapping[int, Mapping[str, int]]
    source: str = ""


Refused = tuple[Record, UnreadableError]
ReadJson = Callable[[Record, Sequence[Field]], pa.RecordBatch]
Reading = Callable[[Record, Record], None]
"""Called with the first and the last of the records whose bytes are read next."""


def _unnoticed(_: Record, __: Record) -> None:
    """Nobody wants to know."""


def monitor_of(record: Record) -> str:
    """The name of the monitor that a message is for, from its header or, in JSON, its body.

    Raises UnreadableError.
    """
    if name := dict(record.headers).get(Header.MONITOR):
        return name.decode("utf-8", errors="replace")
    if _content_type(record) == JSON:
        in_body = _json_object(record.value).get("monitor")
        if isinstance(in_body, str):
            return in_body
    raise UnreadableError("no monitor named", "the message names no monitor")


def model_version_of(record: Record) -> str:
    """Of the model that made the predictions of a message; empty where it does not say.

    What cannot be shown is replaced: a name of a stranger's goes into databases and onto pages.
    """
    said = dict(record.headers).get(Header.MODEL_VERSION, b"").decode("utf-8", errors="replace")
    shown = (c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in said)
    return "".join(shown)[:MAX_MODEL_VERSION_LENGTH]


def with_served(
    records: Sequence[Record],
) -> tuple[list[Record], list[tuple[Record, Served]], list[Refused]]:
    """The messages that can be read on, what they tell of how the model served, and those of which
    that cannot be read."""
    sound: list[Record] = []
    told: list[tuple[Record, Served]] = []
    refused: list[Refused] = []
    without = None
    for record in records:
        raw = None if record.headers is without else dict(record.headers).get(Header.SERVED)
        if raw is None:
            without = record.headers
        else:
            try:
                told += [(record, one) for one in served.from_header(raw)]
            except ValueError as error:
                refused.append((record, UnreadableError("unreadable", str(error))))
                continue
        sound.append(record)
    return sound, told, refused


def read_predictions(
    records: Sequence[Record], registration: Registration, reading: Reading = _unnoticed
) -> tuple[list[Batch], list[Refused]]:
    """The rows of messages of the topic predictions, and the messages that cannot be read."""
    reader = _Reader(registration, predictions_of_messages, _predictions, reading)
    reader.read(records)
    return reader.batches, reader.refused


def read_labels(
    records: Sequence[Record], registration: Registration, reading: Reading = _unnoticed
) -> tuple[list[Batch], list[Refused]]:
    """The same of the topic labels."""
    reader = _Reader(registration, labels_of_messages, _labels, reading)
    reader.read(records)
    return reader.batches, reader.refused


def dead_letter(topic: str, record: Record, error: UnreadableError) -> Message:
    """The original bytes and headers, where they came from and why they are here."""
    cause = [
        (Header.SOURCE.value, record.place.encode()),
        (Header.REASON.value, str(error).encode()),
    ]
    return Message(topic, None, record.value, [*record.headers, *cause])


class _Reader:
    """Reads messages of one monitor in the order of the log."""

    def __init__(
        self, registration: Registration, many: ReadMessages, json: ReadJson, reading: Reading
    ) -> None:
        self.batches: list[Batch] = []
        self.refused: list[Refused] = []
        self._registration = registration
        self._many = many
        self._json = json
        self._reading = reading

    def read(self, records: Sequence[Record]) -> None:
        for (type_, _), run in _alike(records):
            if type_ == ARROW:
                for record in run:
                    self._read_alone(record, _arrow)
            elif type_ == JSON:
                self._read_together(run)
            else:
                error = UnreadableError(
                    "unknown content type", f"content type {type_!r} is not read"
                )
                self.refused += [(record, error) for record in run]

    def _read_together(self, records: Sequence[Record]) -> None:
        """As few batches as possible; messages that cannot be in one are found by halving."""
        self._reading(records[0], records[-1])
        schema = self._registration.schema
        try:
            found = self._many([r.value for r in records], schema, [r.time for r in records])
        except BatchError:
            if len(records) == 1:
                self._read_alone(records[0], self._json)
                return
            half = len(records) // 2
            self._read_together(records[:half])
            self._read_together(records[half:])
        else:
            self.batches.append(self._batch(records, found))

    def _batch(self, records: Sequence[Record], found: JsonBatch) -> Batch:
        offsets = np.array([record.offset for record in records])[found.message]
        told: dict[int, Counter[str]] = {}
        for row, names in found.mismatched.items():
            told.setdefault(int(offsets[row]), Counter()).update(names)
        times = np.array([record.time for record in records])[found.message]
        source = source_of(records[0])
        return Batch(self._registration, found.rows, offsets, times, told, source)

    def _read_alone(self, record: Record, read: ReadJson) -> None:
        self._reading(record, record)
        schema = self._registration.schema
        try:
            rows = read(record, schema)
        except BatchError as error:
            self.refused.append((record, UnreadableError("unreadable", str(error))))
            return
        n, counts = rows.num_rows, mismatched(rows, schema)
        told = {record.offset: counts} if counts else {}
        offsets, times = np.full(n, record.offset), np.full(n, record.time)
        source = source_of(record)
        self.batches.append(Batch(self._registration, rows, offsets, times, told, source))


def _arrow(record: Record, _: Sequence[Field]) -> pa.RecordBatch:
    return batches.decode(record.value)


def _predictions(record: Record, schema: Sequence[Field]) -> pa.RecordBatch:
    return batches.from_json(record.value, schema, now=record.time)


def _labels(record: Record, _: Sequence[Field]) -> pa.RecordBatch:
    return batches.labels_from_json(record.value, now=record.time)


def _alike(records: Sequence[Record]) -> Iterator[tuple[tuple[str, str], list[Record]]]:
    """Runs of messages that are read together, and what each has in common: its content type and
    its source."""
    for kind, run in groupby(zip(_kinds(records), records, strict=True), key=itemgetter(0)):
        yield kind, [record for _, record in run]


def _kinds(records: Iterable[Record]) -> Iterator[tuple[str, str]]:
    """Of each message; of messages with the same headers that say it all one is looked at."""
    kind, told = ("", ""), None
    for record in records:
        if record.headers is not told:
            kind = _content_type(record), source_of(record)
            told = record.headers if Header.CONTENT_TYPE in dict(record.headers) else None
        yield kind


def _content_type(record: Record) -> str:
    """What the header says; without one, JSON can be told from Arrow by its first byte."""
    declared = dict(record.headers).get(Header.CONTENT_TYPE)
    if declared is None:
        return JSON if record.value.lstrip()[:1] == b"{" else ARROW
    return _media_type(declared)


@lru_cache(maxsize=256)
def _media_type(declared: bytes) -> str:
    return declared.decode("utf-8", errors="replace").partition(";")[0].strip().lower()


def _json_object(value: bytes) -> Mapping[str, object]:
    try:
        body = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise UnreadableError("unreadable", f"not JSON: {error}") from error
    return body if isinstance(body, dict) else {}
