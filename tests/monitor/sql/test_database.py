import os
import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.exc import OperationalError

from monitor.sql import tables
from monitor.sql.database import (
    LARGEST_CHECKED_BYTES,
    Database,
    DatabaseError,
    Ownership,
    StaleOwnerError,
    claim,
    insert_new,
    open_database,
    upsert,
)


def row(partition: int, offset: int) -> dict[str, object]:
    return {"topic": "t", "partition": partition, "next_offset": offset}


def offsets(database: Database) -> dict[int, int]:
    t = tables.offsets
    with database.read() as connection:
        return {r.partition: r.next_offset for r in connection.execute(select(t))}


def owned(connection: Connection, now: float) -> Ownership:
    found = claim(connection, "detect", "a", now, lease_s=10)
    assert found.ownership is not None
    return found.ownership


def test_what_is_written_is_read(database: Database) -> None:
    with database.write() as connection:
        upsert(connection, tables.offsets, [row(0, 5), row(1, 2**40)])
    assert offsets(database) == {0: 5, 1: 2**40}


def test_an_upsert_replaces_rows_of_the_same_key(database: Database) -> None:
    for offset in (5, 7):
        with database.write() as connection:
            upsert(connection, tables.offsets, [row(0, offset)])
    assert offsets(database) == {0: 7}


def test_inserting_what_is_there_changes_nothing(database: Database) -> None:
    with database.write() as connection:
        insert_new(connection, tables.offsets, [row(0, 5)])
        insert_new(connection, tables.offsets, [row(0, 6), row(1, 6)])
    assert offsets(database) == {0: 5, 1: 6}


def test_no_rows_are_no_statement(database: Database) -> None:
    with database.write() as connection:
        upsert(connection, tables.offsets, [])
        insert_new(connection, tables.offsets, [])
    assert offsets(database) == {}


def test_an_exception_rolls_everything_back(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            upsert(connection, tables.offsets, [row(0, 5)])
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert offsets(database) == {}


def test_a_database_can_be_opened_again(database: Database, database_url: str) -> None:
    with database.write() as connection:
        upsert(connection, tables.offsets, [row(0, 5)])
    again = open_database(database_url)
    assert offsets(again) == {0: 5}
    again.engine.dispose()


def test_the_schema_of_a_newer_version_is_refused(database: Database, database_url: str) -> None:
    with database.write() as connection:
        connection.execute(tables.schema_version.update().values(version=99))
    with pytest.raises(DatabaseError, match="schema 99"):
        open_database(database_url)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nonsense", "not a database URL"),
        ("mysql://u@h/d", "not supported"),
        ("sqlite:////proc/nowhere/x.db", "cannot open"),
        ("postgresql://user:hidden@127.0.0.1:1/x", "cannot open the database .*user:\\*\\*\\*"),
    ],
)
def test_a_url_that_cannot_be_used_is_named(url: str, reason: str) -> None:
    with pytest.raises(DatabaseError, match=reason):
        open_database(url)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "driftmeter.db").write_text("a poem of more than a few words" * 100)
    with pytest.raises(DatabaseError, match="not a database"):
        open_database(f"sqlite:///{tmp_path}/driftmeter.db")


def test_sqlite_survives_power_loss_and_lets_readers_read_while_one_writes(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/new/folder/driftmeter.db")
    with database.write() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert offsets(database) == {}
    database.engine.dispose()


def test_a_file_that_others_are_just_making_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "driftmeter.db"
    maker = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    maker.execute("BEGIN EXCLUSIVE")
    timer = threading.Timer(0.3, lambda: maker.execute("COMMIT"))
    timer.start()
    database = open_database(f"sqlite:///{file}?timeout=0")
    assert offsets(database) == {}
    timer.join()
    maker.close()


def test_a_second_writer_waits_and_then_says_that_the_database_is_locked(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/driftmeter.db"
    database, impatient = open_database(url), open_database(f"{url}?timeout=0.05")
    with (
        database.write(),
        pytest.raises(OperationalError, match="locked"),
        impatient.write(),
    ):
        pass
    for opened in (database, impatient):
        opened.engine.dispose()


def test_a_role_has_one_owner_at_a_time(database: Database) -> None:
    with database.write() as connection:
        owned(connection, now=100)
        second = claim(connection, "detect", "b", 109)
    assert second.ownership is None
    assert (second.holder, second.expires_at) == ("a", 110)


def test_roles_are_owned_apart(database: Database) -> None:
    with database.write() as connection:
        owned(connection, now=100)
        assert claim(connection, "another", "b", 100).ownership is not None


def test_a_lease_that_ran_out_can_be_taken_over(database: Database) -> None:
    with database.write() as connection:
        first, second = owned(connection, now=100), owned(connection, now=110)
    assert second.epoch == first.epoch + 1


def test_proving_the_ownership_renews_the_lease(database: Database) -> None:
    with database.write() as connection:
        owned(connection, now=100).prove(connection, now=109)
        assert claim(connection, "detect", "b", 112).ownership is None


def test_who_was_succeeded_may_not_write_any_more(database: Database) -> None:
    with database.write() as connection:
        first = owned(connection, now=100)
    with database.write() as connection:
        owned(connection, now=200)

    def write_as_the_first() -> None:
        with database.write() as connection:
            upsert(connection, tables.offsets, [row(0, 5)])
            first.prove(connection, now=201)

    with pytest.raises(StaleOwnerError):
        write_as_the_first()
    assert offsets(database) == {}


def test_a_released_role_is_free_at_once(database: Database) -> None:
    with database.write() as connection:
        owned(connection, now=100).release(connection, now=101)
        assert claim(connection, "detect", "b", 101).ownership is not None


def test_only_a_file_that_is_quickly_read_is_read_whole_before_it_is_used(tmp_path: Path) -> None:
    file = tmp_path / "driftmeter.db"
    url = f"sqlite:///{file}"
    database = open_database(url)
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE large AS SELECT randomblob(100000) AS x")
    database.engine.dispose()
    content = file.read_bytes()
    file.write_bytes(content[:-8192] + os.urandom(8192))
    with pytest.raises(DatabaseError, match="is damaged"):
        open_database(url)
    os.truncate(file, LARGEST_CHECKED_BYTES + 4096)  # a hole, which takes no room
    open_database(url).engine.dispose()
