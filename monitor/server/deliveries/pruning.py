"""Forgets deliveries, and what was attempted, after a stated time."""

from sqlalchemy import Connection, delete, select

from alerts.delivery import State
from monitor.sql import tables

KEPT_S = 30 * 86_400.0
PRUNED_EVERY_S = 3600.0


def prune(connection: Connection, now: float, *, kept_s: float = KEPT_S) -> int:
    """Deletes what is older, but for what still stands; gives how many deliveries that were.

    What waits for an endpoint that is disabled is not kept for longer either.
    """
    t, attempts = tables.outbox, tables.attempts
    old = (t.c.created_at < now - kept_s) & (t.c.state != State.STANDING)
    connection.execute(delete(attempts).where(attempts.c.delivery.in_(select(t.c.id).where(old))))
    return connection.execute(delete(t).where(old)).rowcount
