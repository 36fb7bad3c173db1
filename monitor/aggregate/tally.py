"""What aggregate says of itself to Prometheus."""

from monitor.kafka.records import Partition
from monitor.telemetry import metrics
from monitor.telemetry.instruments import Instruments


class Tally:
    """The instruments of aggregate."""

    def __init__(self, instruments: Instruments) -> None:
        self._rows = instruments.counter(metrics.AGGREGATE_ROWS)
        self._skipped = instruments.counter(metrics.AGGREGATE_SKIPPED)
        self._dead_letters = instruments.counter(metrics.AGGREGATE_DEAD_LETTERS)
        self._segments = instruments.counter(metrics.AGGREGATE_SEGMENTS)
        self._corrections = instruments.counter(metrics.AGGREGATE_CORRECTIONS)
        self._lag = instruments.gauge(metrics.AGGREGATE_LAG)
        self._lag_seconds = instruments.gauge(metrics.AGGREGATE_LAG_SECONDS)
        self._stopped = instruments.gauge(metrics.AGGREGATE_STOPPED)
        self._made_anew = instruments.counter(metrics.AGGREGATE_NEW_LOGS)
        self._join_bytes = instruments.gauge(metrics.AGGREGATE_JOIN_BYTES)

    def counted(self, monitor: str, topic: str, n: int) -> None:
        self._rows.labels(monitor, topic).inc(n)

    def corrected(self, monitor: str, n: int) -> None:
        if n:
            self._corrections.labels(monitor).inc(n)

    def skipped(self, monitor: str, reason: str, n: int = 1) -> None:
        if n:
            self._skipped.labels(monitor, reason).inc(n)

    def dead_letter(self, reason: str) -> None:
        self._dead_letters.labels(reason).inc()

    def published(self, n_segments: int) -> None:
        self._segments.inc(n_segments)

    def lag(self, partition: Partition, n: int, seconds: float) -> None:
        """How far behind the end of a partition we are, in messages and in their times."""
        where = partition.topic, str(partition.partition)
        self._lag.labels(*where).set(n)
        self._lag_seconds.labels(*where).set(seconds)

    def join(self, lane: int, size_bytes: int) -> None:
        self._join_bytes.labels(str(lane)).set(size_bytes)

    def stopped(self, partition: Partition) -> None:
        self._stopped.labels(partition.topic, str(partition.partition)).set(1)

    def made_anew(self, partition: Partition) -> None:
        self._made_anew.labels(partition.topic, str(partition.partition)).inc()

    def left(self, partition: Partition) -> None:
        """A partition that another replica reads now has no lag here."""
        for gauge in (self._lag, self._lag_seconds, self._stopped):
            gauge.remove(partition.topic, str(partition.partition))
