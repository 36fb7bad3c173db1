"""Who wants to be asked for a retrain of a monitor: its own document, and others' subscriptions."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, delete, select

from alerts.retraining.policy import Subscription
from alerts.words import Severity
from monitor.spec.model import Monitor
from monitor.spec.retraining import Retrain, RetrainSubscription
from monitor.sql import seen, tables
from monitor.sql.database import upsert
from monitor.tenants.namespaces import Namespaces

OWN = "monitor"
"""The name of what a monitor's own document asks for; a subscription cannot be called that."""


def put(connection: Connection, document: RetrainSubscription, now: float) -> None:
    row = {"name": document.name, "document": document.to_json(), "updated_at": now}
    upsert(connection, tables.subscriptions, [row])


def remove(connection: Connection, name: str) -> bool:
    """Whether there was one of that name."""
    t = tables.subscriptions
    if get(connection, name) is None:
        return False
    return connection.execute(delete(t).where(t.c.name == name)).rowcount == 1


def every(connection: Connection) -> list[dict[str, Any]]:
    """The documents, by name."""
    t = tables.subscriptions
    found = connection.scalars(select(t.c.document).order_by(t.c.name))
    return [document for document in found if _is_seen(connection, document)]


def get(connection: Connection, name: str) -> dict[str, Any] | None:
    t = tables.subscriptions
    found: dict[str, Any] | None = connection.scalar(select(t.c.document).where(t.c.name == name))
    return found if found is not None and _is_seen(connection, found) else None


def is_taken(connection: Connection, name: str) -> bool:
    """Whether somebody has a subscription of that name who is not to be seen."""
    t = tables.subscriptions
    is_there = connection.scalar(select(t.c.name).where(t.c.name == name)) is not None
    return is_there and get(connection, name) is None


def _is_seen(connection: Connection, document: dict[str, Any]) -> bool:
    """A subscription to monitors of some namespaces is seen by those who see all of these."""
    asked = document["spec"].get("select", {}).get("namespaces")
    return seen.namespaces(connection).cover(Namespaces.of(asked))


def of_monitor(connection: Connection, monitor: Monitor) -> Iterator[tuple[Subscription, Retrain]]:
    """The subscriptions that a monitor has, its own first."""
    if "retrain" in monitor.spec.model_fields_set:
        yield policy(OWN, monitor.spec.retrain), monitor.spec.retrain
    for document in every(connection):
        subscribed = RetrainSubscription.model_validate(document)
        if subscribed.spec.select.selects(monitor.name, monitor.metadata.labels):
            yield policy(subscribed.name, subscribed.spec), subscribed.spec


def policy(name: str, settings: Retrain) -> Subscription:
    return Subscription(
        name=name,
        causes=frozenset(settings.causes),
        severity=Severity(settings.severity),
        cooldown_s=settings.cooldown,
        per_day=settings.per_day,
        n_windows=settings.windows.enough,
        of_windows=settings.windows.of,
        needs_approval=settings.approval,
        is_dry_run=settings.dry_run,
    )
