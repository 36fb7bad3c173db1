"""Delivering once more what somebody asks for, whatever came of it before."""

from typing import Any

from sqlalchemy import Connection, Row, select, update

from alerts.delivery import SETTLED, State
from monitor.sql import tables
from monitor.sql.seen import seen


def redeliver(connection: Connection, delivery_id: str, now: float) -> Row[Any] | None:
    """Sends a notification again at once, with its id, and on a ladder of its own.

    Its attempts are kept, and counted on. Gives the row as it was, None if there is none.
    """
    t = tables.outbox
    this = (t.c.id == delivery_id) & seen(connection, t.c.monitor)
    row = connection.execute(select(t).where(this).with_for_update()).first()
    if row is not None:
        state = State.PENDING if row.state in SETTLED else row.state
        changes = {"state": state, "next_attempt_at": now, "n_failed": 0}
        connection.execute(update(t).where(t.c.id == delivery_id).values(changes))
    return row
