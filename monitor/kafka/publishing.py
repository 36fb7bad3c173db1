"""Messages into Kafka, delivered before anything is committed on the strength of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import kafka
from kafka.errors import KafkaError

from monitor.kafka.connecting import Broker, BrokerUnavailableError, abandon, written_log_id
from monitor.kafka.messages import KafkaHeaders

DELIVERY_TIMEOUT_S = 30.0


class DeliveryError(Exception):
    """The broker did not acknowledge; some of the messages may be in the log nevertheless."""


@dataclass(frozen=True, slots=True)
class Message:
    """partition: None leaves the choice to the key."""

    topic: str
    key: bytes | None
    value: bytes
    headers: KafkaHeaders = ()
    partition: int | None = None


class Publisher:
    """A producer whose `deliver` returns when everything is in the log.

    After a failure it begins with a new producer: an idempotent one may never recover from a
    broker that has lost its memory. If that has lost the topics too, they are made again.
    """

    def __init__(self, broker: Broker, *, client_id: str) -> None:
        self._broker = broker
        self._client_id = client_id
        self._producer: kafka.KafkaProducer | None = broker.producer(client_id=client_id)

    def deliver(
        self, messages: Sequence[Message], *, timeout_s: float = DELIVERY_TIMEOUT_S
    ) -> None:
        """Sends in order and waits for every acknowledgement. Raises DeliveryError."""
        if not messages:
            return
        try:
            sent = [self._send(message) for message in messages]
            for future in sent:
                future.get(timeout=timeout_s)
        except (KafkaError, BrokerUnavailableError) as error:
            self.abandon()
            raise DeliveryError(
                f"{len(messages)} messages for {messages[0].topic}: {error}"
            ) from error

    def n_partitions(self, topic: str) -> int:
        try:
            return len(self._connected().partitions_for(topic))
        except (KafkaError, BrokerUnavailableError) as error:
            self.abandon()
            raise DeliveryError(f"no metadata of {topic}: {error}") from error

    def log(self, topic: str) -> str:
        """Which log is behind the name of a topic that was written to, as far as the broker has
        said lately: another one after it was made anew. Empty where nobody says."""
        return "" if self._producer is None else written_log_id(self._producer, topic)

    def close(self, *, timeout_s: float = 5.0) -> None:
        if self._producer is not None:
            self._producer.close(timeout=timeout_s)
            self._producer = None

    def abandon(self) -> None:
        """Begins with a new producer next time; what this one has not delivered fails."""
        producer, self._producer = self._producer, None
        if producer is not None:
            abandon(producer)

    def _send(self, message: Message) -> kafka.future.Future:
        return self._connected().send(
            message.topic,
            key=message.key,
            value=message.value,
            headers=list(message.headers),
            partition=message.partition,
        )

    def _connected(self) -> kafka.KafkaProducer:
        if self._producer is None:
            self._broker.create_topics()
            self._producer = self._broker.producer(client_id=self._client_id)
        return self._producer
