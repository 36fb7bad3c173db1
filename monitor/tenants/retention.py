"""Reports that are more than a namespace may keep are let go, those of the oldest windows first."""

import logging

from sqlalchemy import Connection, delete, select

from monitor.sql import tables
from monitor.sql.database import Database
from monitor.sql.seen import of_namespace
from monitor.tenants import usage
from monitor.tenants.quotas import QuotasInForce

EVERY_S = 600.0
AT_ONCE = 500
"""Reports in one transaction: detect writes to the same tables."""

log = logging.getLogger(__name__)


class Retention:
    """Keeps every namespace within its quota of reports."""

    def __init__(self, database: Database, quotas: QuotasInForce) -> None:
        self._database = database
        self._quotas = quotas
        self._next_at = 0.0

    def tick(self, now: float) -> None:
        """Lets go of what is too much, every ten minutes. now: seconds since 1970."""
        if now < self._next_at:
            return
        self._next_at = now + EVERY_S
        with self._database.read() as connection:
            kept = usage.reports(connection)
        for namespace, n in kept.items():
            limit = self._quotas.of(namespace).reports
            if limit is not None and n > limit:
                self._let_go(namespace, limit)

    def _let_go(self, namespace: str, limit: int) -> None:
        n = 0
        while found := self._some(namespace, limit):
            n += found
        log.info("%s: %d reports are let go, %d are kept", namespace, n, limit)

    def _some(self, namespace: str, limit: int) -> int:
        with self._database.write() as connection:
            return let_go(connection, namespace, limit)


def let_go(connection: Connection, namespace: str, limit: int) -> int:
    """Deletes some of the reports beyond the limit; how many, 0 where none is left."""
    f, r, e = tables.figures, tables.reports, tables.examinations
    newest_first = select(f.c.report).where(of_namespace(f.c.monitor, namespace))
    newest_first = newest_first.order_by(f.c.window_end.desc(), f.c.report)
    old = list(connection.scalars(newest_first.offset(limit).limit(AT_ONCE)))
    for column in (f.c.report, r.c.id, e.c.report, tables.decided_reports.c.report):
        connection.execute(delete(column.table).where(column.in_(old)))
    return len(old)
