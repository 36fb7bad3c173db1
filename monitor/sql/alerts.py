"""Alerts in SQL: what became of every incident, and what people know of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from sqlalchemy import Connection, Row, and_, func, select, update

from alerts.state import Alert, State, Step
from alerts.words import Cause, Telling
from monitor.spec.channels import Endpoint
from monitor.sql import tables
from monitor.sql.database import upsert

Key = tuple[Cause, str]
"""A cause, and the name of the rule where there may be several of it."""

MAX_UNSETTLED = 1000
"""Alerts that one look takes in, the oldest first; the next one goes on."""


@dataclass(frozen=True, slots=True)
class Known:
    """An alert of which somebody may have to be told.

    told: the state that people know of, None if they know nothing. told_to: who they are.
    telling: why they were told last, or were not.
    """

    alert: Alert
    told: State | None = None
    told_to: tuple[Endpoint, ...] = field(default=())
    telling: Telling | None = None

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        return cls(
            alert=Alert.from_json(row.body),
            told=None if row.told is None else State(row.told),
            told_to=tuple(Endpoint(name, target) for name, target in row.told_to or ()),
            telling=None if row.telling is None else Telling(row.telling),
        )


def latest(connection: Connection, monitor: str, window_s: float) -> dict[Key, Alert]:
    """The latest alert of every cause and rule, of windows of one length."""
    t = tables.alerts
    newest = (
        select(t.c.cause, t.c.rule, func.max(t.c.started_at).label("started_at"))
        .where(t.c.monitor == monitor, t.c.window_s == window_s)
        .group_by(t.c.cause, t.c.rule)
        .subquery()
    )
    same = and_(
        t.c.cause == newest.c.cause,
        t.c.rule == newest.c.rule,
        t.c.started_at == newest.c.started_at,
    )
    of_windows = and_(t.c.monitor == monitor, t.c.window_s == window_s)
    rows = connection.scalars(select(t.c.body).join(newest, same).where(of_windows))
    found = [Alert.from_json(body) for body in rows]
    return {(alert.cause, alert.rule): alert for alert in found}


def write(connection: Connection, steps: Iterable[Step], window_s: float) -> None:
    """What windows have made of alerts; where one has changed state somebody may be told."""
    for step in steps:
        if step.alert is not None:
            row = _row(step.alert, window_s)
            if step.transitions:
                row["is_settled"] = step.alert.state is State.PENDING
            upsert(connection, tables.alerts, [row])


def open_ones(connection: Connection) -> list[tuple[float, Alert]]:
    """Every alert that is not over, with the length of the windows that it is about."""
    t = tables.alerts
    query = select(t.c.window_s, t.c.body).where(t.c.state != State.RESOLVED)
    return [(row.window_s, Alert.from_json(row.body)) for row in connection.execute(query)]


def open_silences(connection: Connection) -> dict[str, Alert]:
    """Of every monitor the alert that no predictions come, where one is open."""
    t = tables.alerts
    is_open = and_(t.c.cause == Cause.SILENCE, t.c.state != State.RESOLVED)
    found = [Alert.from_json(body) for body in connection.scalars(select(t.c.body).where(is_open))]
    return {alert.monitor: alert for alert in found}


def unsettled(connection: Connection) -> list[Known]:
    """The alerts of which somebody may have to be told, the longest untold first."""
    t = tables.alerts
    query = select(t).where(~t.c.is_settled).order_by(t.c.updated_at, t.c.id).limit(MAX_UNSETTLED)
    return [Known.of(row) for row in connection.execute(query)]


def fired(connection: Connection, monitors: Iterable[str], causes: Iterable[Cause]) -> list[Alert]:
    """Of every monitor, cause and rule the latest alerts that fired."""
    t = tables.alerts
    rank = func.row_number().over(
        partition_by=(t.c.monitor, t.c.cause, t.c.rule, t.c.window_s),
        order_by=t.c.started_at.desc(),
    )
    ranked = (
        select(t.c.body, rank.label("rank"))
        .where(
            t.c.monitor.in_(set(monitors)),
            t.c.cause.in_(set(causes)),
            t.c.firing_at.is_not(None),
        )
        .subquery()
    )
    rows = connection.scalars(select(ranked.c.body).where(ranked.c.rank == 1))
    return [Alert.from_json(body) for body in rows]


def settle(
    connection: Connection,
    known: Known,
    telling: Telling,
    *,
    told_to: Sequence[Endpoint] | None = None,
) -> None:
    """Notes what came of looking at an alert; `told_to`: who were told of its present state."""
    t = tables.alerts
    values: dict[str, object] = {"telling": telling.value}
    if told_to is not None:
        values |= {
            "told": known.alert.state.value,
            "told_to": [[one.name, dict(one.target)] for one in told_to],
        }
    values["is_settled"] = told_to is not None or telling is Telling.NEVER_TOLD
    connection.execute(update(t).where(t.c.id == known.alert.id).values(values))


def _row(alert: Alert, window_s: float) -> dict[str, Any]:
    return {
        "id": alert.id,
        "monitor": alert.monitor,
        "cause": alert.cause.value,
        "rule": alert.rule,
        "window_s": window_s,
        "severity": alert.severity.value,
        "state": alert.state.value,
        "started_at": alert.started_at,
        "updated_at": alert.updated_at,
        "firing_at": alert.firing_at,
        "resolved_at": alert.resolved_at,
        "body": alert.to_json(),
    }


def by_monitor(alerts: Iterable[Alert]) -> Mapping[str, list[Alert]]:
    found: dict[str, list[Alert]] = {}
    for alert in alerts:
        found.setdefault(alert.monitor, []).append(alert)
    return found
