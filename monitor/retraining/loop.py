"""What makes of a wanted retrain a promoted one: sends, watches, and notices silence.

Every step is a short transaction that can be made again, by this process or another: what was
sent has the same id, and news that are known already change nothing.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import orjson
from sqlalchemy import Connection, select

from alerts.channels.settings import SecretFileError
from alerts.delivery import State
from alerts.guard import Guard, Network
from alerts.notification import CONTENT_TYPE, Notification, delivery_id
from alerts.retraining import event, starting
from alerts.retraining.lifecycle import OUTSTANDING, RetrainState
from monitor.kafka.connecting import Broker, BrokerUnavailableError
from monitor.kafka.messages import Header
from monitor.kafka.publishing import DeliveryError, Message, Publisher
from monitor.retraining import records, trouble
from monitor.retraining.records import Record
from monitor.retraining.training_data import CLIENT, training_data
from monitor.spec.model import Monitor
from monitor.spec.retraining import Retrain
from monitor.sql import outbox, registry, tables
from monitor.sql.database import Database

LOOK_S = 15.0
"""Between two looks at what a system says of a run."""
LEASE_S = 60.0
"""Longer than a look may take; after it another process may look."""
WORKERS = 8

_REFUSED = frozenset({State.FAILED, State.EXHAUSTED, State.GONE})

_logger = logging.getLogger(__name__)


class Loop:
    """The worker of `driftmeter serve` that sees retrains through."""

    def __init__(
        self,
        database: Database,
        broker: Broker,
        clock: Callable[[], float],
        *,
        allow: Sequence[Network] = (),
        look_s: float = LOOK_S,
    ) -> None:
        self._database = database
        self._broker = broker
        self._clock = clock
        self._guard = Guard(allow=tuple(allow))
        self._look_s = look_s
        self._publisher: Publisher | None = None
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="retrain")
        self._looking: list[Future[None]] = []

    def tick(self, now: float) -> None:
        """Takes every retrain a step further that can go one."""
        self._looking = [one for one in self._looking if not _ended(one)]
        with self._database.read() as connection:
            to_send = records.to_send(connection)
            watched = records.watched(connection)
        for record in to_send:
            self._send(record, now)
        for record in watched:
            self._follow(record, now)

    def close(self) -> None:
        """Waits for the looks under way; each is bounded by its timeout."""
        self._pool.shutdown()
        if self._publisher is not None:
            self._publisher.close()

    def _send(self, record: Record, now: float) -> None:
        """Completes the request and puts it into the outbox; from then on it never changes."""
        settings = Retrain.model_validate(record.settings)
        request = self._located(record, settings)
        answer_by = None if settings.answer_within is None else now + settings.answer_within
        with self._database.write() as connection:
            outbox.put(connection, "retrain", [request], settings.endpoints(), now=now)
            records.change(
                connection,
                record.id,
                event=request.to_json(),
                sent_at=now,
                answer_by=answer_by,
                look_at=now + self._look_s if settings.start else None,
            )

    def _located(self, record: Record, settings: Retrain) -> Notification:
        request = Notification.from_json(record.event)
        with self._database.read() as connection:
            registration = registry.get(connection, record.monitor)
        if registration is None:
            return request
        start, end = record.at - settings.training, record.at
        export = _export_url(request, registration.monitor, start, end)
        where = training_data(
            self._broker, registration.monitor, start=start, end=end, export=export
        )
        return event.located(request, where)

    def _follow(self, record: Record, now: float) -> None:
        if record.published_at is None:
            self._publish(record, now)
        if record.state == RetrainState.REQUESTED:
            self._settle(record, now)
        is_late = record.answer_by is not None and record.answer_by <= now
        if is_late and record.state in OUTSTANDING:
            self._miss(record, now)
        elif record.look_at is not None and record.look_at <= now:
            self._look_later(record, now)

    def _publish(self, record: Record, now: float) -> None:
        topic, key = self._broker.topics.retrain, record.monitor.encode()
        headers = [(Header.CONTENT_TYPE, CONTENT_TYPE.encode())]
        try:
            if self._publisher is None:
                self._publisher = Publisher(self._broker, client_id=CLIENT)
            self._publisher.deliver([Message(topic, key, orjson.dumps(record.event), headers)])
        except (DeliveryError, BrokerUnavailableError) as error:
            _logger.warning("%s is not published and is tried again: %s", record.id, error)
            return
        with self._database.write() as connection:
            records.change(connection, record.id, published_at=now)

    def _settle(self, record: Record, now: float) -> None:
        """Takes over what became of the deliveries: one that is taken is enough."""
        names = [e.name for e in Retrain.model_validate(record.settings).endpoints()]
        with self._database.write() as connection:
            states = _delivery_states(connection, record, names)
            if State.DELIVERED in states or (not names and record.published_at is not None):
                by = "delivery" if names else "topic"
                records.move(connection, record.id, RetrainState.ACCEPTED, by=by, now=now)
            elif states and all(state in _REFUSED for state in states):
                told = "nobody who was asked has taken the request"
                _move(connection, record, RetrainState.FAILED, "delivery", now, detail=told)

    def _miss(self, record: Record, now: float) -> None:
        with self._database.write() as connection:
            _move(connection, record, RetrainState.UNANSWERED, "clock", now)
        _logger.warning("%s of %s was not answered in time", record.id, record.monitor)

    def _look_later(self, record: Record, now: float) -> None:
        with self._database.write() as connection:
            records.change(connection, record.id, look_at=now + LEASE_S)
        self._looking.append(self._pool.submit(self._look, record))

    def _look(self, record: Record) -> None:
        """Asks the system what became of the run, and takes it over."""
        settings = Retrain.model_validate(record.settings)
        assert settings.start is not None  # `look_at` is set for those alone
        request, now = Notification.from_json(record.event), self._clock()
        try:
            pipeline = starting.open(settings.start.target(), self._guard)
        except SecretFileError as error:
            _logger.warning("%s cannot be asked about: %s", record.id, error)
            news = None
        else:
            news = pipeline.look(request, now=now)
        with self._database.write() as connection:
            if news is not None:
                _move(connection, record, news, settings.start.kind, now)
            records.change(connection, record.id, look_at=self._clock() + self._look_s)


def _move(
    connection: Connection,
    record: Record,
    news: RetrainState,
    by: str,
    now: float,
    *,
    detail: str | None = None,
) -> None:
    """Takes in news, and what they mean for the alerts about the retrain."""
    if records.move(connection, record.id, news, by=by, now=now, detail=detail):
        trouble.follow(connection, record, news, now=now, detail=detail)


def _ended(look: Future[None]) -> bool:
    """A fault in a look is ours, and is raised where it is seen."""
    if look.done():
        look.result()
    return look.done()


def _delivery_states(connection: Connection, record: Record, names: Sequence[str]) -> list[str]:
    t = tables.outbox
    ids = [delivery_id(record.event["id"], name) for name in names]
    return list(connection.scalars(select(t.c.state).where(t.c.id.in_(ids))))


def _export_url(request: Notification, monitor: Monitor, start: float, end: float) -> str | None:
    about: dict[str, Any] = request.data["retrain"]
    if about["callback"] is None:
        return None
    api = about["callback"].partition("/retrains/")[0]
    return f"{api}/monitors/{monitor.name}/rows?from={start:.3f}&to={end:.3f}"
