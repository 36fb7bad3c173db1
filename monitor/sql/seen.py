"""What a transaction sees: the rows of some namespaces, where it is of somebody who has no others.

Everything that people are shown by their own choice of ids or filters asks for this; what works for
all of them, as detecting and delivering do, opens a database that sees everything.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, false, or_, true

from monitor.tenants.namespaces import ALL, DEFAULT, Namespaces

OPTION = "driftmeter_namespaces"


def namespaces(connection: Connection) -> Namespaces:
    found: Namespaces = connection.get_execution_options().get(OPTION, ALL)
    return found


def seen(connection: Connection, name: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a row is seen, by a column that names a monitor."""
    names = namespaces(connection).names
    if names is None:
        return true()
    return or_(false(), *(of_namespace(name, one) for one in sorted(names)))


def of_namespace(name: ColumnElement[Any], namespace: str) -> ColumnElement[bool]:
    """Whether a row is of a namespace."""
    within = name.startswith(f"{namespace}.", autoescape=True)
    return or_(within, ~name.contains(".")) if namespace == DEFAULT else within
