"""What aggregate says of itself to Prometheus."""

from monitor import metrics
from monitor.metrics import Instruments
from monitor.records import Partition


class Tally:
    """The instruments of aggregate."""

    def __init__(self, instruments: Instruments) -> None:
        self._rows = instruments.counter(metrics.AGGREGATE_ROWS)
        self._skipped = instruments.counter(metrics.AGGREGATE_SKIPPED)
        self._dead_letters = instruments.counter(metrics.AGGREGATE_DEAD_LETTERS)
        self._segments = instruments.counter(metrics.AGGREGATE_SEGMENTS)
        self._lag = instruments.gauge(metrics.AGGREGATE_LAG)

    def counted(self, monitor: str, topic: str, n: int) -> None:
        self._rows.labels(monitor, topic).inc(n)

    def skipped(self, monitor: str, reason: str, n: int = 1) -> None:
        if n:
            self._skipped.labels(monitor, reason).inc(n)

    def dead_letter(self, reason: str) -> None:
        self._dead_letters.labels(reason).inc()

    def published(self, n_segments: int) -> None:
        self._segments.inc(n_segments)

    def lag(self, partition: Partition, n: int) -> None:
        self._lag.labels(partition.topic, str(partition.partition)).set(n)

    def left(self, partition: Partition) -> None:
        """A partition that another replica reads now has no lag here."""
        self._lag.remove(partition.topic, str(partition.partition))
