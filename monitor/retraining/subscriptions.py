"""Who wants to be asked for a retrain of a monitor: its own document, and others' subscriptions."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, delete, select

from alerts.retraining.policy import Subscription
from alerts.words import Severity
from monitor.spec.model import Monitor
from monitor.spec.retraining import Retrain, RetrainSubscription
from monitor.sql import tables
from monitor.sql.database import upsert

OWN = "monitor"
"""The name of what a monitor's own document asks for; a subscription cannot be called that."""


def put(connection: Connection, document: RetrainSubscription, now: float) -> None:
    row = {"name": document.name, "document": document.to_json(), "updated_at": now}
    upsert(connection, tables.subscriptions, [row])


def remove(connection: Connection, name: str) -> bool:
    """Whether there was one of that name."""
    t = tables.subscriptions
    return connection.execute(delete(t).where(t.c.name == name)).rowcount == 1


def every(connection: Connection) -> list[dict[str, Any]]:
    """The documents, by name."""
    t = tables.subscriptions
    return list(connection.scalars(select(t.c.document).order_by(t.c.name)))


def get(connection: Connection, name: str) -> dict[str, Any] | None:
    t = tables.subscriptions
    return connection.scalar(select(t.c.document).where(t.c.name == name))


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
