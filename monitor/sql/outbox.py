"""What is to be told and to whom, put down in the transaction of the decision that caused it."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection

from alerts.notification import Notification, delivery_id
from monitor.spec.channels import Endpoint
from monitor.sql import tables
from monitor.sql.database import insert_new
from monitor.telemetry import tracing


def put(
    connection: Connection,
    kind: str,
    notifications: Iterable[Notification],
    endpoints: Sequence[Endpoint],
    *,
    now: float,
) -> None:
    """Every notification for every endpoint; one that is there already is left as it is.

    kind: "alert", "retrain" or another word that the deliveries are counted by.
    """
    rows = [
        _row(kind, notification, endpoint, now)
        for notification in notifications
        for endpoint in endpoints
    ]
    insert_new(connection, tables.outbox, rows)


def place(target: Mapping[str, object]) -> str:
    """The same for what goes to the same place in the same way, whichever monitor it is of."""
    canonical = json.dumps(target, sort_keys=True)
    return f"endpoint_{hashlib.sha256(canonical.encode()).hexdigest()[:32]}"


def _row(kind: str, told: Notification, endpoint: Endpoint, now: float) -> dict[str, object]:
    return {
        "id": delivery_id(told.id, endpoint.name),
        "monitor": told.monitor,
        "kind": kind,
        "endpoint": endpoint.name,
        "place": place(endpoint.target),
        "target": endpoint.target,
        "alert": told.data.get("alert", {}).get("id"),
        "at": told.at,
        "payload": told.to_json(),
        "traceparent": tracing.traceparent(),
        "state": "pending",
        "created_at": now,
        "next_attempt_at": now,
        "n_attempts": 0,
        "n_failed": 0,
    }
