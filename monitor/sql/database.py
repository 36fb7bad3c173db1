"""The SQL database, SQLite or PostgreSQL through the same code: connections, schema, owners."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy
from sqlalchemy import URL, Connection, Engine, Table, event, make_url, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError

from monitor.sql import seen, tables
from monitor.tenants.namespaces import ALL, Namespaces

BUSY_TIMEOUT_S = 5.0
OPENING_S = 15.0
"""A file that is opened may be locked for so long. Roles that start at once all make it one with a
write-ahead log, and some of them SQLite refuses at once instead of letting them wait."""

LEASE_S = 10.0

LARGEST_CHECKED_BYTES = 512 * 1024 * 1024
"""Of a file that is read whole before it is used: a second or two. What is damaged in a larger one
is told when it is met."""

_WRITES = "driftmeter_writes"


class DatabaseError(Exception):
    """The database cannot be used; the message says what to do."""


def everything() -> Namespaces:
    return ALL


class OwnedError(DatabaseError):
    """Somebody else owns the state of this role, and is alive."""


class StaleOwnerError(DatabaseError):
    """Somebody else has taken the state of this role over: nothing may be written any more."""


@dataclass(frozen=True, slots=True)
class Database:
    """Transactions raise DatabaseError where a file turns out to be damaged, and SQLAlchemy's
    OperationalError for what may be tried again: a lock, a full disk, a server that is away.

    namespaces: those whose rows a transaction that begins now sees, where `monitor.sql.seen` asks.
    """

    engine: Engine
    namespaces: Callable[[], Namespaces] = everything

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads; it sees one state of the whole database."""
        snapshot = {} if self.engine.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        reading = self.engine.execution_options(**snapshot, **{seen.OPTION: self.namespaces()})
        with _damage_told(self.engine), reading.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write: committed at the end, rolled back by an exception."""
        writing = self.engine.execution_options(**{_WRITES: True, seen.OPTION: self.namespaces()})
        with _damage_told(self.engine), writing.begin() as connection:
            yield connection


def open_database(url: str, *, must_exist: bool = False) -> Database:
    """Connects, and creates the schema where there is none.

    must_exist: for who only reads, and has mistyped a file that is not there.
    Raises DatabaseError for a URL that cannot be used, a schema of a newer Driftmeter, or a file
    that is damaged.
    """
    parsed = _parsed(url)
    if must_exist and _is_file(parsed) and not Path(str(parsed.database)).exists():
        raise _unusable(parsed, "there is no such file")
    try:
        database = Database(_engine(parsed))
    except (OSError, ModuleNotFoundError) as error:
        raise _unusable(parsed, str(error)) from error
    try:
        _once_unlocked(lambda: _check(database, parsed))
    except (DBAPIError, DatabaseError) as error:
        database.engine.dispose()
        if isinstance(error, DBAPIError):
            raise _unusable(parsed, str(error.orig)) from error
        raise
    return database


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Inserts rows, replacing those with the same primary key.

    Rows that name only some columns leave the others of an existing row as they are.
    """
    if not rows:
        return
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(table)
    keys = [column.name for column in table.primary_key]
    others = {name: insert.excluded[name] for name in rows[0] if name not in keys}
    statement = (
        insert.on_conflict_do_update(index_elements=keys, set_=others)
        if others
        else insert.on_conflict_do_nothing(index_elements=keys)
    )
    connection.execute(statement, [dict(row) for row in rows])


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Inserts the rows whose primary key is not there yet, and leaves the others alone."""
    if not rows:
        return
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table).on_conflict_do_nothing()
    connection.execute(statement, [dict(row) for row in rows])


@dataclass(frozen=True, slots=True)
class Ownership:
    """The right to write the state of a role, as long as nobody has taken it over.

    Every writing transaction proves it and renews the lease by `prove`, so a process that was
    frozen and thawed cannot write over its successor's state.
    """

    role: str
    epoch: int
    lease_s: float

    def prove(self, connection: Connection, now: float) -> None:
        """Raises StaleOwnerError if another epoch has begun."""
        t = tables.owners
        mine = update(t).where(t.c.role == self.role, t.c.epoch == self.epoch)
        if connection.execute(mine.values(expires_at=now + self.lease_s)).rowcount != 1:
            raise StaleOwnerError(f"another {self.role} has taken over; this one stops")

    def release(self, connection: Connection, now: float) -> None:
        """Lets the next one begin at once; nothing happens if it already has."""
        t = tables.owners
        mine = update(t).where(t.c.role == self.role, t.c.epoch == self.epoch)
        connection.execute(mine.values(expires_at=now))


@dataclass(frozen=True, slots=True)
class Claim:
    """What came of asking for a role: it is ours, or it is held until `expires_at`."""

    ownership: Ownership | None
    holder: str
    expires_at: float


def claim(
    connection: Connection, role: str, holder: str, now: float, *, lease_s: float = LEASE_S
) -> Claim:
    """Begins the next epoch of a role, unless the lease of its owner is alive."""
    t = tables.owners
    found = connection.execute(select(t).where(t.c.role == role).with_for_update()).first()
    if found is not None and found.expires_at > now:
        return Claim(None, found.holder, found.expires_at)
    mine = {
        "role": role,
        "epoch": (found.epoch if found else 0) + 1,
        "holder": holder,
        "expires_at": now + lease_s,
    }
    upsert(connection, t, [mine])
    return Claim(Ownership(role, int(str(mine["epoch"])), lease_s), holder, now + lease_s)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseError(
            f"{url!r} is not a database URL: write sqlite:///folder/driftmeter.db "
            "or postgresql://user@host/name"
        ) from error
    if parsed.drivername in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise DatabaseError(f"{parsed.drivername} is not supported: use sqlite or postgresql")
    return parsed


def _is_file(url: URL) -> bool:
    return url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")


def _unusable(url: URL, reason: str) -> DatabaseError:
    shown, first_line = url.render_as_string(hide_password=True), reason.partition("\n")[0]
    return DatabaseError(f"cannot open the database {shown}: {first_line}")


@contextmanager
def _damage_told(engine: Engine) -> Iterator[None]:
    """What to do about a damaged file, in place of what SQLite says of it."""
    try:
        yield
    except DBAPIError as error:
        code = getattr(error.orig, "sqlite_errorcode", None)
        if code is None or code & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise
        raise DatabaseError(_damaged(engine.url, str(error.orig))) from error


def _is_quickly_read(url: URL) -> bool:
    """Whether it is a file, there already, and small enough to be read whole at every start."""
    file = Path(str(url.database))
    return _is_file(url) and file.exists() and file.stat().st_size <= LARGEST_CHECKED_BYTES


def _once_unlocked(check: Callable[[], None]) -> None:
    deadline = time.monotonic() + OPENING_S
    while True:
        try:
            return check()
        except DBAPIError as error:
            code = getattr(error.orig, "sqlite_errorcode", 0)
            if code & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _check(database: Database, url: URL) -> None:
    if _is_quickly_read(url):
        with database.read() as connection:
            _check_pages(connection)
    with database.write() as connection:
        _check_schema(connection)


def _check_pages(connection: Connection) -> None:
    """Raises DatabaseError where SQLite's file is damaged; better now than in the middle."""
    found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if found != "ok":
        raise DatabaseError(_damaged(connection.engine.url, str(found).replace("\n", " ")))


