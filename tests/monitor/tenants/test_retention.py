from sqlalchemy import func, select

from monitor.spec.quotas import Quota
from monitor.sql import tables
from monitor.sql.database import Database
from monitor.tenants.retention import EVERY_S, Retention, let_go
from monitor.tenants.usage import reports
from tests.monitor.server.conftest import DAY, FIRST_DAY, NOW, report, store_report


class Three:
    """The namespace transit may keep three reports."""

    def of(self, namespace: str, /) -> Quota:
        return Quota(reports=3) if namespace == "transit" else Quota()


def fill(database: Database, *names: str, days: int = 5) -> None:
    for day in range(days):
        for name in names:
            store_report(database, report(day, name=name), FIRST_DAY + day * DAY)


def kept(database: Database) -> list[str]:
    t = tables.reports
    with database.read() as connection:
        return list(connection.scalars(select(t.c.id).order_by(t.c.id)))


def test_the_oldest_go_and_other_namespaces_keep_theirs(database: Database) -> None:
    fill(database, "transit.seats", "seats")
    Retention(database, Three()).tick(NOW)
    assert kept(database) == [
        *(f"seats-{day}" for day in range(5)),
        *(f"transit.seats-{day}" for day in (2, 3, 4)),
    ]
    with database.read() as connection:
        assert reports(connection) == {"default": 5, "transit": 3}


def test_the_monitors_of_a_namespace_share_its_quota(database: Database) -> None:
    fill(database, "transit.a", "transit.b", days=2)
    Retention(database, Three()).tick(NOW)
    assert [name for name in kept(database) if name.endswith("-1")] == [
        "transit.a-1",
        "transit.b-1",
    ]
    assert len(kept(database)) == 3


def test_one_transaction_lets_go_of_some_and_says_how_many(database: Database) -> None:
    fill(database, "transit.seats")
    with database.write() as connection:
        assert [let_go(connection, "transit", 3) for _ in range(2)] == [2, 0]
        assert connection.scalar(select(func.count()).select_from(tables.figures)) == 3


def test_it_is_looked_at_every_ten_minutes(database: Database) -> None:
    keeping = Retention(database, Three())
    keeping.tick(NOW)
    fill(database, "transit.seats")
    keeping.tick(NOW + EVERY_S - 1)
    assert len(kept(database)) == 5
    keeping.tick(NOW + EVERY_S)
    assert len(kept(database)) == 3
