"""Reports as their windows were decided, where late labels or rows have changed them since.

The decision of a window stands; what its report tells of the model grows as labels come. What was
there when somebody was alerted can be shown for good.
"""

from typing import Any

from sqlalchemy import Connection, select

from monitor.sql import tables
from monitor.sql.database import insert_new


def keep(connection: Connection, report_id: str) -> None:
    """Keeps the first revision of a report that is about to be replaced, once."""
    t = tables.reports
    query = select(t.c.id, t.c.monitor, t.c.body).where(t.c.id == report_id, t.c.revision == 1)
    rows = connection.execute(query).all()
    insert_new(
        connection,
        tables.decided_reports,
        [{"report": row.id, "monitor": row.monitor, "body": row.body} for row in rows],
    )


def body(connection: Connection, report_id: str) -> dict[str, Any] | None:
    """The first revision of a report; None if it is the present one, or there is no such report."""
    t = tables.decided_reports
    found: dict[str, Any] | None = connection.scalar(
        select(t.c.body).where(t.c.report == report_id)
    )
    return found
