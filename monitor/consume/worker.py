"""The tick of consume: poll → cut into blocks → note them → prove that they are ours → deliver →
commit, in this order.

The log that is read is the buffer: what was not delivered is read again, and what was delivered
before a crash is found in our own topics (`monitor.consume.places`).
"""

import logging
from collections import Counter
from collections.abc import Sequence

from kafka.errors import KafkaError

from monitor.collector import tally
from monitor.collector.capture import Dropped
from monitor.collector.publisher import REFUSALS
from monitor.collector.registry import Monitors, Registry
from monitor.collector.telemetry import Telemetry
from monitor.consume.backlog import Block
from monitor.consume.carrying import Carried, Carrier
from monitor.consume.inflow import Inflow
from monitor.kafka.connecting import BrokerUnavailableError
from monitor.kafka.messages import Topics
from monitor.kafka.publishing import DeliveryError, Message, Publisher

log = logging.getLogger(__name__)


class Worker:
    """One member of the group, for one thread."""

    def __init__(
        self,
        inflow: Inflow,
        registry: Registry,
        carrier: Carrier,
        publisher: Publisher,
        telemetry: Telemetry,
        topics: Topics,
    ) -> None:
        self._inflow = inflow
        self._registry = registry
        self._carrier = carrier
        self._publisher = publisher
        self._telemetry = telemetry
        self._topics = topics

    def tick(self, *, elapsed: float, timeout_s: float) -> bool:
        """Carries over what has come; False if Kafka fails, and then it is tried again.

        elapsed: seconds of a clock that never goes back.
        """
        monitors = self._registry.monitors
        try:
            self._inflow.poll(monitors, elapsed=elapsed, timeout_s=timeout_s)
            blocks = self._inflow.blocks(monitors, elapsed=elapsed)
            if blocks:
                self._carry_over(blocks, monitors)
        except (BrokerUnavailableError, DeliveryError, KafkaError) as error:
            log.warning("nothing is carried over: %s", error)
            self._inflow.begin_again()
            return False
        return True

    def _carry_over(self, blocks: Sequence[Block], monitors: Monitors) -> None:
        carried = [
            self._carrier.carry(block, self._inflow.source(block.partition), monitors)
            for block in blocks
        ]
        names = [self._inflow.name(block.partition) for block in blocks]
        self._note(blocks)
        self._inflow.prove(blocks)
        n = self._publisher.n_partitions(self._topics.predictions)
        messages = [
            message
            for block, name, one in zip(blocks, names, carried, strict=True)
            for message in one.messages(block, name, self._topics, n)
        ]
        self._deliver(messages, one_by_one=any(block.is_again for block in blocks))
        self._inflow.settle(blocks)
        for one in carried:
            self._account(one)

    def _note(self, blocks: Sequence[Block]) -> None:
        """Of a block that was begun before, the note is older than its messages, and stays."""
        places = [self._inflow.place(block) for block in blocks if not block.is_again]
        self._publisher.deliver([place.message(self._topics.consumed) for place in places])

    def _deliver(self, messages: Sequence[Message], *, one_by_one: bool) -> None:
        """Raises DeliveryError. What Kafka will never take is dropped when it comes again, since
        then it is known which of the others have arrived.
        """
        if not one_by_one:
            self._publisher.deliver(messages)
            return
        for message in messages:
            try:
                self._publisher.deliver([message])
            except DeliveryError as error:
                if not isinstance(error.__cause__, REFUSALS):
                    raise
                log.warning("a message is refused by Kafka: %s", error)
                self._telemetry.count_dropped(Dropped.REFUSED_BY_KAFKA)

    def _account(self, carried: Carried) -> None:
        n_failed = sum(carried.failed.values())
        counts = Counter(
            {(tally.CAPTURED, ""): carried.n_read + n_failed, (tally.RECORDED, ""): carried.n_read}
        )
        counts.update({(tally.FAILED, str(reason)): n for reason, n in carried.failed.items()})
        self._telemetry.add(counts)
        for envelope in carried.envelopes:
            if envelope.monitor is not None:
                rows = self._telemetry.rows.labels(envelope.monitor, envelope.destination)
                rows.inc(envelope.n_rows)
