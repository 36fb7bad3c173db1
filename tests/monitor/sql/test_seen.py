from dataclasses import replace

import pytest

from monitor.server import queries
from monitor.sql import registry
from monitor.sql.database import Database
from monitor.tenants.namespaces import Namespaces
from tests.monitor.server.conftest import monitor

NAMES = ("a", "default.b", "transit-2.d", "transit.c")


@pytest.mark.parametrize(
    "own", [None, [], ["default"], ["transit"], ["transit-2", "default"], ["tran"]]
)
def test_a_transaction_sees_the_monitors_of_its_namespaces(
    database: Database, own: list[str] | None
) -> None:
    with database.write() as connection:
        for name in NAMES:
            registry.put(connection, monitor(name), 1.0)
    namespaces = Namespaces.of(own)
    with replace(database, namespaces=lambda: namespaces).read() as connection:
        found = [one["name"] for one in queries.summaries(connection)]
    assert found == [name for name in NAMES if namespaces.has(name)]
