"""Small pictures as SVG text: distributions and sparklines.

A picture takes its colours from its surroundings: axes and words from `color`, the two sides of a
comparison from the CSS variables `--reference` and `--current`, a threshold from `--bad`. `STYLE`
holds the rules that do so; a page includes it once and sets the variables for light and dark. The
sides also differ in form, so that nothing depends on seeing colours, and a title says in words what
there is to see.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

from detectors.report import Distribution

STYLE = """\
.picture { display: block; width: 100%; height: auto; overflow: visible; }
.picture text { fill: currentColor; opacity: .7; font: 10px system-ui, sans-serif; }
.picture .axis { stroke: currentColor; opacity: .3; }
.picture .reference { fill: var(--reference); fill-opacity: .5; }
.picture .current { fill: var(--current); fill-opacity: .12; stroke: var(--current); }
.picture .current-bar { fill: var(--current); fill-opacity: 1; }
.picture .line { stroke: var(--current); }
.picture .threshold { stroke: var(--bad); }
"""

Points = Sequence[tuple[float, float]]


def distributions(of: Distribution, /, *, title: str) -> str:
    """The two distributions of one column: over each other for numbers, side by side for levels.

    Without any bar, a picture that says so.
    """
    if not of.bars:
        return _svg(title, 320, 40, _text(160, 24, "no values", anchor="middle"))
    return _histogram(of, title) if of.edges else _levels(of, title)


def sparkline(
    values: Sequence[float | None], /, *, title: str, threshold: float | None = None
) -> str:
    """A line without axes, as tall as a word or two; None leaves a gap."""
    scale = _Scale.of([*values, threshold])
    points = [
        None if value is None else (3 + 114 * i / max(1, len(values) - 1), scale.y(value, 3, 25))
        for i, value in enumerate(values)
    ]
    limit = "" if threshold is None else _limit(scale.y(threshold, 3, 25), 3, 117)
    return _svg(title, 120, 28, limit + _line(points))


def number(value: float, /) -> str:
    """A number to four digits, without an exponent where that is readable."""
    if 1e4 <= abs(value) < 1e9:
        return f"{value:.0f}"
    return f"{value:.4g}"


def percent(share: float, /) -> str:
    """A share as "12.3 %"; a small one is not rounded to nothing."""
    return "<0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"


def _histogram(of: Distribution, title: str) -> str:
    highest = max(*of.reference, *of.current) or 1.0
    step = 312 / len(of.bars)
    sides = []
    for shares, name in ((of.reference, "reference"), (of.current, "current")):
        heights = [96 - 90 * share / highest for share in shares]
        steps = "".join(f"V{y:.1f}H{4 + step * (i + 1):.1f}" for i, y in enumerate(heights))
        sides.append(f'<path class="{name}" {_FALLBACK[name]} d="M4 96{steps}V96"/>')
    middle = len(of.bars) // 2
    labels = [
        _text(4, 110, of.bars[0]),
        _text(4 + step * (middle + 0.5), 110, of.bars[middle], anchor="middle"),
        _text(316, 110, of.bars[-1], anchor="end"),
    ]
    return _svg(title, 320, 114, "".join([*sides, _axis(4, 316, 96), *dict.fromkeys(labels)]))


def _levels(of: Distribution, title: str) -> str:
    highest = max(*of.reference, *of.current) or 1.0
    marks = []
    for i, (bar, reference, current) in enumerate(
        zip(of.bars, of.reference, of.current, strict=True)
    ):
        top = 4 + 20 * i
        width = 116 * max(reference, current) / highest
        shares = f"{100 * reference:.1f} → {percent(current)}"
        marks += [
            _text(4, top + 11, shortened(bar, 17)),
            _bar("reference", top, 116 * reference / highest),
            _bar("current-bar", top + 7.5, 116 * current / highest),
            _text(112 + width, top + 11, shares),
        ]
    return _svg(title, 320, 6 + 20 * len(of.bars), "".join(marks))


def shortened(text: str, limit: int, /) -> str:
    """Text on one line, of at most `limit` characters; what cannot be printed shows as "�"."""
    plain = "".join(letter if letter.isprintable() else "�" for letter in text[: limit + 1])
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


_FALLBACK = {
    "reference": 'fill="currentColor" fill-opacity=".25"',
    "current": 'fill="none" stroke="currentColor" stroke-width="1.75"',
    "current-bar": 'fill="currentColor"',
    "line": 'fill="none" stroke="currentColor" stroke-width="2"',
    "threshold": 'stroke="currentColor" stroke-dasharray="2 3"',
}
"""What a page without `STYLE` shows; the forms that `STYLE` does not touch."""


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to heights; zero is always in the picture."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float | None]) -> "_Scale":
        known = [value for value in values if value is not None]
        return cls(min([0.0, *known]), max([0.0, *known]))

    def y(self, value: float, top: float, bottom: float) -> float:
        return bottom - (bottom - top) * _share(value, self.low, self.high)


def _share(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high > low else 0.0


def _limit(y: float, left: float, right: float) -> str:
    return f'<line class="threshold" {_FALLBACK["threshold"]} {_ends(left, y, right, y)}/>'


def _line(points: Sequence[tuple[float, float] | None]) -> str:
    """One polyline for each run without gap; a run of one is a dot."""
    return "".join(_run(run) for run in _runs(points))


def _runs(points: Sequence[tuple[float, float] | None]) -> Iterator[Points]:
    for is_gap, run in groupby(points, key=lambda point: point is None):
        if not is_gap:
            yield [point for point in run if point is not None]


def _run(points: Points) -> str:
    if len(points) == 1:
        x, y = points[0]
        fallback = _FALLBACK["current-bar"]
        return f'<circle class="current-bar" {fallback} cx="{x:.1f}" cy="{y:.1f}" r="2"/>'
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="line" {_FALLBACK["line"]} points="{path}"/>'


def _bar(name: str, top: float, width: float) -> str:
    return (
        f'<rect class="{name}" {_FALLBACK[name]} x="106" y="{top:.1f}"'
        f' width="{width:.1f}" height="6.5"/>'
    )


def _axis(left: float, right: float, y: float) -> str:
    return f'<line class="axis" stroke="currentColor" {_ends(left, y, right, y)}/>'


def _ends(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'


def _text(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="currentColor" font-size="10"'
        f' text-anchor="{anchor}">{escape(text)}</text>'
    )


def _svg(title: str, width: int, height: int, content: str) -> str:
    return (
        f'<svg class="picture" role="img" viewBox="0 0 {width} {height}"'
        f' xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(shortened(title, 200))}</title>{content}</svg>"
    )
