"""What is forgotten, and what is not."""

from sqlalchemy import func, select

from monitor.server.deliveries.pruning import KEPT_S, prune
from monitor.spec.channels import Endpoint
from monitor.sql import outbox, tables
from monitor.sql.database import Database
from tests.alerts.channels import told
from tests.monitor.server.conftest import NOW


def test_what_was_told_long_ago_is_forgotten_unless_it_still_stands(database: Database) -> None:
    ages = {"old": KEPT_S + 1, "standing": KEPT_S + 1, "new": KEPT_S - 1}
    with database.write() as connection:
        for name, age_s in ages.items():
            endpoint = Endpoint(name, {"kind": "slack", "url_file": name})
            outbox.put(connection, "alert", [told.FIRING], [endpoint], now=NOW - age_s)
        t = tables.outbox
        connection.execute(t.update().where(t.c.endpoint == "standing").values(state="standing"))
        for row in connection.execute(select(t)).all():
            attempt = {"at": NOW, "duration_s": 1.0, "outcome": "retry", "detail": ""}
            connection.execute(
                tables.attempts.insert().values(delivery=row.id, n=1, status=503, **attempt)
            )
        assert prune(connection, NOW) == 1
        left = connection.scalars(select(t.c.endpoint).order_by(t.c.endpoint))
        assert list(left) == ["new", "standing"]
        assert connection.scalar(select(func.count()).select_from(tables.attempts)) == 2
        assert prune(connection, NOW, kept_s=KEPT_S - 2) == 1
