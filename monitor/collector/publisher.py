"""From the spool to Kafka: what Kafka has acknowledged leaves the spool."""

import logging
import threading
from collections.abc import Callable, Sequence

from kafka.errors import (
    InvalidRecordError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
)

from monitor.batches import BatchError
from monitor.collector.capture import Dropped
from monitor.collector.envelope import Destination, Envelope
from monitor.collector.metering import Metering
from monitor.collector.telemetry import Telemetry
from monitor.kafka import publishing
from monitor.kafka.connecting import Broker, BrokerUnavailableError
from monitor.kafka.messages import Header
from monitor.kafka.publishing import DeliveryError, Message
from monitor.spool import Record, Spool

log = logging.getLogger(__name__)

WAIT_S = 0.5
RETRY_S = 1.0
READ_BYTES = 2 * 1024 * 1024
MAX_DEAD_LETTER_BYTES = 64 * 1024

REFUSALS = (
    InvalidRecordError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
)
"""What Kafka says of a message that it will never take; everything else may pass."""


class Publisher:
    """Publishes the spool's records in order, on a thread of its own.

    One read of the spool is published and acknowledged before the next is begun: so the cursor
    is never ahead of Kafka, and while Kafka answers the next read grows by itself. A broker that
    is away is tried again for as long as it takes. After a crash the last read is published again,
    message by message the same.
    """

    def __init__(
        self,
        spool: Spool,
        broker: Broker,
        telemetry: Telemetry,
        *,
        client_id: str,
        clock: Callable[[], float],
        metering: Metering | None = None,
    ) -> None:
        self._metering = metering
        self._spool = spool
        self._broker = broker
        self._telemetry = telemetry
        self._client_id = client_id
        self._clock = clock
        self._producer: publishing.Publisher | None = None
        self._oldest_at: float | None = None
        self._n_lost = 0
        self._is_away = False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    @property
    def age_s(self) -> float:
        """How long the oldest record waits that is not published."""
        oldest_at = self._oldest_at
        return 0.0 if oldest_at is None else max(self._clock() - oldest_at, 0.0)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Publishes what is in the spool, for so long or until Kafka fails; whether it has ended.

        A broker that was away the last time is not looked for again.
        """
        self._stopped.set()
        self._thread.join(0.0 if self._is_away else timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopped.is_set():
            if self._spool.wait(self._spool.delivered, WAIT_S) and not self._publish():
                self._stopped.wait(RETRY_S)
        while not self._is_away and self._spool.wait(self._spool.delivered, 0.0):
            self._publish()
        self._disconnect()

    def _publish(self) -> bool:
        try:
            self.publish()
        except (BrokerUnavailableError, DeliveryError, KafkaError, OSError) as error:
            log.warning("the spool is not published: %s", error)
            self._disconnect()
            self._is_away = True
        else:
            self._is_away = False
        return not self._is_away

    def publish(self) -> None:
        """Publishes one read of the spool and moves its cursor.

        Raises BrokerUnavailableError, DeliveryError, KafkaError; and OSError, of the spool.
        """
        records = self._spool.read(self._spool.delivered, READ_BYTES)
        self._telemetry.spool_damaged.inc(self._spool.n_lost - self._n_lost)
        self._n_lost = self._spool.n_lost
        if not records:
            return
        envelopes = [(record, envelope) for record in records if (envelope := self._open(record))]
        self._oldest_at = envelopes[0][1].spooled_at if envelopes else None
        self._deliver(envelopes)
        self._spool.advance(records[-1].sequence)
        if self._metering is not None:
            self._metering.left((e.monitor, len(record.payload)) for record, e in envelopes)
        self._oldest_at = None

    def _open(self, record: Record) -> Envelope | None:
        try:
            return Envelope.from_bytes(record.payload)
        except ValueError as error:
            self._leave_out(record, error)
            return None

    def _leave_out(self, record: Record, error: ValueError) -> None:
        """Of what we have spooled ourselves: a fault of ours, which must not hold up the rest."""
        log.warning("record %d is left out: %s", record.sequence, error)
        self._telemetry.count_dropped(Dropped.FAULT)

    def _deliver(self, envelopes: Sequence[tuple[Record, Envelope]]) -> None:
        try:
            self._send(envelopes)
        except DeliveryError as error:
            if not isinstance(error.__cause__, REFUSALS):
                raise
            for one in envelopes:
                self._deliver_alone(*one)

    def _deliver_alone(self, record: Record, envelope: Envelope) -> None:
        try:
            self._send([(record, envelope)])
        except DeliveryError as error:
            if not isinstance(error.__cause__, REFUSALS):
                raise
            log.warning("record %d is refused by Kafka: %s", record.sequence, error)
            self._telemetry.count_dropped(Dropped.REFUSED_BY_KAFKA)
            if envelope.destination is not Destination.DEAD_LETTERS:
                self._connected().deliver([self._dead_letter(envelope, error)])

    def _send(self, envelopes: Sequence[tuple[Record, Envelope]]) -> None:
        messages = [m for record, envelope in envelopes for m in self._messages(record, envelope)]
        self._connected().deliver(messages)
        for _, envelope in envelopes:
            if envelope.monitor is not None:
                counter = self._telemetry.rows.labels(envelope.monitor, envelope.destination)
                counter.inc(envelope.n_rows)

    def _messages(self, record: Record, envelope: Envelope) -> list[Message]:
        topics = self._broker.topics
        n_partitions = self._connected().n_partitions(envelope.destination.topic(topics))
        try:
            return list(envelope.messages(record.sequence, topics, n_partitions))
        except BatchError as error:
            self._leave_out(record, error)
            return []

    def _dead_letter(self, envelope: Envelope, error: DeliveryError) -> Message:
        headers = [
            *envelope.headers,
            (Header.REASON.value, str(error.__cause__).encode()),
            (Header.SOURCE.value, b"collector"),
        ]
        letter = envelope.value[:MAX_DEAD_LETTER_BYTES]
        return Message(self._broker.topics.dead_letters, None, letter, headers)

    def _connected(self) -> publishing.Publisher:
        if self._producer is None:
            self._broker.create_topics()
            self._producer = publishing.Publisher(self._broker, client_id=self._client_id)
        return self._producer

    def _disconnect(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.abandon()
