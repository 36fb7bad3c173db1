"""What the collector counts."""

from prometheus_client import CollectorRegistry, Counter

from monitor.metrics import (
    COLLECTOR_ADDED_LATENCY,
    COLLECTOR_CAPTURED,
    COLLECTOR_DROPPED,
    COLLECTOR_FAILED,
    COLLECTOR_MISMATCHED,
    COLLECTOR_QUEUE_BYTES,
    COLLECTOR_REFUSED,
    COLLECTOR_REQUESTS,
    COLLECTOR_ROWS,
    COLLECTOR_SPOOL_AGE,
    COLLECTOR_SPOOL_BYTES,
    COLLECTOR_SPOOL_DAMAGED,
    COLLECTOR_SPOOL_LIMIT_BYTES,
    COLLECTOR_SPOOL_TORN_BYTES,
    COLLECTOR_UNREADABLE_TIMES,
    Instruments,
)


class Telemetry:
    """The collector's instruments; counting one request costs about a microsecond."""

    def __init__(self, registry: CollectorRegistry) -> None:
        make = Instruments(registry)
        self.registry = registry
        self.captured = make.counter(COLLECTOR_CAPTURED)
        self.rows = make.counter(COLLECTOR_ROWS)
        self.failed = make.counter(COLLECTOR_FAILED)
        self.added_latency = make.histogram(COLLECTOR_ADDED_LATENCY)
        self.queue_bytes = make.gauge(COLLECTOR_QUEUE_BYTES)
        self.mismatched = make.counter(COLLECTOR_MISMATCHED)
        self.unreadable_times = make.counter(COLLECTOR_UNREADABLE_TIMES)
        self.refused = make.counter(COLLECTOR_REFUSED)
        self.spool_bytes = make.gauge(COLLECTOR_SPOOL_BYTES)
        self.spool_limit_bytes = make.gauge(COLLECTOR_SPOOL_LIMIT_BYTES)
        self.spool_age = make.gauge(COLLECTOR_SPOOL_AGE)
        self.spool_damaged = make.counter(COLLECTOR_SPOOL_DAMAGED)
        self.spool_torn_bytes = make.counter(COLLECTOR_SPOOL_TORN_BYTES)
        self._requests = make.counter(COLLECTOR_REQUESTS)
        self._dropped = make.counter(COLLECTOR_DROPPED)
        self._by_status: dict[int, Counter] = {}

    def count_request(self, status: int) -> None:
        counter = self._by_status.get(status)
        if counter is None:
            counter = self._by_status[status] = self._requests.labels(str(status))
        counter.inc()

    def count_dropped(self, reason: str, n: int = 1) -> None:
        self._dropped.labels(reason).inc(n)

    def count_failed(self, reason: str) -> None:
        self.failed.labels(reason).inc()
