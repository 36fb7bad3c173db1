"""Where one lane's join remembers predictions and labels: a database on disk, bounded in bytes.

It holds nothing that the log does not have. Its file has no name, so that the room is free again
however the process ends; a partition that comes here is read again from the log.
"""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DEFAULT_LIMIT_BYTES = 256 * 1024 * 1024
"""Of one partition's join, all monitors together: one or two million predictions."""

PAGE_BYTES = 4096
CACHE_KIB = 16 * 1024

SETTINGS = (
    f"page_size = {PAGE_BYTES}",
    f"cache_size = -{CACHE_KIB}",
    "locking_mode = EXCLUSIVE",
    "journal_mode = MEMORY",  # nothing is to survive the process; a statement is to be undone
    "synchronous = OFF",
    "temp_store = MEMORY",
)

TABLES = """
CREATE TABLE predictions (
    place INTEGER PRIMARY KEY, monitor INTEGER NOT NULL, id TEXT NOT NULL,
    time REAL NOT NULL, content BLOB NOT NULL, label, UNIQUE (monitor, id)
);
CREATE INDEX predictions_of ON predictions (monitor);
CREATE TABLE waiting (
    place INTEGER PRIMARY KEY, monitor INTEGER NOT NULL, id TEXT NOT NULL,
    label, time REAL NOT NULL, message INTEGER NOT NULL, since REAL NOT NULL
);
CREATE INDEX waiting_of ON waiting (monitor, id);
CREATE INDEX waiting_messages ON waiting (message);
"""


class JoinStore:
    """A private SQLite database in a folder; without one, in memory."""

    def __init__(
        self, folder: Path | None = None, *, limit_bytes: int = DEFAULT_LIMIT_BYTES
    ) -> None:
        self._connection = _opened(folder)
        limit = f"max_page_count = {max(32, limit_bytes // PAGE_BYTES)}"
        for setting in (*SETTINGS, limit):
            self._connection.execute(f"PRAGMA {setting}")
        self._connection.executescript(TABLES)

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it, or nothing where it raises.

        Raises sqlite3.OperationalError where the room is used up; see `is_full`.
        """
        self._connection.execute("BEGIN")
        try:
            yield self._connection
        except BaseException:
            if self._connection.in_transaction:  # SQLite itself may have undone it
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @property
    def size_bytes(self) -> int:
        """What the database takes, at most its limit."""
        (n_pages,) = self._connection.execute("PRAGMA page_count").fetchone()
        return int(n_pages) * PAGE_BYTES

    def close(self) -> None:
        self._connection.close()


def is_full(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode == sqlite3.SQLITE_FULL


def _opened(folder: Path | None) -> sqlite3.Connection:
    if folder is None:
        return sqlite3.connect(":memory:", isolation_level=None)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix="join-", suffix=".db") as file:
        connection = sqlite3.connect(file.name, isolation_level=None)
        connection.execute("PRAGMA user_version").fetchone()  # opens the file while it has a name
        return connection
