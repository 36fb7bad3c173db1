import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import select

from monitor.detect.command import own
from monitor.kafka.connecting import Broker
from monitor.sql import tables
from monitor.sql.database import Database, OwnedError, claim, open_database
from monitor.up.supervisor import free_port
from tests.support.roles import command, running
from tests.support.waiting import wait_for


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}/driftmeter.db")
    yield opened
    opened.engine.dispose()


def held(database: Database, lease_s: float) -> None:
    with database.write() as connection:
        claim(connection, "detect", "host, process 1", time.time(), lease_s=lease_s)


def test_a_free_role_is_owned_at_once(database: Database) -> None:
    assert own(database, "detect", "me", threading.Event()) is not None


def test_a_lease_that_a_killed_owner_left_is_waited_for(database: Database) -> None:
    held(database, lease_s=0.2)
    ownership = own(database, "detect", "me", threading.Event(), poll_s=0.02)
    assert ownership is not None
    assert ownership.epoch == 2


def test_a_living_owner_is_named(database: Database) -> None:
    held(database, lease_s=60)

    class Renewing(threading.Event):
        """Whenever we wait, the owner renews its lease."""

        def wait(self, timeout: float | None = None) -> bool:
            with database.write() as connection:
                connection.exec_driver_sql("UPDATE owners SET expires_at = expires_at + 1")
            return False

    with pytest.raises(OwnedError, match="host, process 1"):
        own(database, "detect", "me", Renewing())


def test_on_standby_a_living_owner_is_waited_for_until_it_stops(database: Database) -> None:
    held(database, lease_s=60)
    renewals = iter(range(5))

    class Renewing(threading.Event):
        """The owner renews its lease a few times, then releases it."""

        def wait(self, timeout: float | None = None) -> bool:
            expires = "expires_at + 1" if next(renewals, None) is not None else "0"
            with database.write() as connection:
                connection.exec_driver_sql(f"UPDATE owners SET expires_at = {expires}")
            return False

    ownership = own(database, "detect", "me", Renewing(), standby=True)
    assert ownership is not None
    assert ownership.epoch == 2


def test_who_is_told_to_stop_waits_no_more(database: Database) -> None:
    held(database, lease_s=60)
    stopping = threading.Event()
    stopping.set()
    assert own(database, "detect", "me", stopping) is None


def test_a_second_detect_is_refused_while_the_first_lives_and_on_standby_takes_over_from_it(
    embedded_broker: Broker, database: Database, tmp_path: Path
) -> None:
    flags = (
        "--database",
        f"sqlite:///{tmp_path}/driftmeter.db",
        "--store",
        str(tmp_path / "store"),
    )
    with ExitStack() as first:
        first.enter_context(running("detect", embedded_broker, tmp_path / "first", *flags))
        second = subprocess.run(
            command("detect", embedded_broker, free_port(), *flags),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert second.returncode == 2
        assert "another detect" in second.stderr
        assert "Traceback" not in second.stderr
        with running("detect", embedded_broker, tmp_path / "second", *flags, "--standby"):
            assert epoch(database) == 1
            first.close()
            wait_for(lambda: epoch(database) == 2)
    assert is_free(database), "what was released is free at once"


def is_free(database: Database) -> bool:
    with database.read() as connection:
        expires_at = connection.scalar(select(tables.owners.c.expires_at))
    return expires_at is not None and expires_at <= time.time()


def epoch(database: Database) -> int | None:
    with database.read() as connection:
        return connection.scalar(select(tables.owners.c.epoch))
