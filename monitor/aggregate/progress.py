"""How far predictions and labels have been counted, for whoever scales aggregates by what is left.

The group in which aggregates read commits where reading would begin again: the start of a stretch,
up to `SEGMENT_SIZE` messages before what has been counted. By that lag there would always be
something left. So what has been counted is committed too, in a group that has no members.
"""

import logging
from collections.abc import Mapping
from typing import Any

from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata, TopicPartition

from monitor.kafka.connecting import Broker
from monitor.kafka.records import Partition

TIMEOUT_MS = 2_000

_logger = logging.getLogger(__name__)


class Progress:
    """Commits offsets in the group `<prefix>counted`."""

    def __init__(self, broker: Broker, *, client_id: str) -> None:
        group = f"{broker.topics.prefix}counted"
        self._consumer: Any = broker.consumer(client_id=client_id, group=group)

    def tell(self, counted: Mapping[Partition, int]) -> None:
        """By partition, the offset behind what has been counted. What fails is told with the next:
        it is nobody's state, and costs at most an aggregate that was not needed."""
        offsets = {
            TopicPartition(*at): OffsetAndMetadata(offset, "", -1) for at, offset in counted.items()
        }
        try:
            self._consumer.commit(offsets, timeout_ms=TIMEOUT_MS)
        except KafkaError as error:
            _logger.warning("how far has been counted was not told: %s", error)

    def close(self) -> None:
        self._consumer.close(autocommit=False, timeout_ms=TIMEOUT_MS)
