"""Silences in SQL: when people do not want to be told, and who said so.

Who sees only some namespaces' monitors silences only these, whatever else the matchers match.
"""

from collections.abc import Mapping, Sequence
from datetime import time
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, insert, select, update

from alerts.matchers import Matcher
from alerts.silences import Silence, Weekly
from monitor.spec.maintenance import Maintenance
from monitor.sql import seen, tables
from monitor.tenants.namespaces import DEFAULT, Namespaces

FOR_EVER = 253_370_764_800.0
"""The year 9999: maintenance windows that return until somebody ends them."""


def active(connection: Connection, now: float) -> list[Silence]:
    """Those whose time has come and is not over, whether or not it is their hour of the week."""
    t = tables.silences
    query = select(t).where(t.c.starts_at <= now, t.c.ends_at > now).order_by(t.c.id)
    return [_silence(row) for row in connection.execute(query)]


def rows(connection: Connection, *, now: float, with_ended: bool, limit: int) -> Sequence[Row[Any]]:
    """The latest made first."""
    t = tables.silences
    query = select(t).order_by(t.c.created_at.desc(), t.c.id)
    found = connection.execute(query if with_ended else query.where(t.c.ends_at > now))
    return list(islice((row for row in found if _is_seen(connection, row)), limit))


def get(connection: Connection, silence_id: str) -> Row[Any] | None:
    t = tables.silences
    found = connection.execute(select(t).where(t.c.id == silence_id)).first()
    return found if found is not None and _is_seen(connection, found) else None


def _is_seen(connection: Connection, row: Row[Any]) -> bool:
    return seen.namespaces(connection).cover(Namespaces.of(row.namespaces))


def put(connection: Connection, row: Mapping[str, object]) -> None:
    """Of the monitors that its maker may see."""
    own = seen.namespaces(connection).to_json()
    connection.execute(insert(tables.silences), {**row, "namespaces": own})


def end(connection: Connection, silence_id: str, now: float) -> None:
    """Ends it now; one that is over stays as it was."""
    t = tables.silences
    this = (t.c.id == silence_id) & (t.c.ends_at > now)
    connection.execute(update(t).where(this).values(ends_at=now))


def weekly(said: Maintenance) -> Weekly:
    """What a document says of hours of the week, as it is asked of a moment."""
    return Weekly(
        days=frozenset(said.days),
        from_=time.fromisoformat(said.from_),
        until=time.fromisoformat(said.to),
        zone=ZoneInfo(said.timezone),
    )


def of_monitor(name: str, maintenance: Sequence[Maintenance]) -> list[Silence]:
    """A monitor's own maintenance windows."""
    only_this = (Matcher("monitor", "=", name),)
    return [
        Silence(
            id=f"{name}/maintenance/{i}",
            matchers=only_this,
            starts_at=0.0,
            ends_at=FOR_EVER,
            weekly=weekly(one),
        )
        for i, one in enumerate(maintenance)
    ]


def _silence(row: Row[Any]) -> Silence:
    return Silence(
        id=row.id,
        matchers=(*map(Matcher.parse, row.matchers), *_within(row.namespaces)),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        weekly=None if row.weekly is None else weekly(Maintenance.model_validate(row.weekly)),
    )


def _within(namespaces: Sequence[str] | None) -> Sequence[Matcher]:
    """What confines a silence to the monitors of some namespaces."""
    if namespaces is None:
        return ()
    patterns = [rf"{one}\..*" for one in namespaces]
    if DEFAULT in namespaces:
        patterns.append("[^.]*")
    return (Matcher("monitor", "=~", "|".join(patterns)),)
