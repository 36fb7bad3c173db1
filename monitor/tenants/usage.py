"""How much each namespace uses of what the service keeps, and what goes beyond its quota."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from monitor.sql import registry, tables
from monitor.sql.seen import namespaces, seen
from monitor.tenants.namespaces import namespace_of
from monitor.tenants.quotas import QuotasInForce


class QuotaError(ValueError):
    """More than a namespace may have; the message says what the limit is."""


@dataclass(slots=True)
class Usage:
    """columns: of the references in force."""

    monitors: int = 0
    columns: int = 0


def usage(connection: Connection, *, without: str | None = None) -> dict[str, Usage]:
    """By namespace, of those that are seen and have a monitor. without: a monitor not counted."""
    found: dict[str, Usage] = {}
    shown, in_force = namespaces(connection), registry.in_force(connection)
    for name, registration in registry.latest(connection).items():
        if registration.state == "deleted" or name == without or not shown.has(name):
            continue
        used = found.setdefault(namespace_of(name), Usage())
        used.monitors += 1
        used.columns += len(in_force[name].schema) if name in in_force else 0
    return found


def reports(connection: Connection) -> dict[str, int]:
    """How many reports are kept, by namespace, of those that are seen."""
    f, found = tables.figures, dict[str, int]()
    counted = select(f.c.monitor, func.count().label("n")).where(seen(connection, f.c.monitor))
    for row in connection.execute(counted.group_by(f.c.monitor)):
        found[namespace_of(row.monitor)] = found.get(namespace_of(row.monitor), 0) + row.n
    return found


def check_monitor(connection: Connection, name: str, quotas: QuotasInForce) -> None:
    """Raises QuotaError where a namespace may not have this monitor beside its others."""
    namespace = namespace_of(name)
    quota, used = quotas.of(namespace), usage(connection, without=name).get(namespace, Usage())
    if quota.monitors is not None and used.monitors >= quota.monitors:
        raise QuotaError(
            f"the namespace {namespace!r} has {used.monitors} other monitors, and may have "
            f"{quota.monitors} in all"
        )
    check_columns(connection, name, 1, quotas)


def check_columns(connection: Connection, name: str, n_columns: int, quotas: QuotasInForce) -> None:
    """Raises QuotaError where a monitor may not have so many columns beside those of the others."""
    namespace = namespace_of(name)
    limit = quotas.of(namespace).columns
    if limit is None:
        return
    used = usage(connection, without=name).get(namespace, Usage()).columns
    if used + n_columns > limit:
        raise QuotaError(
            f"with {n_columns} more the monitors of the namespace {namespace!r} would have "
            f"{used + n_columns:,} columns, and may have {limit:,}"
        )
