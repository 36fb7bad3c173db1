"""The registry as aggregate sees it: the topic monitors, followed live."""

import logging
import time
from collections.abc import Callable
from typing import Any

from kafka.errors import KafkaError
from kafka.structs import TopicPartition

from monitor.kafka.anew import Anew
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Registration
from monitor.kafka.records import records_of

ANSWER_MS = 1_000
"""For the broker's answer about where reading goes on."""

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
    """Reads the topic monitors from its beginning, and then whatever comes; and again if it is made
    anew."""

    def __init__(self, broker: Broker, *, client_id: str) -> None:
        self.registry = Registry()
        self._consumer: Any = broker.consumer(client_id=client_id)
        self._at = TopicPartition(broker.topics.monitors, 0)
        self._consumer.assign([self._at])
        self._anew = Anew(self._consumer, self._at.topic)

    def catch_up(
        self, *, timeout_s: float, monotonic: Callable[[], float] = time.monotonic
    ) -> bool:
        """Reads to where the topic ends now; False if that takes too long."""
        deadline = monotonic() + timeout_s
        try:
            ends = self._consumer.end_offsets([self._at], timeout_ms=round(timeout_s * 1000))
            while monotonic() < deadline:
                if self._has_read_to(ends[self._at]):
                    return True
                self.poll(timeout_s=0.1)
        except KafkaError as error:
            _logger.warning("the topic monitors does not say where it ends: %s", error)
        return False

    def _has_read_to(self, end: int) -> bool:
        """The end that a fetch has told counts too: the embedded broker, asked for the end, gives
        the beginning of its last batch."""
        fetched = self._consumer.highwater(self._at)
        position = self._consumer.position(self._at, timeout_ms=ANSWER_MS) or 0
        return fetched is not None and position >= max(end, fetched)

    def poll(self, *, timeout_s: float = 0.0) -> None:
        """Takes note of what has come, waiting for at most so long."""
        polled = self._consumer.poll(timeout_ms=round(timeout_s * 1000))
        if self._anew.has_come(polled):
            _logger.warning("the topic monitors was made anew: it is read from its beginning")
            self._consumer.seek_to_beginning(self._at)
            return
        for record in records_of(polled.get(self._at, ())):
            self.registry.take(record.value)

    def close(self) -> None:
        self._consumer.close()
