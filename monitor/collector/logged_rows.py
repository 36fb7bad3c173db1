"""Predictions in OpenTelemetry logs, as BentoML's monitoring sends them: one record a row.

The body of a record is an object of columns; `request_id` and `timestamp` are the prediction's id
and time, and `bento_meta` is left out. The resource's `service.name` is "BENTO:MONITOR".
https://github.com/bentoml/BentoML/blob/main/src/bentoml/_internal/monitoring/otlp.py
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace

import orjson

from monitor.batches import ReadRows, read_rows
from monitor.collector import otlp
from monitor.collector.answers import Answer
from monitor.collector.otlp import LogRecord
from monitor.collector.push import Push
from monitor.collector.registry import Monitors as Known
from monitor.collector.repeats import done
from monitor.collector.tokens import Monitors
from monitor.decoders.exchange import DecodeError, Headers
from monitor.kafka.messages import JSON, Registration

_ID, _TIME, _META = "request_id", "timestamp", "bento_meta"
MAX_REASONS = 5


class LoggedRows:
    """Takes logs into the spool, by the same way as pushes. Wants a thread, as they do."""

    def __init__(self, push: Push, *, clock: Callable[[], float]) -> None:
        self._push = push
        self._clock = clock

    def accept(
        self, headers: Headers, body: bytes, traceparent: str | None, may_push: Monitors
    ) -> Future[Answer]:
        """Ends with 200 once the good rows are safe on the disk; records that are none, or whose
        monitor nobody knows, are told as a partial success, which is not sent again.
        """
        try:
            records = otlp.parse(headers, body)
        except DecodeError as error:
            return done(self._told(headers, 400, otlp.status(headers, str(error))))
        return self._push.answered(lambda: self._accept(headers, records, traceparent, may_push))

    def _accept(
        self,
        headers: Headers,
        records: Sequence[LogRecord],
        traceparent: str | None,
        may_push: Monitors,
    ) -> Future[Answer]:
        rows, strangers = _by_monitor(records, self._push.known, may_push, now=self._clock())
        stored = self._push.store("predictions", rows, traceparent)
        reasons = {**strangers, **stored.rejected}
        message = "; ".join(f"record {i}: {reasons[i]}" for i in sorted(reasons)[:MAX_REASONS])
        answer = self._told(headers, 200, otlp.response(headers, len(reasons), message))
        return self._push.acknowledged(stored, answer)

    def _told(self, headers: Headers, status: int, body: bytes) -> Answer:
        content_type = JSON if otlp.is_json(headers) else otlp.PROTOBUF
        return Answer(status, body, content_type=content_type)


def _by_monitor(
    records: Sequence[LogRecord], known: Known, may_push: Monitors, *, now: float
) -> tuple[list[tuple[Registration, ReadRows]], Mapping[int, str]]:
    """The rows of each monitor, and why some records are nobody's; positions are the records'."""
    places: dict[str, list[int]] = {}
    strangers: dict[int, str] = {}
    for i, record in enumerate(records):
        registration = _watcher(record.service, known)
        if registration is None:
            strangers[i] = f"no monitor is for service.name {record.service!r}"
        elif may_push is not None and registration.name not in may_push:
            strangers[i] = f"this token is not for the monitor {registration.name!r}"
        else:
            places.setdefault(registration.name, []).append(i)
    rows = [
        (known.by_name[name], _read([records[i] for i in where], where, now=now))
        for name, where in places.items()
    ]
    return rows, strangers


def _watcher(service: str, known: Known) -> Registration | None:
    """Who watches "BENTO:MONITOR": a monitor, or a monitor of a model, of either name."""
    bento, _, monitor = service.rpartition(":")
    for name in (monitor, bento):
        if found := known.by_name.get(name) or known.of_model(name):
            return found
    return None


def _read(records: Sequence[LogRecord], where: Sequence[int], *, now: float) -> ReadRows:
    rows = list(map(_row, records))
    ids = _numbered([row.get("id") if isinstance(row, dict) else None for row in rows])
    named = [
        {**row, "id": id_} if isinstance(row, dict) else row
        for row, id_ in zip(rows, ids, strict=True)
    ]
    read = read_rows(named, now=now)
    return replace(
        read,
        positions=[where[i] for i in read.positions],
        rejected={where[i]: reason for i, reason in read.rejected.items()},
    )


def _row(record: LogRecord) -> object:
    body = _json(record.body) if isinstance(record.body, str) else record.body
    if not isinstance(body, dict):
        return body
    values = {name: value for name, value in body.items() if name not in (_ID, _TIME, _META)}
    time = body.get(_TIME, body.get("time", record.time))
    return {**values, "id": body.get(_ID, body.get("id")), "time": time}


def _json(text: str) -> object:
    """What a log's formatter has written as JSON; the text where it has not."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _numbered(ids: Iterable[object]) -> list[object]:
    """The ids of rows by those of their requests: several of one request are numbered."""
    listed = list(ids)
    counts = Counter(id_ for id_ in listed if isinstance(id_, str))
    so_far: Counter[str] = Counter()
    numbered: list[object] = []
    for id_ in listed:
        if isinstance(id_, str) and counts[id_] > 1:
            numbered.append(f"{id_}/{so_far[id_]}")
            so_far[id_] += 1
        else:
            numbered.append(id_)
    return numbered