def _damaged(url: URL, reason: str) -> str:
    file = url.database
    return (
        f"the database {file} is damaged ({reason}). Stop what uses it, and put a backup in its "
        f"place, or what `sqlite3 {file} .recover` saves of it. Or begin anew with another "
        "--database: apply the monitors again, and windows are made again of what Kafka still has"
    )


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "postgresql":
        return sqlalchemy.create_engine(
            url,
            json_serializer=_json,
            json_deserializer=orjson.loads,
            pool_pre_ping=True,
            hide_parameters=True,
        )
    if _is_file(url):
        Path(str(url.database)).absolute().parent.mkdir(parents=True, exist_ok=True)
    engine = sqlalchemy.create_engine(
        url.update_query_dict({"timeout": str(BUSY_TIMEOUT_S), **url.query}),
        json_serializer=_json,
        json_deserializer=orjson.loads,
        hide_parameters=True,  # of errors, which are logged: samples of rows are among them
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # sqlite3's own BEGIN comes too late, and is DEFERRED
    for pragma in ("journal_mode = WAL", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes its lock at the start: a lock taken later can fail without waiting."""
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _check_schema(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        # Two roles that start at once would both create the tables.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7446838)")
    tables.metadata.create_all(connection)
    found = connection.scalar(select(tables.schema_version.c.version))
    if found is None:
        row = {"version": tables.SCHEMA_VERSION}
        connection.execute(tables.schema_version.insert(), row)
    elif found != tables.SCHEMA_VERSION:
        raise DatabaseError(
            f"the database has schema {found}, this Driftmeter knows {tables.SCHEMA_VERSION}: "
            "use the version of Driftmeter that wrote it, or a newer one"
        )
