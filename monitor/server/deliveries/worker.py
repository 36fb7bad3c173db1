"""Delivers what is in the outbox: at least once, oldest first, one at a time per endpoint.

What happened to one alert is told to an endpoint in the order in which it happened.

A row is claimed by moving its next attempt beyond the longest time that this one can take. If the
process dies meanwhile the row comes up again by itself, with the same id; so a receiver that
remembers ids sees every notification once.
"""

import logging
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from opentelemetry.trace import SpanKind
from sqlalchemy import Connection, Row

from alerts import channels
from alerts.channels.settings import SecretFileError
from alerts.delivery import Outcome, Result
from alerts.guard import Guard, Network
from alerts.log import Log
from alerts.notification import Channel, Notification
from alerts.retraining import starting
from alerts.retraining.systems import SYSTEMS
from monitor.server.deliveries import attempts, due, endpoints, pruning, troubles
from monitor.server.deliveries.attempts import Attempt
from monitor.sql.database import Database
from monitor.telemetry import metrics, tracing
from monitor.telemetry.instruments import Instruments

WORKERS = 64
WORKERS_FOR_FAILING = WORKERS // 2

log = logging.getLogger(__name__)


class Deliveries:
    """The outbox's worker. `tick` starts what is due; attempts run on threads of their own."""

    def __init__(
        self,
        database: Database,
        instruments: Instruments,
        clock: Callable[[], float],
        *,
        allow: Sequence[Network] = (),
        log: Log | None = None,
        kept_s: float = pruning.KEPT_S,
        uniform: Callable[[], float] = random.random,
    ) -> None:
        """log: where records go, of channels that are topics. kept_s: see `pruning`."""
        self._database = database
        self._guard = Guard(allow=tuple(allow))
        self._log = log
        self._kept_s = kept_s
        self._pruned_at = 0.0
        self._clock = clock
        self._uniform = uniform
        self._attempts = instruments.counter(metrics.SERVER_DELIVERIES)
        self._delay = instruments.histogram(metrics.SERVER_DELIVERY_DELAY)
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="delivery")
        self._in_flight: dict[str, Future[None]] = {}
        self._closing = threading.Event()
        # SQLite lets one write at a time, and does not queue those that wait.
        self._writing = threading.Lock()

    def tick(self, now: float) -> int:
        """Starts what is due, one row an endpoint; gives how many."""
        self._collect()
        self._prune(now)
        room = WORKERS - len(self._in_flight)
        with self._writing, self._database.write() as connection:
            due.let_rest(connection, now)
            claimed = due.claim(
                connection,
                now,
                busy=list(self._in_flight),
                limit=room,
                limit_failing=max(room - WORKERS_FOR_FAILING, 0),
            )
        for row in claimed:
            self._in_flight[row.place] = self._pool.submit(self._serve, row)
        return len(claimed)

    def close(self) -> None:
        """Waits for the attempts under way; each is bounded by its endpoint's timeout."""
        self._closing.set()
        self._pool.shutdown()
        self._collect()

    def _collect(self) -> None:
        for place in [one for one, attempt in self._in_flight.items() if attempt.done()]:
            self._in_flight.pop(place).result()

    def _prune(self, now: float) -> None:
        if now - self._pruned_at < pruning.PRUNED_EVERY_S:
            return
        self._pruned_at = now
        with self._writing, self._database.write() as connection:
            n = pruning.prune(connection, now, kept_s=self._kept_s)
        if n:
            log.info("%d deliveries older than %.0f days are forgotten", n, self._kept_s / 86_400)

    def _serve(self, row: Row[Any]) -> None:
        """Attempts a row, and while all goes well what else is due at its place."""
        following: Row[Any] | None = row
        while following is not None:
            following = self._attempt(following)

    def _attempt(self, row: Row[Any]) -> Row[Any] | None:
        """Makes one attempt, and gives the row to go on with."""
        began = self._clock()
        if not row.n_attempts:
            delay_s = max(began - row.created_at, 0.0)
            self._delay.labels(row.kind).observe(delay_s, tracing.exemplar(row.traceparent))
        with tracing.span(
            f"deliver {row.kind}",
            kind=SpanKind.CLIENT,
            parent=row.traceparent,
            attributes={"driftmeter.monitor": row.monitor, "driftmeter.delivery": row.id},
        ):
            outcome = self._send(row, began)
        attempt = Attempt(outcome, began, self._clock())
        repeat_s = channels.REPEATED_S.get(row.target["kind"])
        with self._writing, self._database.write() as connection:
            step = attempts.record(
                connection, row.id, attempt, random=self._uniform, repeat_s=repeat_s
            )
            gone = endpoints.note(connection, row.place, row.target, outcome, attempt.ended)
            if gone is not None:
                troubles.disabled(connection, gone, attempt.ended)
            following = self._next(connection, row, attempt)
        word = attempts.word(outcome, step)
        self._attempts.labels(row.kind, word).inc()
        log.info("%s to %s: %s (%s)", row.kind, row.endpoint, word, outcome.detail)
        return following

    def _next(self, connection: Connection, row: Row[Any], attempt: Attempt) -> Row[Any] | None:
        if self._closing.is_set() or attempt.outcome.result is not Result.DELIVERED:
            return None
        return due.claim_next(connection, row.place, attempt.ended)

    def _send(self, row: Row[Any], now: float) -> Outcome:
        try:
            channel = self._opened(row.target)
        except SecretFileError as error:
            # The file may yet be mended or mounted: the notification waits for it.
            return Outcome(result=Result.RETRY, detail=str(error))
        return channel.send(Notification.from_json(row.payload), now=now)

    def _opened(self, target: Mapping[str, Any]) -> Channel:
        """Systems that retrain are told as channels are."""
        if target["kind"] in SYSTEMS:
            return starting.open(target, self._guard)
        return channels.open(target, self._guard, self._log)
