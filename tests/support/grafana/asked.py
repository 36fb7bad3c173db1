"""What a panel's queries find, as Grafana asks them: variables filled in, legends written."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.prometheus import Found, Prometheus

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    labels: Mapping[str, str]
    points: list[tuple[float, float]]

    @property
    def last(self) -> float:
        return self.points[-1][1]


@dataclass(frozen=True, slots=True)
class Span:
    """The time that is looked at, in seconds since 1970, and how often it is scraped."""

    start: float
    end: float
    scraped_every_s: float

    @property
    def step_s(self) -> float:
        """A point for every third pixel of a panel, no more than there are scrapes."""
        return max(self.scraped_every_s, (self.end - self.start) / 240)

    def filled(self, expr: str) -> str:
        """A query with everything selected."""
        rate_s = max(self.step_s + self.scraped_every_s, 4 * self.scraped_every_s)
        chosen = {
            "$job": ".+",
            "$instance": ".+",
            "$monitor": ".+",
            "$__rate_interval": f"{rate_s:.0f}s",
            "$__range": f"{self.end - self.start:.0f}s",
        }
        for variable, value in chosen.items():
            expr = expr.replace(variable, value)
        return expr


def series(prometheus: Prometheus, panel: Json, span: Span) -> list[list[Series]]:
    """Of each of the panel's queries."""
    return [_of_target(prometheus, target, span) for target in panel["targets"]]


def _of_target(prometheus: Prometheus, target: Json, span: Span) -> list[Series]:
    expr = span.filled(target["expr"])
    if target.get("instant"):
        found = prometheus.ask(expr, span.end)
    else:
        found = prometheus.ask_over(expr, span.start, span.end, span.step_s)
    return [_series(one, target["legendFormat"]) for one in found]


def _series(found: Found, legend: str) -> Series:
    labels = found["metric"]
    name = re.sub(r"{{(\w+)}}", lambda match: labels.get(match[1], ""), legend)
    points = found.get("values") or [found["value"]]
    return Series(name, labels, [(float(at), float(value)) for at, value in points])


def annotations(prometheus: Prometheus, board: Json, span: Span) -> list[tuple[float, str, str]]:
    """Moment, colour and text of what is drawn through all panels: each event where it begins."""
    marks = []
    for one in board["annotations"]["list"]:
        found = prometheus.ask_over(span.filled(one["expr"]), span.start, span.end, span.step_s)
        for event in found:
            begun = float(event["values"][0][0])
            marks.append((begun, one["iconColor"], one["name"]))
    return sorted(marks)
