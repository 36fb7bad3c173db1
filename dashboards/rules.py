"""The words that Prometheus rules are written in, and the PromQL that they share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from monitor.telemetry.instruments import Metric

RUNBOOK_URL = "docs/runbooks/{alert}.md"
"""Where an alert's page is. A path in this repository; set it to where your pages are served."""

JOBS = 'job=~"driftmeter.*"'
"""The scrape jobs of Driftmeter's roles, for rules about `up`, which every target has."""

BURNS = ((14.4, "1h", "5m"), (6.0, "6h", "30m"))
"""Rates at which the budget burns too fast: 2 % of 30 days' budget in an hour, 5 % in six.

The short window ends the alert soon after the loss ends. After The Site Reliability Workbook,
chapter 5, "Multiwindow, Multi-Burn-Rate Alerts".
"""

LATE_S = 60
"""How old what is read may be before counting is late."""

REPLICAS = ("instance", "pod")
"""The labels that tell two replicas of a role apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """Input on which an alert fires, and the one change of it on which it stays quiet.

    series: of promtool's notation, a value every `interval` from time 0; rules are evaluated as
        often.
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
    interval: Literal["1m", "5m"] = "1m"


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


WINDOWS = tuple(window for _, *windows in BURNS for window in windows)
"""Over which a share that burns a budget is recorded."""


def burns(share: Callable[[str], str], budget: float) -> str:
    """Whether a budget burns too fast. share: of a window, the recording of what was bad in it."""
    return "\nor\n".join(
        f"({share(long)} > {factor * budget:g} and {share(short)} > {factor * budget:g})"
        for factor, long, short in BURNS
    )


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
    there is no value before it; so a counter younger than the window counts whole. One that a
    failed scrape has made stale for a moment is no younger.
    """
    before = f"present_over_time({counted}[5m] offset {window})"
    return f"\n  {counted} unless {before}\n  or\n  increase({counted}[{window}])\n"
