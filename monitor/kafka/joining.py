"""How a member of a group polls while it waits for its partitions."""

from typing import Any

from kafka import ConsumerRebalanceListener

JOINING_POLL_MS = 2_000


class Joining(ConsumerRebalanceListener):  # type: ignore[misc]  # it has no types
    """Polls last long while a group is being joined.

    kafka-python (3.0) forgets a join that ends between two polls, and begins another, for which all
    other members must join again too. So while one is under way, a poll lasts much longer than what
    lies between two. Give it to `KafkaConsumer.subscribe` as the listener.
    """

    def __init__(self) -> None:
        self._goes_on = True

    def poll_ms(self, usual_ms: int) -> int:
        """How long the next poll may take."""
        return max(usual_ms, JOINING_POLL_MS) if self._goes_on else usual_ms

    def on_partitions_revoked(self, _: Any) -> None:
        self._goes_on = True

    def on_partitions_lost(self, _: Any) -> None:
        self._goes_on = True

    def on_partitions_assigned(self, _: Any) -> None:
        self._goes_on = False
