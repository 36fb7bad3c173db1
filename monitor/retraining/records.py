"""What is kept of every retrain: its request, its state, and how it came into that state."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from alerts.notification import Notification
from alerts.retraining.lifecycle import IN_FLIGHT, WATCHED, RetrainState, moves
from monitor.spec.retraining import Retrain
from monitor.sql import tables
from monitor.sql.database import insert_new
from monitor.sql.seen import seen

Record = Row[Any]


def put(
    connection: Connection,
    *,
    id: str,  # noqa: A002  the word of the API
    request: Notification,
    settings: Retrain,
    state: RetrainState,
    now: float,
) -> None:
    """Keeps a new retrain; one that is there already is left as it is."""
    row = {
        "id": id,
        "monitor": request.monitor,
        "subscription": request.data["retrain"]["subscription"],
        "alert": request.data["alert"]["id"],
        "at": request.at,
        "state": state,
        "settings": settings.model_dump(mode="json", by_alias=True),
        "event": request.to_json(),
        "history": [_entry(state, now, by="detect", detail=None)],
        "created_at": now,
    }
    insert_new(connection, tables.retrains, [row])


def get(connection: Connection, retrain_id: str) -> Record | None:
    t = tables.retrains
    mine = seen(connection, t.c.monitor)
    return connection.execute(select(t).where(t.c.id == retrain_id, mine)).first()


def latest(
    connection: Connection,
    *,
    monitor: str | None = None,
    state: RetrainState | None = None,
    limit: int = 50,
) -> Sequence[Record]:
    """The latest requested first."""
    t = tables.retrains
    query = select(t).where(seen(connection, t.c.monitor))
    query = query.order_by(t.c.created_at.desc(), t.c.id).limit(limit)
    if monitor is not None:
        query = query.where(t.c.monitor == monitor)
    if state is not None:
        query = query.where(t.c.state == state)
    return connection.execute(query).all()


def requested_at(connection: Connection, monitor: str, *, since: float, dry: str) -> list[float]:
    """Event times of a monitor's requests, and of the dry runs of the subscription `dry`."""
    t = tables.retrains
    is_dry = t.c.state == RetrainState.DRY_RUN
    counts = ~is_dry | (t.c.subscription == dry)
    query = select(t.c.at).where(t.c.monitor == monitor, t.c.at > since, counts)
    return list(connection.scalars(query))


def is_in_flight(connection: Connection, monitor: str) -> bool:
    """Whether something may yet come of a retrain of the monitor. Of one that was accepted by
    somebody who is asked for no answer, nothing more will be heard."""
    t = tables.retrains
    ends_here = (t.c.state == RetrainState.ACCEPTED) & t.c.answer_by.is_(None)
    in_flight = t.c.state.in_(IN_FLIGHT) & ~ends_here
    query = select(t.c.id).where(t.c.monitor == monitor, in_flight).limit(1)
    return connection.scalar(query) is not None


def promoted_revision(connection: Connection, monitor: str) -> int:
    """The latest revision of a monitor that a promoted retrain's reference has made; 0 without."""
    t = tables.retrains
    promoted = (t.c.monitor == monitor) & (t.c.state == RetrainState.PROMOTED)
    found = connection.scalars(select(t.c.promoted).where(promoted))
    return max(((told or {}).get("revision") or 0 for told in found), default=0)


def to_send(connection: Connection, limit: int = 100) -> Sequence[Record]:
    """Requests of which nobody has been told, the oldest first."""
    t = tables.retrains
    waiting = (t.c.state == RetrainState.REQUESTED) & t.c.sent_at.is_(None)
    return connection.execute(select(t).where(waiting).order_by(t.c.at).limit(limit)).all()


def watched(connection: Connection) -> Sequence[Record]:
    """Those that were sent, and of which more may be heard."""
    t = tables.retrains
    query = select(t).where(t.c.state.in_(WATCHED), t.c.sent_at.is_not(None))
    return connection.execute(query.order_by(t.c.at)).all()


def move(
    connection: Connection,
    retrain_id: str,
    news: RetrainState,
    *,
    by: str,
    now: float,
    detail: str | None = None,
) -> bool:
    """Takes in news of a retrain; False if they are late or repeated, and so change nothing.

    by: who says so, for the record.
    """
    t = tables.retrains
    this = t.c.id == retrain_id
    row = connection.execute(select(t).where(this).with_for_update()).one()
    if not moves(RetrainState(row.state), news):
        return False
    history = [*row.history, _entry(news, now, by=by, detail=detail)]
    connection.execute(update(t).where(this).values(state=news, history=history))
    return True


def change(connection: Connection, retrain_id: str, **values: Any) -> None:
    t = tables.retrains
    connection.execute(update(t).where(t.c.id == retrain_id).values(**values))


def counts(connection: Connection) -> dict[tuple[str, str], int]:
    """How many retrains of a monitor are in a state."""
    t = tables.retrains
    query = select(t.c.monitor, t.c.state, func.count()).group_by(t.c.monitor, t.c.state)
    query = query.where(seen(connection, t.c.monitor))
    return {(monitor, state): n for monitor, state, n in connection.execute(query)}


def _entry(state: RetrainState, now: float, *, by: str, detail: str | None) -> dict[str, Any]:
    return {"state": state, "at": now, "by": by, "detail": detail}
