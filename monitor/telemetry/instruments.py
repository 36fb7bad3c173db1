"""What a metric is, and the instruments that are made of the entries of the table of metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

Kind = Literal["counter", "gauge", "histogram"]

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its full name as exposed, what it counts, and its labels."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: Sequence[float] = SECONDS


def counter(name: str, text: str, labels: tuple[str, ...] = ()) -> Metric:
    """What only grows."""
    return Metric(name, "counter", text, labels)


def gauge(name: str, text: str, labels: tuple[str, ...] = ()) -> Metric:
    """What is so now."""
    return Metric(name, "gauge", text, labels)


def histogram(
    name: str, text: str, labels: tuple[str, ...] = (), buckets: Sequence[float] = SECONDS
) -> Metric:
    """How long things took, in seconds."""
    return Metric(name, "histogram", text, labels, buckets)


class Instruments:
    """Makes prometheus_client instruments from table entries, in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry

    def counter(self, metric: Metric) -> Counter:
        assert metric.kind == "counter"
        return Counter(metric.name, metric.help, metric.labels, registry=self.registry)

    def gauge(self, metric: Metric) -> Gauge:
        assert metric.kind == "gauge"
        return Gauge(metric.name, metric.help, metric.labels, registry=self.registry)

    def histogram(self, metric: Metric) -> Histogram:
        assert metric.kind == "histogram"
        return Histogram(
            metric.name, metric.help, metric.labels, buckets=metric.buckets, registry=self.registry
        )
