"""What the collector counts."""

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from monitor.collector import tally
from monitor.collector.frames import Counts
from monitor.collector.tally import ADDED_LATENCY_S, LATENCY, LATENCY_NS
from monitor.telemetry import tracing
from monitor.telemetry.instruments import Instruments
from monitor.telemetry.metrics import (
    COLLECTOR_ADDED_LATENCY,
    COLLECTOR_CAPTURED,
    COLLECTOR_DROPPED,
    COLLECTOR_FAILED,
    COLLECTOR_MODEL_ANSWERS,
    COLLECTOR_MODEL_LATENCY,
    COLLECTOR_OVER_QUOTA,
    COLLECTOR_PUSHES,
    COLLECTOR_QUEUE_BYTES,
    COLLECTOR_READ,
    COLLECTOR_RECORDED,
    COLLECTOR_REFUSED,
    COLLECTOR_REQUESTS,
    COLLECTOR_ROWS,
    COLLECTOR_SCHEMA_BREAKS,
    COLLECTOR_SPOOL_AGE,
    COLLECTOR_SPOOL_BYTES,
    COLLECTOR_SPOOL_DAMAGED,
    COLLECTOR_SPOOL_LIMIT_BYTES,
    COLLECTOR_SPOOL_TORN_BYTES,
    COLLECTOR_TENANT_SPOOL_BYTES,
    COLLECTOR_UNREAD_CONNECTIONS,
    COLLECTOR_UNREADABLE_TIMES,
    COLLECTOR_UNSAMPLED,
)


class _AddedLatency(Collector):
    """A histogram whose buckets were counted by another process."""

    def __init__(self) -> None:
        self.buckets = [0] * (len(ADDED_LATENCY_S) + 1)
        self.n_nanoseconds = 0

    def collect(self) -> Iterator[HistogramMetricFamily]:
        bounds = [*map(str, ADDED_LATENCY_S), "+Inf"]
        yield HistogramMetricFamily(
            COLLECTOR_ADDED_LATENCY.name,
            COLLECTOR_ADDED_LATENCY.help,
            buckets=list(zip(bounds, accumulate(self.buckets), strict=True)),
            sum_value=self.n_nanoseconds / 1e9,
        )


class Telemetry:
    """The collector's instruments; what the proxy has counted is added as it becomes known."""

    def __init__(self, registry: CollectorRegistry) -> None:
        make = Instruments(registry)
        self.registry = registry
        self.captured = make.counter(COLLECTOR_CAPTURED)
        self.recorded = make.counter(COLLECTOR_RECORDED)
        self.rows = make.counter(COLLECTOR_ROWS)
        self.queue_bytes = make.gauge(COLLECTOR_QUEUE_BYTES)
        self.schema_breaks = make.counter(COLLECTOR_SCHEMA_BREAKS)
        self.read = make.counter(COLLECTOR_READ)
        self.unsampled = make.counter(COLLECTOR_UNSAMPLED)
        self._model_answers = make.counter(COLLECTOR_MODEL_ANSWERS)
        self._model_latency = make.histogram(COLLECTOR_MODEL_LATENCY)
        self._models: dict[str, tuple[Sequence[Counter], Histogram]] = {}
        self.unreadable_times = make.counter(COLLECTOR_UNREADABLE_TIMES)
        self.refused = make.counter(COLLECTOR_REFUSED)
        self.over_quota = make.counter(COLLECTOR_OVER_QUOTA)
        self.tenant_spool_bytes = make.gauge(COLLECTOR_TENANT_SPOOL_BYTES)
        self.pushes = make.counter(COLLECTOR_PUSHES)
        self.spool_bytes = make.gauge(COLLECTOR_SPOOL_BYTES)
        self.spool_limit_bytes = make.gauge(COLLECTOR_SPOOL_LIMIT_BYTES)
        self.spool_age = make.gauge(COLLECTOR_SPOOL_AGE)
        self.spool_damaged = make.counter(COLLECTOR_SPOOL_DAMAGED)
        self.spool_torn_bytes = make.counter(COLLECTOR_SPOOL_TORN_BYTES)
        self._failed = make.counter(COLLECTOR_FAILED)
        self._requests = make.counter(COLLECTOR_REQUESTS)
        self._dropped = make.counter(COLLECTOR_DROPPED)
        self._unread = make.counter(COLLECTOR_UNREAD_CONNECTIONS)
        self._added_latency = _AddedLatency()
        registry.register(self._added_latency)

    def add(self, counts: Counts) -> None:
        for (name, label), n in counts.items():
            if name == LATENCY:
                self._added_latency.buckets[int(label)] += n
            elif name == LATENCY_NS:
                self._added_latency.n_nanoseconds += n
            else:
                self._counter(name, label).inc(n)

    def _counter(self, name: str, label: str) -> Counter:
        match name:
            case tally.CAPTURED:
                return self.captured
            case tally.RECORDED:
                return self.recorded
            case tally.REQUESTS:
                return self._requests.labels(label)
            case tally.DROPPED:
                return self._dropped.labels(label)
            case tally.FAILED:
                return self._failed.labels(label)
            case tally.UNREAD:
                return self._unread.labels(label)
        raise AssertionError(f"nobody counts {name!r}")

    def answered(self, monitor: str, *, is_ok: bool, latency_s: float, origin: str | None) -> None:
        """What a model made of a request; a latency that nobody measured is NaN.

        origin: the traceparent that the request came with.
        """
        answers, latency = self._model(monitor)
        answers[is_ok].inc()
        if is_ok and not math.isnan(latency_s):
            latency.observe(latency_s, None if origin is None else tracing.exemplar(origin))

    def _model(self, monitor: str) -> tuple[Sequence[Counter], Histogram]:
        """How often the model behind a monitor failed and answered, and how soon."""
        known = self._models.get(monitor)
        if known is None:
            answers = [self._model_answers.labels(monitor, told) for told in ("error", "ok")]
            known = self._models[monitor] = answers, self._model_latency.labels(monitor)
        return known

    def count_dropped(self, reason: str, n: int = 1) -> None:
        self._dropped.labels(reason).inc(n)
