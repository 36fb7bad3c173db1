"""What people are told, in words: one title and a few lines, the same on every channel."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from alerts import digest
from alerts.notification import Notification
from alerts.words import Cause

MAX_NAMED = 2
"""Columns that the title names; the lines name all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A notification in words, without markup or line breaks.

    link: of the monitor's page, None if that is not known.
    """

    title: str
    lines: tuple[str, ...]
    link: str | None

    @classmethod
    def of(cls, notification: Notification) -> Self:
        return cls(
            title=one_line(_title(notification)),
            lines=tuple(one_line(line) for line in _lines(notification.data)),
            link=notification.data["links"].get("monitor"),
        )

    def text(self) -> str:
        """The lines and the link, one below the other."""
        return "\n".join((*self.lines, *([self.link] if self.link else [])))


def clipped_to(text: str, limit: int) -> str:
    """A text of at most so many characters; a longer one ends in an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _title(notification: Notification) -> str:
    data = notification.data
    if "digest" in data:
        return digest.title(data)
    test = "Test: " if data.get("test") else ""
    about = _about(data["alert"])
    if notification.is_resolved:
        return f"{test}Resolved: {about} of {notification.monitor}"
    columns = data["columns"]
    named = ", ".join(column["name"] for column in columns[:MAX_NAMED])
    n_more = len(columns) + data["columns_omitted"] - MAX_NAMED
    more = f" and {n_more} more" if n_more > 0 else ""
    title = f"{about[0].upper()}{about[1:]} of {notification.monitor}"
    return test + title + (f": {named}{more}" if named else "")


def _about(alert: Mapping[str, Any]) -> str:
    """The cause; of those that there may be several of, also which one."""
    cause = "trouble with" if alert["cause"] == Cause.PIPELINE else alert["cause"]
    return f"{cause} {alert['rule']}" if alert["rule"] else alert["cause"]


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    if "digest" in data:
        yield from digest.lines(data)
        return
    yield _when(data)
    if data["because"]:
        yield f"{(data['shift'] or data['alert']['cause']).capitalize()}: {data['because']}"
    if data["probable_cause"]:
        yield f"Probable cause: {data['probable_cause']}"
    if data["measured"]:
        yield _measured(data["measured"])
    for column in data["columns"]:
        yield _movement(column)
    if data["columns_omitted"]:
        yield f"{data['columns_omitted']} more columns moved"
    if data["outlier_share"]:
        yield f"Outliers: {data['outlier_share']:.1%} of the rows"
    for kind in ("expected", "realised"):
        if quality := data[kind]:
            moved = f"{_number(quality['reference'])} → {_number(quality['value'])}"
            yield f"{kind.capitalize()} {quality['metric']}: {moved}"


def _when(data: Mapping[str, Any]) -> str:
    """Of which window it is said, or since when there has been none with rows."""
    begin, end = _minute(data["window"]["start"]), _minute(data["window"]["end"])
    if not data["n_rows"]:
        return f"Since {begin} UTC: {data['reason']}"
    return f"Latest bad window: {begin} to {end} UTC, {data['n_rows']} rows ({data['reason']})"


def _measured(measured: Mapping[str, Any]) -> str:
    of = f" of {measured['column']}" if measured["column"] else ""
    value, limit = _number(measured["value"]), _number(measured["limit"])
    return f"{measured['statistic']}{of}: {value}, the limit is {limit}"


def _movement(column: Mapping[str, Any]) -> str:
    moved = f"{_number(column['reference'])} → {_number(column['current'])}"
    effect = column["effect"]
    size = "" if effect is None else f" ({effect:.3g} {column['effect_unit']})"
    return f"{column['name']}: {column['what']} {moved}{size}"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"


def _minute(time: str) -> str:
    return f"{datetime.fromisoformat(time):%Y-%m-%d %H:%M}"


def one_line(text: str) -> str:
    """Without line breaks and what else is not printed: names of columns may hold anything."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
