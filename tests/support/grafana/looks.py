"""Grafana's colours and ways to write a number."""

from datetime import UTC, datetime
from math import isnan
from typing import Any

Json = dict[str, Any]

COLORS = {
    "green": "#73bf69",
    "orange": "#ff9830",
    "red": "#f2495c",
    "blue": "#5794f2",
    "purple": "#b877d9",
    "transparent": "none",
}
PALETTE = (
    *("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0"),
    *("#37872d", "#fade2a", "#447ebc", "#c15c17", "#890f02", "#0a437c", "#6d1f62", "#584477"),
)
"""Of series, in their order."""

_DURATIONS = (
    *((31_536_000, "years"), (604_800, "weeks"), (86_400, "days"), (3600, "hours")),
    *((60, "mins"), (1, "s"), (1e-3, "ms"), (1e-6, "µs")),
)


def written(value: float, unit: str) -> str:
    """The number as Grafana writes it in that unit."""
    if isnan(value):
        return "NaN"
    match unit:
        case "percentunit":
            return f"{_digits(value * 100)}%"
        case "s":
            return _duration(value)
        case "bytes":
            return _scaled(value, 1024.0, ("B", "KiB", "MiB", "GiB", "TiB"))
        case "ops" | "reqps":
            return (
                f"{_scaled(value, 1000.0, ('', 'K', 'M'))} {'req' if unit == 'reqps' else 'ops'}/s"
            )
        case _:
            return _scaled(value, 1000.0, ("", "K", "Mil", "Bil", "Tri"))


def _duration(value: float) -> str:
    for size, name in _DURATIONS:
        if abs(value) >= size:
            return f"{_digits(value / size)} {name}"
    return "0 s"


def _scaled(value: float, base: float, names: tuple[str, ...]) -> str:
    for name in names[:-1]:
        if abs(value) < base:
            return f"{_digits(value)} {name}".strip()
        value /= base
    return f"{_digits(value)} {names[-1]}"


def _digits(value: float) -> str:
    if value == 0 or abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) < 1e-3 else f"{float(f'{value:.3g}'):g}"


def clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")


def named(value: float, mappings: list[Json]) -> tuple[str, str] | None:
    """Text and colour of a value that has a name."""
    for mapping in mappings:
        result = mapping["options"].get(f"{value:g}")
        if result:
            return result["text"], COLORS[result["color"]]
    return None


def colored(value: float, thresholds: Json | None) -> str:
    """The colour of the last step that the value has reached."""
    color = "green"
    for step in thresholds["steps"] if thresholds else ():
        if step["value"] is None or value >= step["value"]:
            color = step["color"]
    return COLORS[color]
