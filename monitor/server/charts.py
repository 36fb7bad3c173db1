"""Charts over time as geometry: shares of a plot's width and height, and words for the axes.

A template draws them: lines in an SVG that stretches with the page, words as text beside it, so
that they read the same on a phone and on a wall. x runs from 0 to 1000, y from 0 (top) to 100.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

WIDTH = 1000.0
HEIGHT = 100.0

_HOUR, _DAY = 3600.0, 86_400.0
_STEPS = (
    *(60.0, 300.0, 900.0, 1800.0, _HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR),
    *(_DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY),
)
N_TIMES = 6
"""At most so many are written under a chart."""

LEAST_EVIDENCE = 0.1
"""Less than a tenth is none."""

LEAST_SPAN = 1e-200
"""Values closer together are one: of so little, ticks cannot be computed."""

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, as a share in percent from the left or the top, and what it is called."""

    at: float
    label: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """One value a time; None leaves a gap. low, high: limits of its intervals, where known."""

    name: str
    values: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """paths: one run of points each; dots: runs of a single point. band: around it, or empty."""

    name: str
    paths: tuple[str, ...]
    dots: tuple[str, ...]
    band: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of the time axis in percent of the width, where it leads and what is there."""

    left: float
    width: float
    title: str
    href: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """title: in words what is to be seen. marks: values across the whole plot, such as a threshold.
    places: every window. spans: stretches that are shaded."""

    title: str
    lines: tuple[Line, ...]
    values: tuple[Tick, ...]
    times: tuple[Tick, ...]
    marks: tuple[Tick, ...] = ()
    places: tuple[Place, ...] = ()
    spans: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to heights. A logarithmic one takes powers of ten for its ticks."""

    low: float
    high: float
    is_logarithmic: bool = False

    @classmethod
    def linear(cls, values: Iterable[float | None]) -> "Scale":
        """Holds zero, and a little more than the largest value."""
        known = [value for value in values if value is not None and math.isfinite(value)]
        low, high = min([0.0, *known]), max([0.0, *known])
        span = high - low
        return cls(low, high + 0.08 * span if span > LEAST_SPAN else low + 1.0)

    @classmethod
    def logarithmic(cls, values: Iterable[float | None], *, least: float) -> "Scale":
        known = [value for value in values if value is not None and value > least]
        high = max([10 * least, *known])
        return cls(math.log10(least), math.log10(high) + 0.3, is_logarithmic=True)

    def y(self, value: float) -> float:
        if self.is_logarithmic:
            value = math.log10(max(value, 10**self.low))
        return HEIGHT * (1 - (value - self.low) / (self.high - self.low))

    def ticks(self) -> tuple[Tick, ...]:
        if self.is_logarithmic:
            return self._powers()
        step = _round_step((self.high - self.low) / 4)
        first = math.ceil(self.low / step)
        last = math.floor(self.high / step)
        return tuple(Tick(self.y(n * step), f"{n * step:.6g}") for n in range(first, last + 1))

    def _powers(self) -> tuple[Tick, ...]:
        first, last = math.ceil(self.low), math.floor(self.high)
        every = max(1, math.ceil((last - first) / 4))
        return tuple(Tick(self.y(10.0**n), _power(n)) for n in range(first, last + 1, every))


@dataclass(frozen=True, slots=True)
class Axis:
    """From moments, in seconds since 1970, to places."""

    first: float
    last: float

    def x(self, time: float) -> float:
        span = self.last - self.first
        return WIDTH * (time - self.first) / span if span > 0 else WIDTH / 2

    def percent(self, time: float) -> float:
        return min(100.0, max(0.0, self.x(time) * 100 / WIDTH))

    def ticks(self) -> tuple[Tick, ...]:
        span = self.last - self.first
        step = next((s for s in _STEPS if span / s <= N_TIMES), None)
        moments = (
            _multiples(self.first, self.last, step) if step else _months(self.first, self.last)
        )
        is_short = step is not None and step < _DAY
        return tuple(Tick(self.percent(at), _named(at, is_short=is_short)) for at in moments)


def power_of_ten(evidence: float) -> float:
    """Evidence multiplies: its logarithm is what grows steadily. Less than a tenth is none."""
    return math.log10(max(evidence, LEAST_EVIDENCE))


def line(series: Series, times: Sequence[float], axis: Axis, scale: Scale) -> Line:
    points = [
        None if value is None or not math.isfinite(value) else (axis.x(time), scale.y(value))
        for time, value in zip(times, series.values, strict=True)
    ]
    runs = [list(run) for is_gap, run in groupby(points, lambda p: p is None) if not is_gap]
    whole = [[point for point in run if point is not None] for run in runs]
    return Line(
        series.name,
        tuple(_joined(run) for run in whole if len(run) > 1),
        tuple(_joined(run) for run in whole if len(run) == 1),
        _band(series, times, axis, scale),
    )


def _band(series: Series, times: Sequence[float], axis: Axis, scale: Scale) -> str:
    """The area between the limits, as one path of as many pieces as there are gaps."""
    if not series.low:
        return ""
    limits = zip(times, series.low, series.high, strict=True)
    pieces = []
    for is_gap, run in groupby(limits, lambda limit: limit[1] is None or limit[2] is None):
        if is_gap:
            continue
        known = list(run)
        if len(known) > 1:
            above = [(axis.x(t), scale.y(high or 0.0)) for t, _, high in known]
            below = [(axis.x(t), scale.y(low or 0.0)) for t, low, _ in reversed(known)]
            pieces.append(f"M{_joined([*above, *below]).replace(' ', 'L')}Z")
    return "".join(pieces)


def _joined(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.2f}" for x, y in points)


def _round_step(step: float) -> float:
    """The next larger of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= step * (1 - 1e-9))


def _power(n: int) -> str:
    return {-1: "0.1", 0: "1", 1: "10", 2: "100"}.get(n, f"10{str(n).translate(SUPERSCRIPTS)}")


def _multiples(first: float, last: float, step: float) -> list[float]:
    start = math.ceil(first / step) * step
    return (
        [start + n * step for n in range(int((last - start) // step) + 1)] if start <= last else []
    )


def _months(first: float, last: float) -> list[float]:
    """Beginnings of months, every one or every second, third, …, so that they are few."""
    start, end = (datetime.fromtimestamp(at, UTC) for at in (first, last))
    count = [12 * at.year + at.month - 1 for at in (start, end)]
    every = max(1, math.ceil((count[1] - count[0]) / N_TIMES))
    months = range(count[0] + 1, count[1] + 1)
    return [_beginning(month).timestamp() for month in months if month % every == 0]


def _beginning(month: int) -> datetime:
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)


def _named(at: float, *, is_short: bool) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    if is_short and (moment.hour, moment.minute) != (0, 0):
        return f"{moment:%H:%M}"
    return (
        f"{moment.day} {moment:%b}"
        if moment.month > 1 or moment.day > 7
        else f"{moment.day} {moment:%b %Y}"
    )
