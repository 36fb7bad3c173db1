"""The words that Prometheus rules are written in, and the PromQL that they share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from monitor.telemetry.instruments import Metric

RUNBOOK_URL = "docs/runbooks/{alert}.md"
"""Where an alert's page is. A path in this repository; set it to where your pages are served."""

JOBS = 'job=~"driftmeter.*"'
"""The scrape jobs of Driftmeter's roles, for rules about `up`, which every target has."""

REPLICAS = ("instance", "pod")
"""The labels that tell two replicas of a role apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """Input on which an alert fires, and the one change of it on which it stays quiet.

    series: of promtool's notation, a value every `interval` from time 0.
    at: when both are looked at. labels: of the alert, beside its severity.
    summary, description: as people then read them.
    quiet: one of the series, with the values that make the difference.
    """

    series: Mapping[str, str]
    at: str
    summary: str
    description: str
    quiet: tuple[str, str]
    labels: Mapping[str, str]
    interval: str = "1m"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A series made of others, named level:metric:operations."""

    record: str
    expr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that somebody should look at.

    for_: how long `expr` must hold. severity: critical if data or notifications are lost or
        about to be, else warning. summary, description: Go templates over $labels and $value.
    """

    name: str
    expr: str
    for_: str
    severity: Literal["warning", "critical"]
    summary: str
    description: str
    example: Example

    @property
    def runbook_url(self) -> str:
        return RUNBOOK_URL.format(alert=self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rules that Prometheus evaluates in order, so that recordings come before their use."""

    name: str
    rules: tuple[Recording | Alert, ...]

    @property
    def alerts(self) -> tuple[Alert, ...]:
        return tuple(rule for rule in self.rules if isinstance(rule, Alert))


def series(metric: Metric, *matchers: str, suffix: str = "") -> str:
    """The series of a metric."""
    return f"{metric.name}{suffix}" + (f"{{{', '.join(matchers)}}}" if matchers else "")


def without(aggregation: str, expr: str, *labels: str) -> str:
    """Replicas, and what differs in the given labels too, taken together."""
    return f"{aggregation} without ({', '.join((*REPLICAS, *labels))}) ({expr})"


def once(metric: Metric, *matchers: str) -> str:
    """A gauge once, though several replicas tell it."""
    return without("max", series(metric, *matchers))


def recent(counted: str, window: str) -> str:
    """How far a counter moved within the window, its first move included.

    A labelled counter is born at the event that it counts. `increase` sees no move there, for
    there is no value before it; so a counter younger than the window counts whole.
    """
    return (
        f"\n  {counted} unless {counted} offset {window}\n  or\n  increase({counted}[{window}])\n"
    )
