"""The monitors in SQL: every revision, and which of them is in force.

A revision begins as "resolving"; the registrar fits its reference and makes it "active", or
"failed" with a reason. In force is the newest active revision, until the monitor is deleted.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Connection, Row, func, insert, select, update

from detectors.columns import ColumnType, Field, Role
from monitor.kafka.messages import Registration, RegistrationState
from monitor.spec.model import Monitor
from monitor.sql import tables


def put(connection: Connection, monitor: Monitor, now: float) -> Registration:
    """Makes a document the next revision of its monitor, to be resolved.

    A document equal to the latest revision's changes nothing, unless that revision failed:
    then it is tried again.
    """
    latest = get(connection, monitor.name)
    if latest is not None and latest.state in ("resolving", "active") and latest.monitor == monitor:
        return latest
    revision = latest.revision + 1 if latest else 1
    return _insert(
        connection, Registration(monitor=monitor, revision=revision, state="resolving"), now
    )


def pause(
    connection: Connection, name: str, now: float, *, paused: bool = True
) -> Registration | None:
    """Makes what is in force the next revision, paused or no longer so; None where nothing is.

    Its reference is the one that it had, so it is active at once. What is so already stays.
    """
    current, newest = in_force(connection).get(name), get(connection, name)
    if current is None or newest is None:
        return None
    if current.monitor.spec.paused == paused:
        return current
    changed = replace(
        current, monitor=current.monitor.as_paused(paused), revision=newest.revision + 1
    )
    return _insert(connection, changed, now)


def renew(connection: Connection, current: Registration, now: float) -> None:
    """Makes what is in force the next revision, to be resolved anew; not where another has come."""
    newest = get(connection, current.name)
    if newest is not None and newest.revision == current.revision:
        renewed = Registration(
            monitor=current.monitor, revision=current.revision + 1, state="resolving"
        )
        _insert(connection, renewed, now)


def delete(connection: Connection, name: str, now: float) -> Registration | None:
    """Ends a monitor by a last revision that says so; None if there is none of that name."""
    latest = get(connection, name)
    if latest is None or latest.state == "deleted":
        return None
    ended = Registration(monitor=latest.monitor, revision=latest.revision + 1, state="deleted")
    return _insert(connection, ended, now)


def get(connection: Connection, name: str) -> Registration | None:
    """The latest revision of a monitor, whatever its state."""
    t = tables.monitors
    query = select(t).where(t.c.name == name).order_by(t.c.revision.desc()).limit(1)
    row = connection.execute(query).first()
    return None if row is None else _registration(row)


def at(connection: Connection, name: str, revision: int) -> Registration | None:
    """One revision of a monitor."""
    t = tables.monitors
    row = connection.execute(select(t).where(t.c.name == name, t.c.revision == revision)).first()
    return None if row is None else _registration(row)


def latest(connection: Connection) -> dict[str, Registration]:
    """The latest revision of every monitor, whatever its state."""
    t = tables.monitors
    newest = select(t.c.name, func.max(t.c.revision).label("revision")).group_by(t.c.name)
    return _by_name(connection, newest.subquery())


def in_force(connection: Connection) -> dict[str, Registration]:
    """The newest active revision of every monitor that is not deleted."""
    t = tables.monitors
    newest = (
        select(t.c.name, func.max(t.c.revision).label("revision"))
        .where(t.c.state.in_(("active", "deleted")))
        .group_by(t.c.name)
    )
    found = _by_name(connection, newest.subquery())
    return {name: found[name] for name in found if found[name].state == "active"}


def resolving(connection: Connection) -> list[Registration]:
    """The latest revisions that wait for their reference."""
    return [found for found in latest(connection).values() if found.state == "resolving"]


def activate(
    connection: Connection, registration: Registration, reference_id: str, schema: Sequence[Field]
) -> Registration:
    return _settle(
        connection, registration, "active", reference_id=reference_id, schema=tuple(schema)
    )


def fail(connection: Connection, registration: Registration, reason: str) -> Registration:
    return _settle(connection, registration, "failed", reason=reason)


def note(connection: Connection, registration: Registration, progress: str) -> None:
    """Says how far the resolving of a revision has come."""
    t = tables.monitors
    which = (t.c.name == registration.name) & (t.c.revision == registration.revision)
    connection.execute(update(t).where(which).values(reason=progress))


def _insert(connection: Connection, registration: Registration, now: float) -> Registration:
    row = _row(registration) | {"created_at": now}
    connection.execute(insert(tables.monitors), row)
    return registration


def _settle(
    connection: Connection, registration: Registration, state: RegistrationState, **facts: Any
) -> Registration:
    settled = Registration(
        monitor=registration.monitor, revision=registration.revision, state=state, **facts
    )
    t = tables.monitors
    which = (t.c.name == settled.name) & (t.c.revision == settled.revision)
    connection.execute(update(t).where(which).values(_row(settled)))
    return settled


def _row(registration: Registration) -> dict[str, object]:
    return {
        "name": registration.name,
        "revision": registration.revision,
        "document": registration.monitor.to_json(),
        "state": registration.state,
        "reason": registration.reason,
        "reference_id": registration.reference_id,
        "fields": [[f.name, f.type, f.role, f.dimensions] for f in registration.schema],
    }


def _by_name(connection: Connection, chosen: Any) -> dict[str, Registration]:
    t = tables.monitors
    which = (t.c.name == chosen.c.name) & (t.c.revision == chosen.c.revision)
    rows = connection.execute(select(t).join(chosen, which).order_by(t.c.name))
    return {row.name: _registration(row) for row in rows}


def _registration(row: Row[Any]) -> Registration:
    return Registration(
        monitor=_monitor(orjson.dumps(row.document)),
        revision=row.revision,
        state=row.state,
        reason=row.reason,
        reference_id=row.reference_id,
        schema=tuple(Field(n, ColumnType(t), Role(r), *d) for n, t, r, *d in row.fields or ()),
    )


@lru_cache(maxsize=10_000)
def _monitor(document: bytes) -> Monitor:
    """Every tick asks for the monitors in force: reading a document again would cost it dear."""
    return Monitor.model_validate(orjson.loads(document))
