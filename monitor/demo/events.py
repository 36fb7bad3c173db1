"""What happened between two looks at a monitor."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson

Document = Mapping[str, Any]

LABELLED = 0.9
"""The share of a day's predictions whose labels make its true error worth telling."""

ALERT_STATES = ("pending", "firing", "resolved")


@dataclass(frozen=True, slots=True)
class Reported:
    """A day has its first report."""

    day: date
    report: Document


@dataclass(frozen=True, slots=True)
class ErrorKnown:
    """Labels came, and the model's true error on a day is known."""

    day: date
    report: Document


@dataclass(frozen=True, slots=True)
class AlertMoved:
    """An alert reached a state. States it went through unseen are told too, in order."""

    state: str
    alert: Document


Event = Reported | ErrorKnown | AlertMoved


@dataclass(slots=True)
class Following:
    """Remembers what was seen, so that every event is told once."""

    _reported: set[date] = field(default_factory=set)
    _known: set[date] = field(default_factory=set)
    _alerts: dict[str, int] = field(default_factory=dict)

    def reported(self, reports: Sequence[Document]) -> Iterator[Event]:
        """Events in reports, given newest first; told oldest first."""
        for report in reversed(reports):
            day = window_day(report)
            if day not in self._reported:
                self._reported.add(day)
                yield Reported(day, report)
            if day not in self._known and _error_is_known(report):
                self._known.add(day)
                yield ErrorKnown(day, report)

    def alerted(self, alerts: Sequence[Document]) -> Iterator[Event]:
        """Events in alerts, given newest first; told oldest first."""
        for alert in reversed(alerts):
            before = self._alerts.get(alert["id"], -1)
            reached = ALERT_STATES.index(alert["state"])
            for state in ALERT_STATES[before + 1 : reached + 1]:
                if state != "firing" or alert["firing_at"] is not None:
                    yield AlertMoved(state, alert)
            self._alerts[alert["id"]] = reached


def window_day(report: Document) -> date:
    """The day of a daily window."""
    return datetime.fromisoformat(report["window"]["start"]).date()


def _error_is_known(report: Document) -> bool:
    realised = report["realised"]
    return realised is not None and (realised["coverage"] or 0.0) >= LABELLED


@dataclass(slots=True)
class Lines:
    """The JSON lines that a process has added to its log since the last look."""

    path: Path
    _read: int = 0

    def new(self) -> Iterator[dict[str, Any]]:
        """Whole lines only; what is no JSON object, such as a warning, is passed over."""
        if not self.path.exists():
            return
        with self.path.open("rb") as log:
            log.seek(self._read)
            whole = log.read().rpartition(b"\n")[0]
        if whole:
            self._read += len(whole) + 1
        for line in whole.splitlines():
            if line.startswith(b"{"):
                yield orjson.loads(line)
