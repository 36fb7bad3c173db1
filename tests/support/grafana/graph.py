"""A panel of lines over time as SVG."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, isnan, log10
from typing import Any

from tests.support.grafana.asked import Series, Span
from tests.support.grafana.looks import COLORS, PALETTE, clock, written

Json = dict[str, Any]
Mark = tuple[float, str, str]

LEFT, TOP, BOTTOM = 58, 6, 20
"""Pixels beside the lines: for the scale, and for the time."""


@dataclass(frozen=True, slots=True)
class Plane:
    """Where a moment and a value are in a picture of so many pixels."""

    width: float
    height: float
    span: Span
    low: float
    high: float
    is_log: bool

    def x(self, at: float) -> float:
        share = (at - self.span.start) / (self.span.end - self.span.start)
        return LEFT + share * (self.width - LEFT - 6)

    def y(self, value: float) -> float:
        low, high = self._scaled(self.low), self._scaled(self.high)
        share = (self._scaled(value) - low) / (high - low)
        return self.height - BOTTOM - share * (self.height - TOP - BOTTOM)

    def _scaled(self, value: float) -> float:
        return log10(max(value, self.low)) if self.is_log else value


def graph(
    panel: Json, found: list[list[Series]], span: Span, marks: Iterable[Mark], size: tuple[int, int]
) -> str:
    """The lines, in `size` of width and height in pixels; what has no data says so."""
    everything = [one for several in found for one in several]
    values = [v for one in everything for _, v in one.points if not isnan(v)]
    if not values:
        return f'<div class="empty">{panel["fieldConfig"]["defaults"]["noValue"]}</div>'
    custom = panel["fieldConfig"]["defaults"].get("custom", {})
    is_log = custom.get("scaleDistribution", {}).get("type") == "log"
    plane = Plane(*size, span, *_extent(panel, values, is_log=is_log), is_log)
    parts = [
        *_grid(plane, panel["fieldConfig"]["defaults"]["unit"]),
        *(_mark(plane, at, color) for at, color, _ in marks),
        *_lines(plane, panel, everything),
        *_limits(plane, panel),
    ]
    return f'<svg width="{size[0]}" height="{size[1]}">{"".join(parts)}</svg>'


def _extent(panel: Json, values: Sequence[float], *, is_log: bool) -> tuple[float, float]:
    values = [*values, *_limits_of(panel)]
    if is_log:
        positive = [v for v in values if v > 0] or [1.0]
        low, high = floor(log10(min(positive))), ceil(log10(max(positive)))
        return 10.0**low, 10.0 ** (high if high > low else low + 1)
    most = max(values)
    return min(0.0, *values), most * 1.05 if most > 0 else 1.0


def _limits_of(panel: Json) -> list[float]:
    defaults = panel["fieldConfig"]["defaults"]
    if "thresholdsStyle" not in defaults.get("custom", {}):
        return []
    return [s["value"] for s in defaults["thresholds"]["steps"] if s["value"] is not None]


def _limits(plane: Plane, panel: Json) -> Iterator[str]:
    for limit in _limits_of(panel):
        y = plane.y(limit)
        yield (
            f'<line x1="{LEFT}" x2="{plane.width - 6}" y1="{y:.1f}" y2="{y:.1f}" '
            f'stroke="{COLORS["red"]}" stroke-dasharray="8 8"/>'
        )


def _grid(plane: Plane, unit: str) -> Iterator[str]:
    for value in _ticks(plane):
        y = plane.y(value)
        yield f'<line x1="{LEFT}" x2="{plane.width - 6}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" class="scale">{written(value, unit)}</text>'
    for i in range(5):
        at = plane.span.start + (i + 0.5) / 5 * (plane.span.end - plane.span.start)
        yield f'<text x="{plane.x(at):.1f}" y="{plane.height - 4}" class="time">{clock(at)}</text>'


def _ticks(plane: Plane) -> list[float]:
    if plane.is_log:
        low, high = round(log10(plane.low)), round(log10(plane.high))
        return [10.0**k for k in range(low, high + 1, max(1, ceil((high - low) / 5)))]
    rough = (plane.high - plane.low) / 5
    size = 10.0 ** floor(log10(rough))
    step = next(k * size for k in (1, 2, 5, 10) if k * size >= rough)
    return [i * step for i in range(ceil(plane.low / step), floor(plane.high / step) + 1)]


def _mark(plane: Plane, at: float, color: str) -> str:
    x = plane.x(at)
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{plane.height - BOTTOM}" '
        f'stroke="{COLORS[color]}" stroke-dasharray="3 3"/>'
    )


def _lines(plane: Plane, panel: Json, everything: Sequence[Series]) -> Iterator[str]:
    for color, one in zip(_colors(everything), everything, strict=True):
        is_dashed = _is_dashed(panel, one.name)
        dash = ' stroke-dasharray="8 8"' if is_dashed else ""
        for run in _runs(plane, one):
            points = " ".join(f"{plane.x(at):.1f},{plane.y(value):.1f}" for at, value in run)
            if len(run) == 1:
                x, y = points.split(",")
                yield f'<circle cx="{x}" cy="{y}" r="2.5" fill="{color}"/>'
                continue
            yield f'<polyline points="{points}" stroke="{color}"{dash} class="line"/>'


def _runs(plane: Plane, one: Series) -> Iterator[list[tuple[float, float]]]:
    """Points without a gap between them."""
    run: list[tuple[float, float]] = []
    for at, value in one.points:
        if run and (isnan(value) or at - run[-1][0] > 1.5 * plane.span.step_s):
            yield run
            run = []
        if not isnan(value):
            run.append((at, value))
    if run:
        yield run


def _is_dashed(panel: Json, name: str) -> bool:
    return any(
        re.fullmatch(override["matcher"]["options"], name)
        for override in panel["fieldConfig"]["overrides"]
        if override["matcher"]["id"] == "byRegexp"
    )


def _colors(everything: Sequence[Series]) -> list[str]:
    return [PALETTE[i % len(PALETTE)] for i in range(len(everything))]


def legend(found: list[list[Series]]) -> str:
    everything = [one for several in found for one in several]
    items = (
        f'<span><i style="background:{color}"></i>{escape(one.name)}</span>'
        for color, one in zip(_colors(everything), everything, strict=True)
    )
    return f'<div class="legend">{"".join(items)}</div>'


def ranked(panel: Json, found: list[list[Series]]) -> str:
    """The legend beside the lines: each with its last value, in the order of these."""
    everything = [one for several in found for one in several]
    both = list(zip(_colors(everything), everything, strict=True))
    both.sort(key=lambda one: one[1].last, reverse=panel["options"]["legend"]["sortDesc"])
    unit = panel["fieldConfig"]["defaults"]["unit"]
    rows = (
        f'<tr><td><i style="background:{color}"></i>{escape(one.name)}</td>'
        f"<td>{written(one.last, unit)}</td></tr>"
        for color, one in both
    )
    return f'<table class="ranked">{"".join(rows)}</table>'
