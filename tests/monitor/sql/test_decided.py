"""What a link to a decision shows for good."""

from typing import Any

from monitor.detect import state
from monitor.sql import decided
from monitor.sql.database import Database
from tests.monitor.server.conftest import DAY, FIRST_DAY, report


def write(database: Database, revision: int, n_rows: int) -> None:
    body = report(0, revision=revision, n_rows=n_rows)
    row: dict[str, Any] = {
        "id": body["id"],
        "monitor": body["monitor"],
        "window_s": DAY,
        "window_start": FIRST_DAY,
        "window_end": FIRST_DAY + DAY,
        "revision": revision,
        "reference_id": body["reference_id"],
        "monitor_revision": 1,
        "decision": {},
        "body": body,
        "created_at": FIRST_DAY + DAY,
    }
    with database.write() as connection:
        state.write_report(connection, row)


def rows_when_decided(database: Database) -> int | None:
    with database.read() as connection:
        found = decided.body(connection, "free-seats-0")
    return None if found is None else int(found["n_rows"])


def test_the_first_revision_stays_whatever_replaces_the_report(database: Database) -> None:
    write(database, 1, n_rows=500)
    assert rows_when_decided(database) is None  # it is the present one
    for revision in (2, 3):
        write(database, revision, n_rows=500 + revision)
        assert rows_when_decided(database) == 500
