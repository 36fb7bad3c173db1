"""PromQL made from entries of the metrics table, with the dashboard's variables as matchers."""

from dataclasses import dataclass

from monitor.telemetry.instruments import Metric

CHOSEN = 'job=~"$job", instance=~"$instance"'


@dataclass(frozen=True, slots=True)
class Query:
    """expr: PromQL. legend: of each series, with labels as `{{label}}`."""

    expr: str
    legend: str


def selected(metric: Metric, *matchers: str, suffix: str = "") -> str:
    """The series of a metric that the dashboard's variables select."""
    chosen = [CHOSEN, *matchers]
    if "monitor" in metric.labels:
        chosen.append('monitor=~"$monitor"')
    return f"{metric.name}{suffix}{{{', '.join(chosen)}}}"


def latest(metric: Metric, *matchers: str, by: tuple[str, ...] | None = None) -> str:
    """A gauge once, though several replicas tell it."""
    labels = metric.labels if by is None else by
    return f"max by ({', '.join(labels)}) ({selected(metric, *matchers)})"


def total(metric: Metric, *, by: tuple[str, ...] = ()) -> str:
    """A gauge summed over the instances that each have a part of it."""
    return f"sum by ({', '.join(by)}) ({selected(metric)})"


def rate(metric: Metric, *, by: tuple[str, ...] | None = None) -> str:
    """A counter per second, over all instances."""
    labels = metric.labels if by is None else by
    return f"sum by ({', '.join(labels)}) (rate({selected(metric)}[$__rate_interval]))"


def increase(metric: Metric, *matchers: str) -> str:
    """How often a counter moved between two points of the picture, over all instances."""
    counted = selected(metric, *matchers)
    return f"sum by ({', '.join(metric.labels)}) ({_moved(counted, '$__rate_interval')})"


def quantile(metric: Metric, q: float) -> str:
    """A quantile of a histogram, over all instances."""
    buckets = _moved(selected(metric, suffix="_bucket"), "$__rate_interval")
    return f"histogram_quantile({q}, sum by (le) ({buckets}))"


def moved(metric: Metric, *matchers: str) -> str:
    """How far a counter moved in the time that is looked at, over everything."""
    return f"sum({_moved(selected(metric, *matchers), '$__range')})"


def over_all(metric: Metric, *matchers: str) -> str:
    """The same; 0 if it never moved."""
    return f"{moved(metric, *matchers)} or vector(0)"


def _moved(counted: str, window: str) -> str:
    """A labelled counter is born at the event that it counts, where `increase` sees no move: what
    was not there in the window before counts whole. A scrape that failed is no birth."""
    before = f"present_over_time({counted}[{window}] offset {window})"
    return f"({counted} unless {before}) or increase({counted}[{window}])"


def largest_rates(metric: Metric, label: str, n: int = 10) -> str:
    """The n largest sums per second, by one label."""
    return f"topk({n}, {rate(metric, by=(label,))})"


def how_many(condition: str) -> str:
    """The number of series for which a condition holds; 0 if for none."""
    return f"count({condition}) or vector(0)"
