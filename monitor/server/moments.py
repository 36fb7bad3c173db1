"""Moments as the API writes them."""

from datetime import UTC, datetime
from typing import overload


@overload
def moment(seconds: float) -> str: ...
@overload
def moment(seconds: None) -> None: ...


def moment(seconds: float | None) -> str | None:
    """RFC 3339 in UTC, of seconds since 1970."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def seconds_of(text: str) -> float:
    """Seconds since 1970, of a moment as the API writes it."""
    return datetime.fromisoformat(text).timestamp()
