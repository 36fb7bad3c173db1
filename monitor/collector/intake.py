"""The way into the spool, for rows and for what could not be read."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pyarrow as pa

from monitor.batches import encode
from monitor.collector.envelope import Destination, Envelope
from monitor.messages import ARROW, JSON, Header, KafkaHeaders, Registration
from monitor.spool import Spool

MAX_ENVELOPE_ROWS = 10_000
MAX_ENVELOPE_BYTES = 768 * 1024
"""Of Arrow's buffers: as a message it is below the 1 MiB that Kafka takes by default."""


class Intake:
    """Puts messages into the spool, under the id of this process. Any thread may use it.

    Both methods return a future that ends when everything is safe, or with a SpoolError; they
    raise SpoolFullError where there is no room.
    """

    def __init__(self, spool: Spool, *, collector_id: str, clock: Callable[[], float]) -> None:
        self._spool = spool
        self._collector_id = collector_id
        self._clock = clock

    def store_rows(
        self,
        batch: pa.RecordBatch,
        registration: Registration,
        destination: Destination,
        headers: KafkaHeaders = (),
    ) -> Future[int]:
        """All rows or none. Those of a monitor that expects labels are to meet their label."""
        envelopes = [
            Envelope(
                destination=destination,
                collector=self._collector_id,
                spooled_at=self._clock(),
                value=encode(piece),
                headers=[
                    (Header.MONITOR.value, registration.name.encode()),
                    (Header.CONTENT_TYPE.value, ARROW.encode()),
                    *headers,
                ],
                monitor=registration.name,
                n_rows=piece.num_rows,
                is_split=registration.monitor.spec.label is not None,
            )
            for piece in _pieces(batch)
        ]
        return self._spool.append([envelope.to_bytes() for envelope in envelopes])

    def store_dead_letter(self, letter: bytes, reason: str) -> Future[int]:
        envelope = Envelope(
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
        return self._spool.append([envelope.to_bytes()])


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    n = max(-(-batch.num_rows // MAX_ENVELOPE_ROWS), -(-batch.nbytes // MAX_ENVELOPE_BYTES), 1)
    step = -(-batch.num_rows // n)
    for start in range(0, batch.num_rows, max(step, 1)):
        yield batch.slice(start, step)
