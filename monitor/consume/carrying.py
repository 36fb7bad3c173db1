"""From a block of somebody's messages to messages of ours."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import orjson

from monitor.batches import LABEL, ReadRows, label_faults
from monitor.collector.envelope import Destination, Envelope
from monitor.collector.intake import Packing
from monitor.collector.registry import Monitors
from monitor.consume.backlog import Block
from monitor.consume.gathering import Gathered
from monitor.consume.reading import read_message, read_pair, request_id
from monitor.consume.requests import Requests
from monitor.consume.sources import Kind, Source
from monitor.decoders import DecodeError
from monitor.decoders.exchange import Reason
from monitor.kafka.messages import Header, Registration, Topics, header, model_version_headers
from monitor.kafka.publishing import Message
from monitor.kafka.records import Record
from monitor.telemetry import tracing

MAX_MESSAGES = 100_000
"""Of one block: so numbers that are made of offsets grow from block to block."""

_Target = tuple[str, str, bool]
"""A monitor, the version of its model, and whether the rows are labels in text: beside text,
numbers would become text."""


@dataclass(slots=True)
class Carried:
    """What a block became. Of its records each was either read or failed, if only in part."""

    envelopes: list[Envelope] = field(default_factory=list)
    n_read: int = 0
    failed: Counter[Reason] = field(default_factory=Counter)

    def messages(self, block: Block, source: str, topics: Topics, n: int) -> Iterator[Message]:
        """Those that are not in the log already; the same block has the same messages again.

        n: partitions of our topics with rows.
        """
        for number, envelope in enumerate(self.envelopes, block.end * MAX_MESSAGES):
            n_partitions = 1 if envelope.destination is Destination.DEAD_LETTERS else n
            ours = replace(envelope, collector=source)
            for message in ours.messages(number, topics, n_partitions):
                if (message.topic, message.partition, number) not in block.delivered:
                    yield message


class Carrier:
    """Reads blocks; what their answers are to is among the requests."""

    def __init__(self, packing: Packing, requests: Requests, topics: Topics) -> None:
        self._packing = packing
        self._requests = requests
        self._topics = topics

    def carry(self, block: Block, source: Source, monitors: Monitors) -> Carried:
        """Rows as messages; and of what cannot be read a letter that says where it is."""
        carried = Carried()
        letters: list[Envelope] = []
        gathered: dict[_Target, Gathered] = {}
        for record in filter(_is_message, block.records):
            try:
                self._gather(record, source, monitors, gathered)
                carried.n_read += 1
            except DecodeError as error:
                carried.failed[error.reason] += 1
                if error.reason is not Reason.NO_MONITOR:
                    letters.append(self._letter(record, error))
        for (name, version, _), rows in gathered.items():
            carried.envelopes += self._envelopes(rows, monitors.by_name[name], source, version)
        carried.envelopes += letters
        return carried

    def _gather(
        self,
        record: Record,
        source: Source,
        monitors: Monitors,
        gathered: dict[_Target, Gathered],
    ) -> None:
        registration, rows, latency_s, version = self._rows(record, source, monitors)
        is_text = False
        if source.kind is Kind.LABELS:
            rows = rows.without(label_faults(rows))
            is_text = any(isinstance(value, str) for value in rows.columns.get(LABEL, []))
        origin = header(record.headers, Header.TRACEPARENT)
        target = registration.name, version, is_text
        gathered.setdefault(target, Gathered()).add(rows, latency_s, origin)
        if rows.rejected:
            reasons = [f"row {i}: {rows.rejected[i]}" for i in sorted(rows.rejected)]
            raise DecodeError(Reason.WRONG_SHAPE, "; ".join(reasons[:5]))

    def _rows(
        self, record: Record, source: Source, monitors: Monitors
    ) -> tuple[Registration, ReadRows, float | None, str]:
        """With the latency, which is known where both sides are, and the version of the model.

        Raises DecodeError.
        """
        if source.kind is not Kind.ANSWERS:
            named, rows = read_message(record)
            name = source.name or named or ""
            version = header(record.headers, Header.MODEL_VERSION) or ""
            return _known(monitors.by_name.get(name), f"a monitor {name!r}"), rows, None, version
        model = source.name or ""
        registration = _known(monitors.of_model(model), f"a monitor of the model {model!r}")
        request = self._requests.get((model, request_id(record)))
        if request is None:
            raise DecodeError(Reason.ORPHANED, "there is no request to this answer")
        latency_s = max(record.time - request.time, 0.0)
        rows, version = read_pair(request, record, registration)
        return registration, rows, latency_s, version

    def _envelopes(
        self, rows: Gathered, registration: Registration, source: Source, version: str
    ) -> list[Envelope]:
        is_labels = source.kind is Kind.LABELS
        destination = Destination.LABELS if is_labels else Destination.PREDICTIONS
        batch = rows.labels() if is_labels else rows.predictions(registration.schema)
        if batch.num_rows == 0:
            return []
        with tracing.sending(destination.topic(self._topics), origins=rows.origins):
            headers = [*tracing.kafka_headers(), *model_version_headers(version)]
            return self._packing.rows(batch, registration, destination, headers)

    def _letter(self, record: Record, error: DecodeError) -> Envelope:
        """The message itself stays where it is; nothing of it is copied."""
        letter = {"reason": error.reason, "detail": str(error), "place": record.place}
        return self._packing.dead_letter(orjson.dumps(letter), error.reason)


def _is_message(record: Record) -> bool:
    """A tombstone is none."""
    return bool(record.value)


def _known(registration: Registration | None, what: str) -> Registration:
    if registration is None:
        raise DecodeError(Reason.NO_MONITOR, f"there is not {what}")
    return registration
