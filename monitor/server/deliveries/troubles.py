"""An endpoint that is called no more is an alert of every monitor that tells it of something.

So those whom the monitor tells otherwise hear of it. It is over when the endpoint is enabled.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, select

from alerts import state
from alerts.facts import Facts
from alerts.state import Cause, Observation, Policy, Severity, Window
from alerts.words import Finding
from detectors.report import Verdict
from monitor.sql import alerts, tables

NO_WINDOW_S = 0.0
"""The length of windows that such an alert is of: it is of our clock, and of none."""


def disabled(connection: Connection, endpoint: Row[Any], now: float) -> None:
    """Alerts that an endpoint has just been disabled."""
    window = Window(start=endpoint.failing_since, end=now)
    for monitor, name in _told(connection, endpoint.place):
        because = f"{name} ({endpoint.target['kind']}) is called no more: {endpoint.reason}"
        _observe(connection, monitor, name, window, Verdict.DRIFT, because)


def enabled(connection: Connection, place: str, now: float) -> None:
    """Ends what `disabled` began."""
    for monitor, name in _told(connection, place):
        _observe(connection, monitor, name, Window(start=now, end=now), Verdict.QUIET, "")


def _observe(
    connection: Connection, monitor: str, name: str, window: Window, verdict: Verdict, because: str
) -> None:
    observation = Observation(
        monitor=monitor,
        window=window,
        verdict=verdict,
        reason=Finding.SWITCHED_OFF,
        facts=Facts(n_rows=0, evidence=None, threshold=None, because=because),
        cause=Cause.PIPELINE,
        rule=name,
        severity=Severity.CRITICAL,
    )
    known = alerts.latest(connection, monitor, NO_WINDOW_S).get((Cause.PIPELINE, name))
    alerts.write(connection, [state.step(known, observation, Policy())], NO_WINDOW_S)


def _told(connection: Connection, place: str) -> Iterator[tuple[str, str]]:
    """The monitors that tell a place, each with its name for it."""
    t = tables.outbox
    found = select(t.c.monitor, t.c.endpoint).where(t.c.place == place).distinct()
    for row in connection.execute(found.order_by(t.c.monitor, t.c.endpoint)):
        yield row.monitor, row.endpoint
