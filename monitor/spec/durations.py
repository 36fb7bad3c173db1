"""Durations as people write them: `30s`, `5m`, `1h`, `90d`, `1h30m`."""

import re

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+")


def parse_duration(text: object) -> float:
    """Seconds in a duration such as "90d" or "1h30m"; numbers are taken as seconds.

    Raises ValueError, saying what would be right.
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        return float(text)
    if isinstance(text, str) and _WHOLE.fullmatch(text.strip()):
        return sum(float(n) * _UNITS[unit] for n, unit in _PART.findall(text))
    raise ValueError(
        f"{text!r} is not a duration: write a number and a unit, such as 30s, 5m, 1h, 90d"
    )


def format_duration(seconds: float) -> str:
    """The shortest exact spelling of a duration: 86400.0 is "1d"."""
    parts = []
    milliseconds = round(seconds * 1000)
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        n, milliseconds = divmod(milliseconds, size)
        if n:
            parts.append(f"{n}{unit}")
    return "".join(parts) or "0s"
