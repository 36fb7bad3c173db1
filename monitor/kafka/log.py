"""Kafka as a log that notifications are written to."""

import threading

import kafka
from kafka.errors import KafkaError

from alerts.log import Record, UnwritableError
from monitor.kafka.connecting import Broker, BrokerUnavailableError, abandon


class KafkaLog:
    """Writes to a cluster, which is connected to when the first record is written.

    After a failure it begins with a new producer: an idempotent one may never recover.
    """

    def __init__(self, broker: Broker, *, client_id: str) -> None:
        self._broker = broker
        self._client_id = client_id
        self._lock = threading.Lock()
        self._producer: kafka.KafkaProducer | None = None

    def write(self, record: Record, /, *, timeout_s: float) -> None:
        """Returns when all replicas have the record. Raises UnwritableError."""
        try:
            producer = self._connected()
        except BrokerUnavailableError as error:
            raise UnwritableError(str(error)) from error
        try:
            sent = producer.send(
                record.topic, key=record.key, value=record.value, headers=list(record.headers)
            )
            sent.get(timeout=timeout_s)
        except KafkaError as error:
            self._abandon(producer)
            raise UnwritableError(f"{record.topic}: {type(error).__name__}") from error

    def close(self) -> None:
        with self._lock:
            producer, self._producer = self._producer, None
        if producer is not None:
            producer.close(timeout=5.0)

    def _connected(self) -> kafka.KafkaProducer:
        with self._lock:
            if self._producer is None:
                self._producer = self._broker.producer(client_id=self._client_id)
            return self._producer

    def _abandon(self, producer: kafka.KafkaProducer) -> None:
        with self._lock:
            if self._producer is not producer:
                return  # another thread's write has failed too, and was quicker
            self._producer = None
        abandon(producer)
