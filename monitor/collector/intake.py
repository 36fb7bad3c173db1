"""The way into the spool, for rows and for what could not be read."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import cache

import pyarrow as pa

from monitor.batches import Conformed, encode, predictions
from monitor.collector.envelope import Destination, Envelope
from monitor.collector.metering import Metering, Sized
from monitor.collector.screening import Screening
from monitor.kafka.messages import ARROW, JSON, Header, KafkaHeaders, Registration
from monitor.spool import Spool

MAX_ENVELOPE_ROWS = 10_000
MAX_ENVELOPE_BYTES = 768 * 1024
"""Of Arrow's buffers: as a message it is below the 1 MiB that Kafka takes by default."""


class Packing:
    """Makes messages of rows and of what could not be read. Any thread may use it.

    screening: lets rows leave as their monitors say.
    """

    def __init__(
        self, *, collector_id: str, clock: Callable[[], float], screening: Screening
    ) -> None:
        self._collector_id = collector_id
        self._clock = clock
        self._screening = screening

    def rows(
        self,
        batch: pa.RecordBatch,
        registration: Registration,
        destination: Destination,
        headers: KafkaHeaders = (),
    ) -> list[Envelope]:
        """The messages that hold what leaves of these rows, which may be nothing.

        Of a monitor with labels, a row is to meet its own.
        """
        now = self._clock()
        leaving = self._screening.admit(batch, registration, destination, now=now)
        return [
            Envelope(
                destination=destination,
                collector=self._collector_id,
                spooled_at=now,
                value=encode(piece),
                headers=[*_headers(registration.name), *headers],
                monitor=registration.name,
                n_rows=piece.num_rows,
                is_split=registration.monitor.spec.label is not None,
            )
            for piece in _pieces(leaving)
        ]

    def with_served(
        self, envelopes: Iterable[Envelope], served: Mapping[str, bytes]
    ) -> list[Envelope]:
        """The messages, the first of each monitor with what is told of how its model served; where
        none of its rows leave, a message without rows.

        served: the headers that tell it, by monitor.
        """
        untold, told = dict(served), []
        for envelope in envelopes:
            header = untold.pop(envelope.monitor or "", None)
            told.append(envelope if header is None else _with_header(envelope, header))
        return [*told, *(_with_header(self._empty(name), untold[name]) for name in untold)]

    def _empty(self, monitor: str) -> Envelope:
        return Envelope(
            destination=Destination.PREDICTIONS,
            collector=self._collector_id,
            spooled_at=self._clock(),
            value=_no_rows(),
            headers=_headers(monitor),
            monitor=monitor,
        )

    def dead_letter(self, letter: bytes, reason: str) -> Envelope:
        return Envelope(
            destination=Destination.DEAD_LETTERS,
            collector=self._collector_id,
            spooled_at=self._clock(),
            value=letter,
            headers=[
                (Header.REASON.value, reason.encode()),
                (Header.SOURCE.value, b"collector"),
                (Header.CONTENT_TYPE.value, JSON.encode()),
            ],
        )


class Intake(Packing):
    """Puts messages into the spool, under the id of this collector. Any thread may use it.

    stored: how many messages of a batch of captures are in the spool already, by the batch's
        number: a recorder that dies may have stored one and not said so.
    metering: is told whose bytes are on the disk.
    """

    def __init__(
        self,
        spool: Spool,
        *,
        collector_id: str,
        clock: Callable[[], float],
        screening: Screening,
        stored: Mapping[int, int] | None = None,
        metering: Metering | None = None,
    ) -> None:
        super().__init__(collector_id=collector_id, clock=clock, screening=screening)
        self._spool = spool
        self._stored = stored or {}
        self._metering = metering

    def store(self, envelopes: Sequence[Envelope], *, batch: int | None = None) -> Future[int]:
        """All or none. The future ends when they are safe, or with a SpoolError.

        batch: number of the captures that they were made of; what it stored before is left out.
        Raises SpoolFullError where there is no room.
        """
        if batch is not None:
            left = envelopes[self._stored.get(batch, 0) :]
            envelopes = [replace(envelope, batch=batch) for envelope in left]
        raw = [envelope.to_bytes() for envelope in envelopes]
        future = self._spool.append(raw)
        if self._metering is not None:
            sized = [(e.monitor, len(one)) for e, one in zip(envelopes, raw, strict=True)]
            self._meter(self._metering, sized, future)
        return future

    def _meter(self, metering: Metering, sized: Sequence[Sized], future: Future[int]) -> None:
        """Before they are known to be safe: the publisher may have sent them by then."""
        metering.spooled(sized)

        def settle(done: Future[int]) -> None:
            if done.exception() is not None:
                metering.left(sized)

        future.add_done_callback(settle)


@cache
def _no_rows() -> bytes:
    """Made when it is asked for: the first array takes a megabyte, and an idle process none."""
    return encode(predictions([], [], [], Conformed({}, {}, {}, {})))


def _headers(monitor: str) -> KafkaHeaders:
    return [(Header.MONITOR.value, monitor.encode()), (Header.CONTENT_TYPE.value, ARROW.encode())]


def _with_header(envelope: Envelope, served: bytes) -> Envelope:
    return replace(envelope, headers=[*envelope.headers, (Header.SERVED.value, served)])


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    n = max(-(-batch.num_rows // MAX_ENVELOPE_ROWS), -(-batch.nbytes // MAX_ENVELOPE_BYTES), 1)
    step = -(-batch.num_rows // n)
    for start in range(0, batch.num_rows, max(step, 1)):
        yield batch.slice(start, step)
