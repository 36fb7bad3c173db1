"""Times as people and programs write them."""

from datetime import datetime

END_OF_TIME = 253_402_300_800.0
"""The year 10000; later times are milliseconds or mistakes."""


def parse_time(value: object) -> float | None:
    """Seconds since 1970 of an RFC 3339 time or a number of seconds; None if it is neither."""
    match value:
        case bool():
            return None
        case int() | float():
            return _in_range(float(value)) if abs(value) < END_OF_TIME else None
        case str():
            return _parse_text(value)
    return None


def _parse_text(text: str) -> float | None:
    try:
        return _in_range(float(text))
    except ValueError:
        pass
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return _in_range(time.timestamp()) if time.tzinfo else None


def _in_range(seconds: float) -> float | None:
    return seconds if 0 <= seconds < END_OF_TIME else None
