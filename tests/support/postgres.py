"""A PostgreSQL of our own: a fresh cluster in a temporary folder, on loopback."""

import os
import pwd
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root


def find(program: str) -> Path | None:
    """A program of PostgreSQL's; Debian keeps the servers off the PATH."""
    if found := shutil.which(program):
        return Path(found)
    versions = Path("/usr/lib/postgresql").glob(f"*/bin/{program}")
    return max(versions, key=lambda path: float(path.parts[-3]), default=None)


def prepare(folder: Path, *, port: int) -> list[str]:
    """Makes a cluster in `folder`; returns the command line of its server."""
    initdb, postgres = find("initdb"), find("postgres")
    assert initdb is not None
    assert postgres is not None
    if os.geteuid() == 0:
        shutil.chown(folder, UNPRIVILEGED)
    data = folder / "data"
    subprocess.run(
        [
            *(*_unprivileged(), str(initdb), "--pgdata", str(data), "--username", "driftmeter"),
            *("--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"),
        ],
        check=True,
        timeout=120,
        capture_output=True,
        cwd=folder,
    )
    return [
        *(*_unprivileged(), str(postgres), "-D", str(data), "-p", str(port), "-h", "127.0.0.1"),
        *("-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "max_connections=100"),
    ]


def wait_until_it_accepts(url: str, *, timeout_s: float = 60.0) -> None:
    """A server listens a moment before it lets anybody in."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


@contextmanager
def copied(server: str, template: str = "template1") -> Iterator[str]:
    """The URL of a copy of a database, which ends with the block."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(f"postgresql://{server}/postgres", autocommit=True) as connection:
        # The other way, by the log, takes twice as long; before 15 there was this one alone.
        strategy = "STRATEGY FILE_COPY" if connection.info.server_version >= 150_000 else ""
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} {strategy}")
        yield f"postgresql+psycopg://{server}/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _unprivileged() -> list[str]:
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam(UNPRIVILEGED)
    return [
        *("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"),
        "--pdeathsig=KILL",  # a change of user drops the one that the supervisor asked for
    ]
