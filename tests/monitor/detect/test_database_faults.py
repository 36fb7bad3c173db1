"""The database is locked, full, damaged or killed under a worker; nothing is lost or doubled."""

import os
import signal
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event, func, select

from detectors.profile import count
from detectors.reference import Reference
from monitor.detect.judging import Judge
from monitor.detect.worker import RETRY_S
from monitor.kafka import profile_messages
from monitor.kafka.messages import Segment, Watermark
from monitor.kafka.profile_messages import SegmentProfile
from monitor.kafka.records import Record
from monitor.sql import registry, tables
from monitor.sql.database import Database, DatabaseError, open_database
from monitor.sql.store import References
from monitor.up.supervisor import Supervisor
from tests.monitor.detect.test_worker import TOPICS, Bench, Scripted, as_record
from tests.monitor.detect.world import some_rows
from tests.support import postgres
from tests.support.counted import HOUR, keep, monitor
from tests.support.log import Log
from tests.support.waiting import wait_for

N_HOURS = 12


def hours(reference: Reference) -> list[list[Record]]:
    """Polls of an hour each: its segment, and that it is over."""
    polls = []
    for number in range(N_HOURS):
        segment = Segment(
            monitor="seats",
            reference_id=reference.id,
            pane_start=number * HOUR,
            pane_s=HOUR,
            topic=TOPICS.predictions,
            partition=0,
            start=0,
            version=1,
        )
        mark = Watermark(
            monitor="seats",
            topic=TOPICS.predictions,
            partition=0,
            event_time=(number + 1) * HOUR,
            offset=1,
        )
        said = SegmentProfile(segment, count(some_rows(number), reference).to_bytes())
        messages = [
            profile_messages.of_segment(said, TOPICS.profiles, 1),
            profile_messages.of_watermark(mark, TOPICS.profiles, 1),
        ]
        polls.append([as_record(one, 2 * number + i) for i, one in enumerate(messages)])
    return polls


def opened(url: str, reference: Reference) -> Database:
    """With an active monitor."""
    database = open_database(url)
    with database.write() as connection:
        found = registry.put(connection, monitor(), 0.0)
        registry.activate(connection, found, reference.id, reference.schema)
    return database


def said(database: Database) -> list[tuple[float, object]]:
    """Of every reported window, in order, what its report says."""
    t = tables.reports
    with database.read() as connection:
        rows = connection.execute(select(t.c.window_start, t.c.body).order_by(t.c.window_start))
        return [(row.window_start, row.body) for row in rows]


