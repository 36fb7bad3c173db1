"""How a member of a group polls while it waits for its partitions."""

from typing import Any

from kafka import ConsumerRebalanceListener

JOINING_POLL_MS = 2_000


class Joining(ConsumerRebalanceListener):  # type: ignore[misc]  # it has no types
    """A join that is begun is seen to its end, however long it takes.

    kafka-python (3.0) sends the request to join in one poll and takes the answer in a later one. In
    between it may forget that it waits for any: where new partitions or topics were the reason to
    join, the reason is gone once the request is made, and a member whose answer comes after the
    end of that poll has no partitions, sends no heartbeats and notices neither, for ever. So the
    member is told that it must join, which it believes until it has its partitions; as Java's
    clients do since https://github.com/apache/kafka/pull/8420.

    It also forgets an answer that comes between two polls, and asks again, for which all other
    members must join again too. So while a join is under way, a poll lasts much longer than what
    lies between two.

    Give it to `KafkaConsumer.subscribe` as the listener.
    """

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self._goes_on = True
        self._assigned: frozenset[Any] = frozenset()
        self._taken: frozenset[Any] = frozenset()

    def poll_ms(self, usual_ms: int) -> int:
        """How long the next poll may take."""
        return max(usual_ms, JOINING_POLL_MS) if self._goes_on else usual_ms

    def taken_away(self) -> frozenset[Any]:
        """The partitions that were another's for a while since this was last asked: within one poll
        they may have gone and come back, and been read on meanwhile."""
        taken, self._taken = self._taken, frozenset()
        return taken

    def on_partitions_revoked(self, _: Any) -> None:
        """Called before every request to join, also by a member that has no partitions."""
        self._goes_on = True
        self._consumer._coordinator.request_rejoin()  # noqa: SLF001 - there is no public way

    def on_partitions_lost(self, _: Any) -> None:
        self._goes_on = True
        self._follow(frozenset())

    def on_partitions_assigned(self, assigned: Any) -> None:
        self._goes_on = False
        self._follow(frozenset(assigned))

    def _follow(self, assigned: frozenset[Any]) -> None:
        self._taken |= self._assigned - assigned
        self._assigned = assigned
