"""Delivers what is in the outbox: at least once, oldest first, one at a time per endpoint.

What happened to one alert is told to an endpoint in the order in which it happened.

A row is claimed by moving its next attempt beyond the longest time that this one can take. If the
process dies meanwhile the row comes up again by itself, with the same id; so a receiver that
remembers ids sees every notification once.
"""

import json
import logging
import random
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from opentelemetry.trace import SpanKind
from sqlalchemy import Connection, Exists, Row, insert, select, update

from alerts import channels, delivery
from alerts.channels.settings import SecretFileError
from alerts.delivery import Outcome, Result
from alerts.guard import Guard, Network
from alerts.notification import Notification
from monitor.sql import tables
from monitor.sql.database import Database
from monitor.telemetry import metrics, tracing
from monitor.telemetry.metrics import Instruments

WORKERS = 16
LEASE_S = 60.0
"""Longer than an attempt may take; after it a claimed row whose process died comes up again."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of one attempt; times in seconds since 1970."""

    outcome: Outcome
    began: float
    ended: float

    def row(self) -> dict[str, object]:
        return {
            "at": self.began,
            "duration_s": self.ended - self.began,
            "status": self.outcome.status,
            "outcome": self.outcome.result,
            "detail": self.outcome.detail,
        }


class Deliveries:
    """The outbox's worker. `tick` starts what is due; attempts run on threads of their own."""

    def __init__(
        self,
        database: Database,
        instruments: Instruments,
        clock: Callable[[], float],
        *,
        allow: Sequence[Network] = (),
        uniform: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._guard = Guard(allow=tuple(allow))
        self._clock = clock
        self._uniform = uniform
        self._attempts = instruments.counter(metrics.SERVER_DELIVERIES)
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="delivery")
        self._in_flight: dict[str, Future[None]] = {}

    def tick(self, now: float) -> int:
        """Starts the attempts that are due; gives how many."""
        self._collect()
        with self._database.write() as connection:
            claimed = _claim(connection, now, busy=list(self._in_flight))
        for row in claimed:
            self._in_flight[_endpoint(row)] = self._pool.submit(self._attempt, row)
        return len(claimed)

    def close(self) -> None:
        """Waits for the attempts under way; each is bounded by its endpoint's timeout."""
        self._pool.shutdown()
        self._collect()

    def _collect(self) -> None:
        for endpoint in [one for one, attempt in self._in_flight.items() if attempt.done()]:
            self._in_flight.pop(endpoint).result()

    def _attempt(self, row: Row[Any]) -> None:
        began = self._clock()
        with tracing.span(
            f"deliver {row.kind}",
            kind=SpanKind.CLIENT,
            parent=row.traceparent,
            attributes={"driftmeter.monitor": row.monitor, "driftmeter.delivery": row.id},
        ):
            outcome = _send(row, self._guard, began)
        attempt = Attempt(outcome, began, self._clock())
        with self._database.write() as connection:
            _record(connection, row.id, attempt, self._uniform)
        self._attempts.labels(row.kind, outcome.result).inc()
        log.info("%s to %s: %s (%s)", row.kind, row.endpoint, outcome.result, outcome.detail)


def _claim(connection: Connection, now: float, *, busy: Sequence[str]) -> list[Row[Any]]:
    """The oldest due row of every endpoint that is not busy, moved out of others' reach."""
    t = tables.outbox
    due = (
        select(t)
        .where(t.c.state == "pending", t.c.next_attempt_at <= now, ~_earlier_news_is_pending())
        .order_by(t.c.created_at, t.c.id)
        .limit(1000)
        .with_for_update(skip_locked=True)
    )
    first: dict[str, Row[Any]] = {}
    for row in connection.execute(due):
        if (endpoint := _endpoint(row)) not in busy:
            first.setdefault(endpoint, row)
    claimed = list(first.values())[:WORKERS]
    ids = [row.id for row in claimed]
    connection.execute(update(t).where(t.c.id.in_(ids)).values(next_attempt_at=now + LEASE_S))
    return claimed


def _earlier_news_is_pending() -> Exists:
    """Whether the endpoint has yet to be told of something that happened before to the alert.

    Told that an alert fires after having been told that it is over, a pager would never rest.
    """
    t, earlier = tables.outbox, tables.outbox.alias("earlier")
    alert = ("data", "alert", "id")
    return (
        select(earlier.c.id)
        .where(
            earlier.c.monitor == t.c.monitor,
            earlier.c.kind == t.c.kind,
            earlier.c.endpoint == t.c.endpoint,
            earlier.c.state == "pending",
            earlier.c.payload[alert].as_string() == t.c.payload[alert].as_string(),
            earlier.c.payload["time"].as_string() < t.c.payload["time"].as_string(),
        )
        .exists()
    )


def _send(row: Row[Any], guard: Guard, now: float) -> Outcome:
    try:
        channel = channels.open(row.target, guard)
    except SecretFileError as error:
        # The file may yet be mended or mounted: the notification waits for it.
        return Outcome(result=Result.RETRY, detail=str(error))
    return channel.send(Notification.from_json(row.payload), now=now)


def _endpoint(row: Row[Any]) -> str:
    """The same for what goes to the same place in the same way, whichever monitor it is of."""
    return json.dumps(row.target, sort_keys=True)


def _record(
    connection: Connection, delivery_id: str, attempt: Attempt, uniform: Callable[[], float]
) -> None:
    """Adds an attempt to what is known now: another process may have tried meanwhile."""
    t = tables.outbox
    this = t.c.id == delivery_id
    row = connection.execute(select(t).where(this).with_for_update()).one()
    n = row.n_attempts + 1
    connection.execute(insert(tables.attempts).values(delivery=delivery_id, n=n, **attempt.row()))
    next_at = delivery.next_attempt(n, attempt.outcome, now=attempt.ended, random=uniform)
    state = "delivered" if row.state == "delivered" else _state(attempt.outcome, next_at)
    changes = {"state": state, "n_attempts": n, "next_attempt_at": next_at or row.next_attempt_at}
    connection.execute(update(t).where(this).values(changes))


def _state(outcome: Outcome, next_at: float | None) -> str:
    if outcome.result is Result.DELIVERED:
        return "delivered"
    return "failed" if next_at is None else "pending"
