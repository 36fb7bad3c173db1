"""Which notifications are to be sent now: at most one a place, those in good health first."""

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Double,
    Exists,
    Integer,
    Row,
    Select,
    Update,
    and_,
    bindparam,
    func,
    or_,
    select,
    update,
)

from alerts.delivery import State
from monitor.sql import tables

LEASED_TIMEOUTS, LEASE_MARGIN_S = 4, 5.0
"""Longer than an attempt may take, which is a few calls for some, and a name to resolve; after it
a claimed row whose process died comes up again."""

RESOLVED_REPEATED_FOR_S = 15 * 60.0
"""For how long one that forgets is told that something is over, as long as Prometheus does."""

_T, _PLACE = tables.outbox, tables.endpoints
_NOW = bindparam("now", type_=Double)
_IS_DUE = and_(_T.c.state.in_([State.PENDING, State.STANDING]), _T.c.next_attempt_at <= _NOW)


def claim(
    connection: Connection, now: float, *, busy: Collection[str], limit: int, limit_failing: int
) -> list[Row[Any]]:
    """The oldest due row of every place that is not busy, moved out of others' reach.

    limit_failing: at most so many of them for places at which the last attempt failed, so that
        those that are dead do not use up the threads.
    """
    asked = {"now": now, "busy": list(busy)}
    ids: list[str] = []
    for failing, most in ((False, limit), (True, limit_failing)):
        given = {**asked, "failing": failing, "most": most}
        ids += connection.scalars(_first_of_every_place(), given)
    return _taken(connection, ids[:limit], now)


def claim_next(connection: Connection, place: str, now: float) -> Row[Any] | None:
    """The oldest row that is due at one place."""
    ids = list(connection.scalars(_first_at_a_place(), {"now": now, "place": place}))
    return next(iter(_taken(connection, ids, now)), None)


def let_rest(connection: Connection, now: float) -> None:
    """Ends the repeats of what is no longer so, or has been said often enough."""
    connection.execute(_end_of_repeats(), {"now": now})


# Statements are built once: that takes longer than to execute them.


@cache
def _first_of_every_place() -> Select[Any]:
    candidates = _candidates(_T.c.place.not_in(bindparam("busy", expanding=True)))
    wanted = candidates.c.failing == bindparam("failing", type_=Boolean)
    query = select(candidates.c.id).where(wanted).order_by(candidates.c.created_at)
    return query.limit(bindparam("most", type_=Integer))


@cache
def _first_at_a_place() -> Select[Any]:
    return select(_candidates(_T.c.place == bindparam("place")).c.id)


@cache
def _end_of_repeats() -> Update:
    ended = _IS_DUE & (_T.c.state == State.STANDING) & ~_stands()
    return update(_T).where(ended).values(state=State.DELIVERED)


def _candidates(condition: ColumnElement[bool]) -> Any:
    """The first row of every place that may be told; a place that is disabled is told nothing."""
    order = func.row_number().over(partition_by=_T.c.place, order_by=(_T.c.created_at, _T.c.id))
    ranked = (
        select(
            _T.c.id,
            _T.c.created_at,
            _PLACE.c.failing_since.is_not(None).label("failing"),
            order.label("nth"),
        )
        .outerjoin(_PLACE, _PLACE.c.place == _T.c.place)
        .where(_IS_DUE, condition, _PLACE.c.disabled_at.is_(None))
        .where(or_(_T.c.state == State.PENDING, _stands()), ~_earlier_news_is_pending())
        .subquery()
    )
    return select(ranked).where(ranked.c.nth == 1).subquery()


def _taken(connection: Connection, ids: Collection[str], now: float) -> list[Row[Any]]:
    """Those that nobody else has taken meanwhile."""
    free = select(_T).where(_T.c.id.in_(ids), _IS_DUE).with_for_update(skip_locked=True)
    rows = connection.execute(free, {"now": now}).all()
    for row in rows:
        leased = update(_T).where(_T.c.id == row.id)
        connection.execute(leased.values(next_attempt_at=now + lease_s(row.target)))
    return list(rows)


def lease_s(target: Mapping[str, Any]) -> float:
    """For how long a claimed row is out of others' reach."""
    return float(LEASED_TIMEOUTS * target["timeout_s"]) + LEASE_MARGIN_S


def _earlier_news_is_pending() -> Exists:
    """Whether the endpoint has yet to be told of something that happened before to the alert.

    Told that an alert fires after having been told that it is over, a pager would never rest.
    """
    earlier = _T.alias("earlier")
    return (
        select(earlier.c.id)
        .where(
            _same_alert(earlier),
            earlier.c.state == State.PENDING,
            earlier.c.at < _T.c.at,
        )
        .exists()
    )


def _stands() -> ColumnElement[bool]:
    """Whether what was said is still so: the alert fires, or is over and that is fresh news.

    Of an alert that is over nothing is repeated once the place is told of another of the monitor,
    which may have the same labels.
    """
    later, other, alert = _T.alias("later"), _T.alias("other"), tables.alerts
    superseded = select(later.c.id).where(_same_alert(later), later.c.at > _T.c.at).exists()
    fires = select(alert.c.id).where(alert.c.id == _T.c.alert, alert.c.state == "firing").exists()
    followed = (
        select(other.c.id)
        .where(
            other.c.place == _T.c.place,
            other.c.monitor == _T.c.monitor,
            other.c.created_at > _T.c.created_at,
        )
        .exists()
    )
    fresh = _T.c.created_at > _NOW - RESOLVED_REPEATED_FOR_S
    return and_(~superseded, or_(fires, and_(fresh, ~followed)))


def _same_alert(other: Any) -> ColumnElement[bool]:
    return and_(other.c.place == _T.c.place, other.c.kind == _T.c.kind, other.c.alert == _T.c.alert)
