"""Predictions and labels need as many partitions as each other, also while somebody adds some."""

from monitor.kafka.messages import Topics
from monitor.kafka.publishing import DeliveryError, Publisher
from monitor.kafka.records import TopicsError

CHECK_S = 10.0
PATIENCE_S = 60.0
"""So long may they differ, for partitions are added to one topic after the other."""


class Layout:
    """Whether the two topics can be joined partition by partition."""

    def __init__(self, topics: Topics, publisher: Publisher) -> None:
        self._topics = topics
        self._publisher = publisher
        self._next_check = 0.0
        self._uneven_since: float | None = None

    def check(self) -> None:
        """Raises TopicsError where they differ."""
        if fault := self._fault():
            raise TopicsError(fault)

    def watch(self, elapsed: float) -> None:
        """Now and then the same; raises where they have differed for long.

        elapsed: seconds on a clock that never jumps.
        """
        if elapsed < self._next_check:
            return
        self._next_check = elapsed + CHECK_S
        try:
            fault = self._fault()
        except DeliveryError:
            return  # the broker is away: it is asked again
        if fault is None:
            self._uneven_since = None
            return
        self._uneven_since = elapsed if self._uneven_since is None else self._uneven_since
        if elapsed - self._uneven_since >= PATIENCE_S:
            raise TopicsError(fault)

    def _fault(self) -> str | None:
        topics = self._topics
        counts = [
            self._publisher.n_partitions(name) for name in (topics.predictions, topics.labels)
        ]
        if counts[0] == counts[1]:
            return None
        return (
            f"{topics.predictions} has {counts[0]} partitions and {topics.labels} {counts[1]}: "
            "labels are joined partition by partition, so give both the same number"
        )
