"""Times as people and programs write them."""

from datetime import UTC, datetime

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


EARLIEST = -62_135_596_800.0
"""The year 1, before which no calendar reaches."""


def parse_microseconds(value: object) -> int | None:
    """Microseconds since 1970 of a date or time in ISO 8601, in UTC where it names no zone, or of
    a number of seconds; None if it is neither, or not in the years 1 to 9999.
    """
    match value:
        case bool():
            return None
        case int() | float():
            return round(value * 1e6) if EARLIEST <= value < END_OF_TIME else None
        case str():
            return _parse_calendar(value)
    return None


def _parse_calendar(text: str) -> int | None:
    try:
        time = datetime.fromisoformat(text)
        return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1e6)
    except (ValueError, OverflowError):
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