@pytest.fixture(scope="module")
def calm(reference: Reference, tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """What is said where no fault was."""
    folder = tmp_path_factory.mktemp("calm")
    database = opened(f"sqlite:///{folder / 'calm.db'}", reference)
    bench = Bench(
        database, Judge(References(keep(reference, folder))), Scripted(*hours(reference)), Log()
    )
    for _ in range(N_HOURS):
        bench.worker.tick()
    found = said(database)
    database.engine.dispose()
    return [*found]


@pytest.fixture
def sqlite_database(reference: Reference, tmp_path: Path) -> Iterator[Database]:
    database = opened(f"sqlite:///{tmp_path / 'faulty.db'}?timeout=0.01", reference)
    yield database
    database.engine.dispose()


def file_of(database: Database) -> str:
    assert database.engine.url.database is not None
    return database.engine.url.database


def test_while_the_database_is_locked_nothing_more_is_read(
    sqlite_database: Database, judge: Judge, reference: Reference, calm: list[object]
) -> None:
    source = Scripted(*hours(reference))
    bench = Bench(sqlite_database, judge, source, Log())
    for _ in range(4):
        bench.worker.tick()
    with closing(sqlite3.connect(file_of(sqlite_database), isolation_level=None)) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        for _ in range(30):
            bench.elapsed += RETRY_S
            bench.worker.tick()
    assert len(source.batches) == N_HOURS - 5
    for _ in range(N_HOURS - 4):
        bench.elapsed += RETRY_S
        bench.worker.tick()
    assert said(sqlite_database) == calm


def test_a_full_disk_is_waited_for(
    sqlite_database: Database, judge: Judge, reference: Reference, calm: list[object]
) -> None:
    bench = Bench(sqlite_database, judge, Scripted(*hours(reference)), Log())
    room = {"pages": 1}

    @event.listens_for(sqlite_database.engine, "checkout")
    def limit(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {room['pages']}")

    for i in range(3 * N_HOURS):
        room["pages"] = 1 if i % 3 else 1_000_000
        bench.elapsed += RETRY_S
        bench.worker.tick()
    assert said(sqlite_database) == calm


def test_a_damaged_file_is_refused_with_the_way_out(
    sqlite_database: Database, reference: Reference
) -> None:
    with sqlite_database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE large AS SELECT randomblob(100000) AS x")
    sqlite_database.engine.dispose()
    file = Path(file_of(sqlite_database))
    content = bytearray(file.read_bytes())
    content[4096 * 2 : 4096 * 4] = os.urandom(4096 * 2)
    file.write_bytes(content)
    with pytest.raises(DatabaseError, match=r"is damaged .*\.recover.* another --database"):
        open_database(f"sqlite:///{file}")
    file.write_bytes(os.urandom(9_000))
    with pytest.raises(DatabaseError, match="is damaged"):
        open_database(f"sqlite:///{file}")


def test_damage_that_comes_later_ends_the_worker_with_the_way_out(
    sqlite_database: Database, judge: Judge, reference: Reference
) -> None:
    bench = Bench(sqlite_database, judge, Scripted(*hours(reference)), Log())
    bench.worker.tick()
    with sqlite_database.read() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    sqlite_database.engine.dispose()
    file = Path(file_of(sqlite_database))
    file.write_bytes(file.read_bytes()[:4096] + os.urandom(file.stat().st_size - 4096))
    bench.elapsed = RETRY_S
    with pytest.raises(DatabaseError, match="put a backup in its place"):
        bench.worker.tick()


def kill_all(server: int) -> None:
    """A server and its processes, which would keep the next one from starting until they notice."""
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    for pid in (server, *map(int, children)):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(server, 0)  # else the next one finds it alive
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))


@pytest.fixture
def mortal_postgres(
    tmp_path: Path, needs: Callable[[str], Path], free_port: Callable[[], int]
) -> Iterator[tuple[str, Callable[[], None]]]:
    """The URL of a PostgreSQL of this test's own, and what kills it and starts it again."""
    needs("initdb")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="driftmeter-postgres-") as folder:
        command = postgres.prepare(Path(folder), port=port)
        with Supervisor(tmp_path / "logs") as processes:
            n_lives = 0

            def live() -> None:
                nonlocal n_lives
                if n_lives:
                    kill_all(processes.pid(f"postgres-{n_lives}"))
                n_lives += 1
                processes.start(f"postgres-{n_lives}", command, ready=None)

            live()
            url = f"postgresql://driftmeter@127.0.0.1:{port}/postgres"
            postgres.wait_until_it_accepts(url)
            yield url, live


def test_a_postgresql_that_is_killed_under_load_is_waited_for(
    mortal_postgres: tuple[str, Callable[[], None]],
    judge: Judge,
    reference: Reference,
    calm: list[object],
) -> None:
    url, kill_and_start = mortal_postgres
    database = opened(url, reference)
    source = Scripted(*hours(reference))
    bench = Bench(database, judge, source, Log())
    for at in range(N_HOURS):
        bench.elapsed += RETRY_S
        bench.worker.tick()
        if at % 4 == 1:
            kill_and_start()
            bench.elapsed += RETRY_S
            bench.worker.tick()
            postgres.wait_until_it_accepts(url)
    while source.batches:
        bench.elapsed += RETRY_S
        bench.worker.tick()
    bench.elapsed += RETRY_S
    bench.worker.tick()
    assert said(database) == calm
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(tables.reports)) == N_HOURS
    database.engine.dispose()
