"""Delivers what is in the outbox: at least once, oldest first, one at a time per endpoint.

A row is claimed by moving its next attempt beyond the longest time that this one can take. If the
process dies meanwhile the row comes up again by itself, with the same id; so a receiver that
remembers ids sees every notification once.
"""

import logging
import random
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opentelemetry.trace import SpanKind
from sqlalchemy import Connection, Row, insert, select, update

from alerts import delivery
from alerts.delivery import Outcome, Result
from alerts.guard import Guard, Network
from alerts.notification import Notification
from alerts.webhooks import SecretError, Webhook
from monitor import metrics, tables, tracing
from monitor.database import Database
from monitor.metrics import Instruments

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
            self._in_flight[row.target["url"]] = self._pool.submit(self._attempt, row)
        return len(claimed)

    def close(self) -> None:
        """Waits for the attempts under way; each is bounded by its endpoint's timeout."""
        self._pool.shutdown()
        self._collect()

    def _collect(self) -> None:
        for url in [url for url, attempt in self._in_flight.items() if attempt.done()]:
            self._in_flight.pop(url).result()

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
        .where(t.c.state == "pending", t.c.next_attempt_at <= now)
        .order_by(t.c.created_at, t.c.id)
        .limit(1000)
        .with_for_update(skip_locked=True)
    )
    first: dict[str, Row[Any]] = {}
    for row in connection.execute(due):
        if row.target["url"] not in busy:
            first.setdefault(row.target["url"], row)
    claimed = list(first.values())[:WORKERS]
    ids = [row.id for row in claimed]
    connection.execute(update(t).where(t.c.id.in_(ids)).values(next_attempt_at=now + LEASE_S))
    return claimed


def _send(row: Row[Any], guard: Guard, now: float) -> Outcome:
    target = row.target
    try:
        webhook = Webhook(
            url=target["url"],
            secret=Path(target["secret_file"]).read_text(),
            guard=guard,
            timeout_s=target["timeout_s"],
        )
    except (OSError, UnicodeDecodeError, SecretError) as error:
        # The file may yet be mended or mounted: the notification waits for it.
        detail = f"the secret in {target['secret_file']} cannot be used: {error}"
        return Outcome(result=Result.RETRY, detail=detail)
    return webhook.send(Notification.from_json(row.payload), now=now)


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
