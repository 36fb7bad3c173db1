"""The registry as aggregate sees it: the topic monitors, followed live."""

import logging
import time
from collections.abc import Callable
from typing import Any

from kafka.errors import KafkaError
from kafka.structs import TopicPartition

from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Registration
from monitor.kafka.records import records_of

_logger = logging.getLogger(__name__)


class Registry:
    """The registrations in force, by name, as the topic tells.

    A revision that is not fitted, or could not be, leaves an earlier active one in force.
    """

    def __init__(self) -> None:
        self.registrations: dict[str, Registration] = {}

    def take(self, raw: bytes) -> None:
        """Takes note of one message of the topic; one that cannot be read is logged."""
        try:
            said = Registration.from_bytes(raw)
        except (ValueError, KeyError, TypeError):
            _logger.exception("a message of the topic monitors cannot be read")
            return
        known = self.registrations.get(said.name)
        if known is not None and said.revision < known.revision:
            return
        if known is not None and known.state == "active" and said.state in ("resolving", "failed"):
            return
        # Replaced, never changed: another thread may be looking through it.
        self.registrations = {**self.registrations, said.name: said}


class Follower:
    """Reads the topic monitors from its beginning, and then whatever comes."""

    def __init__(self, broker: Broker, *, client_id: str) -> None:
        self.registry = Registry()
        self._consumer: Any = broker.consumer(client_id=client_id)
        self._at = TopicPartition(broker.topics.monitors, 0)
        self._consumer.assign([self._at])

    def catch_up(
        self, *, timeout_s: float, monotonic: Callable[[], float] = time.monotonic
    ) -> bool:
        """Reads to where the topic ends now; False if that takes too long."""
        deadline = monotonic() + timeout_s
        try:
            end = self._consumer.end_offsets([self._at], timeout_ms=round(timeout_s * 1000))[
                self._at
            ]
        except KafkaError as error:
            _logger.warning("the topic monitors does not say where it ends: %s", error)
            return False
        while monotonic() < deadline:
            if self._consumer.position(self._at) >= end:
                return True
            self.poll(timeout_s=0.1)
        return False

    def poll(self, *, timeout_s: float = 0.0) -> None:
        """Takes note of what has come, waiting for at most so long."""
        polled = self._consumer.poll(timeout_ms=round(timeout_s * 1000))
        for records in polled.values():
            for record in records_of(records):
                self.registry.take(record.value)

    def close(self) -> None:
        self._consumer.close()
