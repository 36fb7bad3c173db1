"""How endpoints fare: one that has failed for days is called no more, until somebody says so."""

from collections import Counter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select, true, update

from alerts import delivery
from alerts.delivery import Outcome, Result, State
from monitor.server.deliveries import troubles
from monitor.server.moments import moment
from monitor.sql import tables
from monitor.sql.database import insert_new
from monitor.sql.seen import namespaces, seen
from monitor.tenants.namespaces import ALL

STATES = ("working", "failing", "disabled")

_T = tables.endpoints


def note(
    connection: Connection, place: str, target: dict[str, Any], outcome: Outcome, now: float
) -> Row[Any] | None:
    """Takes an attempt's outcome into account; gives the endpoint if that has disabled it."""
    new = {"place": place, "target": target, "n_failed": 0}
    insert_new(connection, _T, [new])
    row = connection.execute(select(_T).where(_T.c.place == place).with_for_update()).one()
    if outcome.result is Result.DELIVERED:
        if row.n_failed:
            _change(connection, place, n_failed=0, failing_since=None)
        return None
    since = now if row.failing_since is None else row.failing_since
    _change(connection, place, n_failed=row.n_failed + 1, failing_since=since)
    reason = _reason_to_disable(outcome, row.n_failed + 1, since, now)
    if reason is None or row.disabled_at is not None:
        return None
    _change(connection, place, disabled_at=now, reason=reason)
    return connection.execute(select(_T).where(_T.c.place == place)).one()


def enable(connection: Connection, place: str, now: float) -> Row[Any] | None:
    """Calls an endpoint again, at once, for what has waited for it; None if it is not known."""
    this = (_T.c.place == place) & _is_mine(connection)
    found = connection.execute(select(_T).where(this).with_for_update()).first()
    if found is None:
        return None
    _change(connection, place, n_failed=0, failing_since=None, disabled_at=None, reason=None)
    t = tables.outbox
    waiting = (t.c.place == place) & (t.c.state == State.PENDING)
    connection.execute(update(t).where(waiting).values(next_attempt_at=now, n_failed=0))
    troubles.enabled(connection, place, now)
    return found


def is_disabled(connection: Connection, place: str) -> bool:
    query = select(_T.c.disabled_at).where(_T.c.place == place)
    return connection.scalar(query) is not None


def known(connection: Connection) -> list[dict[str, Any]]:
    """Every endpoint that was called and is remembered, those in trouble first, for people."""
    names: dict[str, list[dict[str, str]]] = {}
    t = tables.outbox
    mine = seen(connection, t.c.monitor)
    told = select(t.c.place, t.c.monitor, t.c.endpoint).where(mine).distinct()
    for row in connection.execute(told.order_by(t.c.monitor, t.c.endpoint)):
        names.setdefault(row.place, []).append({"monitor": row.monitor, "name": row.endpoint})
    pending = select(t.c.place, func.count().label("n")).where(t.c.state == State.PENDING, mine)
    waiting = {row.place: row.n for row in connection.execute(pending.group_by(t.c.place))}
    order = (_T.c.disabled_at.is_(None), _T.c.failing_since.is_(None), _T.c.place)
    return [
        {
            "id": row.place,
            "kind": row.target["kind"],
            "url": row.target.get("url"),
            "told_by": names.get(row.place, []),
            "state": _state(row),
            "reason": row.reason,
            "failures": row.n_failed,
            "failing_since": moment(row.failing_since),
            "disabled_at": moment(row.disabled_at),
            "waiting": waiting.get(row.place, 0),
        }
        for row in connection.execute(select(_T).where(_is_mine(connection)).order_by(*order))
    ]


def states(connection: Connection) -> Counter[str]:
    """How many endpoints are in each of `STATES`."""
    query = select(_T).where(_is_mine(connection))
    return Counter(_state(row) for row in connection.execute(query))


def _is_mine(connection: Connection) -> ColumnElement[bool]:
    """Whether a monitor that is seen has told the place something."""
    if namespaces(connection) == ALL:
        return true()
    t = tables.outbox
    return _T.c.place.in_(select(t.c.place).where(seen(connection, t.c.monitor)))


def _state(row: Row[Any]) -> str:
    if row.disabled_at is not None:
        return "disabled"
    return "working" if row.failing_since is None else "failing"


def _reason_to_disable(outcome: Outcome, n_failed: int, since: float, now: float) -> str | None:
    if outcome.result is Result.GONE:
        return "it answered 410 Gone: it asks never to be called again"
    if delivery.is_to_be_disabled(n_failed, since, now=now):
        days = (now - since) / 86_400
        return f"{n_failed} attempts failed in {days:.1f} days, the last with: {outcome.detail}"
    return None


def _change(connection: Connection, place: str, **values: object) -> None:
    connection.execute(update(_T).where(_T.c.place == place).values(**values))
